"""Commands that make breaks of what was charged or done against the rules."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.adapters.statements import StatementLine
from clearing.books import Period
from clearing.cli.output import out, print_json
from clearing.cli.period import Span, asked_period
from clearing.cli.person import Person, person_of
from clearing.cli.recompute import lines_of
from clearing.cli.statements import Files, Form, Settings
from clearing.cli.where import Where, ledger
from clearing.reconcile import Checked, charges_of, fee_schedule, recompute_fees

app = App(
    name="check",
    help="Make breaks of what was charged or done against the rules, beside those of statements.",
)

Account = Annotated[str, Parameter(help="the ledger account")]


def _within(lines: Iterator[StatementLine], period: Period) -> Iterator[StatementLine]:
    return (line for line in lines if period.begins <= line.at < period.ends)


def _said(checked: Checked, where: Where | None) -> int:
    if where is not None and where.json:
        print_json(checked)
        return 1 if checked.found else 0
    told = f", {checked.told:,} more that other breaks tell" if checked.told else ""
    out.print(f"{checked.check} of {checked.account}: {checked.found:,} found{told}", markup=False)
    if checked.recorded is None:
        out.print(f"run {checked.run} said the same: nothing is recorded again")
    else:
        counts = checked.recorded
        out.print(
            f"run {checked.run}: {counts.opened} opened, {counts.changed} changed,"
            f" {counts.closed} closed, {counts.reopened} reopened"
        )
    return 1 if checked.found else 0


@app.command
def rules(
    account: Account,
    /,
    *,
    span: Span | None = None,
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Record what was done to an account in a period against the rulebook in force.

    Liquidations too early, too late, of a wrong size or at a wrong price, ranks, fees, funding:
    what verifying finds. Exit code 1 where anything is.
    """
    period = asked_period(span)
    with ledger(where) as opened:
        desk = opened.desk(person_of(person))
        checked = desk.check_rules(account, period.begins, period.ends)
    return _said(checked, where)


@app.command
def approvals(
    *,
    source: Annotated[
        tuple[str, ...],
        Parameter(help="whose adjustments and rulebooks must have been approved (repeatable)"),
    ] = (),
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Record adjustments and rulebooks in the log that nobody approved at the desk.

    Adjustments of category `reconciliation` are looked at whatever their source. Exit code 1 where
    there are any.
    """
    with ledger(where) as opened:
        checked = opened.desk(person_of(person)).check_approvals(source)
    return _said(checked, where)


@app.command
def fees(
    account: Account,
    /,
    *files: Files,
    schedule: Annotated[Path, Parameter(help="the venue's fees, as YAML or JSON")],
    span: Span | None = None,
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Record fees of a period that differ from a schedule; exit code 1 where any does."""
    period, wanted = asked_period(span), fee_schedule(schedule)
    report = recompute_fees(_within(lines_of(files, form, set), period), wanted)
    with ledger(where) as opened:
        desk = opened.desk(person_of(person))
        checked = desk.check_fees(report, wanted.venue, account, period.begins, period.ends)
    return _said(checked, where)


@app.command
def funding(
    account: Account,
    /,
    *files: Files,
    within: Annotated[int, Parameter(help="seconds after a settlement that it is charged")] = 60,
    units: Annotated[int, Parameter(help="units by which a charge may be off")] = 0,
    span: Span | None = None,
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Record funding of a period that is not what rates make due; exit code 1 where any is not."""
    period = asked_period(span)
    charges = list(charges_of(_within(lines_of(files, form, set), period)))
    with ledger(where) as opened:
        desk = opened.desk(person_of(person))
        report = desk.recompute_funding(
            account,
            charges,
            since=period.begins,
            until=period.ends,
            within=timedelta(seconds=within),
            units=units,
        )
        checked = desk.check_funding(report, account, period.begins, period.ends)
    return _said(checked, where)
