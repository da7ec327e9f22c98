"""Commands that compute what a venue should have charged: fees by a schedule, funding by rates."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.adapters import Refusal
from clearing.adapters.statements import StatementLine, statement_files
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, err, out, print_json, shown_time, table
from clearing.cli.statements import Files, Form, Settings, reader_of, settings_of
from clearing.cli.where import Where, ledger
from clearing.reconcile import (
    FeeReport,
    FundingReport,
    ImpliedRate,
    TakerWhen,
    charges_of,
    fee_schedule,
    implied_rates,
    recompute_fees,
)

app = App(name="recompute", help="What a venue should have charged, against what it did.")

_LISTED = 40


def lines_of(
    files: tuple[str, ...], form: str | None, pairs: tuple[str, ...]
) -> Iterator[StatementLine]:
    """Yield the lines of statements; what cannot be read is told and left out."""
    for path in statement_files(files):
        reader = reader_of(path, form)
        for item in reader.read(path, settings_of(pairs)):
            if isinstance(item, Refusal):
                err.print(str(item), style="red", markup=False)
            elif isinstance(item, StatementLine):
                yield item


@app.command
def fees(
    *files: Files,
    schedule: Annotated[Path, Parameter(help="the venue's fees, as YAML or JSON")],
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    where: Where | None = None,
) -> int:
    """Compare the fee of each fill with a schedule; exit code 1 where any differs."""
    report = recompute_fees(lines_of(files, form, set), fee_schedule(schedule))
    if where is not None and where.json:
        print_json(report)
    else:
        _print_fees(report)
    return 1 if report.lines else 0


def _print_fees(report: FeeReport) -> None:
    rows = [
        (
            f"{Path(one.file).name}:{one.line}",
            shown_time(one.at),
            one.market,
            amount(one.notional),
            one.rate,
            *(amount(text) for text in (one.charged, one.expected, one.overcharged)),
        )
        for one in report.lines[:_LISTED]
    ]
    columns = ("line", "at", "market", ">notional", ">rate", ">charged", ">expected", ">too much")
    if rows:
        out.print(table(f"{len(report.lines):,} fees that differ", columns, rows))
    assets = sorted(report.charged)
    sums = [
        (
            asset,
            *(
                amount(by_asset.get(asset, "0"))
                for by_asset in (
                    report.charged,
                    report.expected,
                    report.overcharged,
                    report.undercharged,
                )
            ),
        )
        for asset in assets
    ]
    names = ("fees in", ">charged", ">expected", ">overcharged", ">undercharged")
    out.print(table("In all", names, sums))
    out.print(f"{report.compared:,} fills compared, {report.unscheduled:,} without a schedule")


@app.command
def rates(
    *files: Files,
    decimals: Annotated[int, Parameter(help="decimals that fees are rounded to")],
    units: Annotated[int, Parameter(help="by how many of the last one they may be off")] = 1,
    taker: Annotated[
        str | None, Parameter(help="COLUMN=VALUE by which a line says that it took")
    ] = None,
    by_market: Annotated[
        bool, Parameter(negative=(), help="a rate for each market, not one for all together")
    ] = False,
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    where: Where | None = None,
) -> None:
    """Say what rates an account was charged, where its schedule is not known."""
    when = None
    if taker is not None:
        column, equals, value = taker.partition("=")
        if not equals:
            raise ValueError(f"--taker {taker!r} is not COLUMN=VALUE")
        when = TakerWhen(column=column, value=value)
    found = implied_rates(
        lines_of(files, form, set),
        decimals=decimals,
        units=units,
        taker_when=when,
        by_market=by_market,
    )
    if where is not None and where.json:
        print_json(found)
        return
    out.print(table("Rates that the fees tell", _RATES, [_rate(one) for one in found]))


_RATES = (
    "account",
    "fees in",
    "market",
    "takes",
    ">fills",
    ">rate from",
    ">to",
    "lines that do not fit",
)


def _rate(one: ImpliedRate) -> tuple[str, ...]:
    odd = ", ".join(str(line) for line in one.odd[:8])
    more = " …" if len(one.odd) > 8 else ""
    return (
        one.account,
        one.fee_asset,
        one.market,
        one.takes,
        f"{one.fills:,}",
        one.lowest,
        one.highest,
        f"{odd}{more}",
    )


@app.command
def funding(
    account: Annotated[str, Parameter(help="the ledger account")],
    /,
    *files: Files,
    within: Annotated[int, Parameter(help="seconds after a settlement that it is charged")] = 60,
    units: Annotated[int, Parameter(help="units by which a charge may be off")] = 0,
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    when: When | None = None,
    where: Where | None = None,
) -> int:
    """Compare the funding that statements charge with the ledger's rates and positions."""
    charges = list(charges_of(lines_of(files, form, set)))
    with ledger(where) as opened:
        report = opened.desk("reader").recompute_funding(
            account,
            charges,
            at=moment_of(opened, when),
            within=timedelta(seconds=within),
            units=units,
        )
    if where is not None and where.json:
        print_json(report)
    else:
        _print_funding(report)
    return 1 if report.lines else 0


def _print_funding(report: FundingReport) -> None:
    rows = [
        (
            shown_time(one.at),
            one.market,
            one.rate,
            amount(one.size),
            *(amount(text) for text in (one.due, one.charged, one.overcharged)),
            one.verdict,
        )
        for one in report.lines[:_LISTED]
    ]
    columns = ("at", "market", ">rate", ">size", ">due", ">charged", ">too little", "")
    if rows:
        out.print(table(f"{len(report.lines):,} charges that differ", columns, rows))
    sums = [
        (
            asset,
            *(
                amount(by_asset.get(asset, "0"))
                for by_asset in (report.due, report.charged, report.overcharged)
            ),
        )
        for asset in sorted(report.due.keys() | report.charged.keys())
    ]
    out.print(table("In all", ("funding in", ">due", ">charged", ">too little"), sums))
    out.print(f"{report.compared:,} settlements compared")
