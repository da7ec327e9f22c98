"""Commands of four eyes: what one person proposes another decides on."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from clearing.cli.output import amount, clock, out, print_json, table
from clearing.cli.person import Person, person_of
from clearing.cli.where import Where, ledger
from clearing.events import EventRefused
from clearing.events.lines import read_object
from clearing.reconcile import Apart, Leg, Proposal

app = App(
    name="signoff",
    help="Adjustments, write-offs, tolerances, limits, rulebooks, withdrawn statements, accepted"
    " doubts: one proposes, another decides.",
)

Break = Annotated[int, Parameter(help="the break's number")]
Because = Annotated[str, Parameter(help="the reason, in words")]
Asked = Annotated[int, Parameter(help="the proposal's number")]


@app.default
def listed(
    *,
    all: Annotated[bool, Parameter(negative=(), help="decided ones, too")] = False,  # noqa: A002 - the option is called --all
    where: Where | None = None,
) -> None:
    """List what waits for a decision."""
    with ledger(where) as opened:
        found = opened.desk("reader").proposals(open_only=not all)
    _show(found, "Proposals" if all else "Waiting for a decision", where)


def _show(found: list[Proposal], title: str, where: Where | None) -> None:
    if where is not None and where.json:
        print_json(found)
        return
    rows = [
        (
            str(one.number),
            _what(one),
            str(one.break_number or ""),
            f"{amount(one.amount)} {one.asset}".strip() if one.asset else "",
            one.author,
            clock(one.proposed_at),
            f"revoked by {one.revoked_by}" if one.revoked_by else one.status,
            one.approver,
            one.reason,
        )
        for one in found
    ]
    columns = (
        *(">proposal", "what", ">break", ">amount", "by", "at", "status", "decided by"),
        "reason",
    )
    out.print(table(title, columns, rows))


def _what(one: Proposal) -> str:
    """Write what a proposal is for; of statements also which, for no break says it."""
    if one.kind == "withdrawal":
        replaced = one.document["replaced_by"]
        what = f"withdrawal of import {one.document['import']}"
        return f"{what}, replaced by {replaced}" if replaced else what
    if one.kind == "acceptance":
        return f"acceptance: {one.document['words']}"
    return one.kind


def _of_break(
    kind: Literal["adjustment", "write_off", "override"],
    number: int,
    reason: str,
    source: str,
    person: str | None,
    where: Where | None,
) -> None:
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_for_break(
            kind, number, reason, source=source
        )
    _show([asked], "Proposed", where)


@app.command
def adjust(
    number: Break,
    reason: Because,
    /,
    *,
    source: Annotated[str, Parameter(help="the declared source that the event is appended as")],
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose an adjustment: an event by which our account gets what theirs is ahead by."""
    _of_break("adjustment", number, reason, source, person, where)


@app.command(name="write-off")
def write_off(
    number: Break, reason: Because, /, *, person: Person = None, where: Where | None = None
) -> None:
    """Propose to close a break and bear it."""
    _of_break("write_off", number, reason, "", person, where)


@app.command
def override(
    number: Break, reason: Because, /, *, person: Person = None, where: Where | None = None
) -> None:
    """Propose to close a break because it is none."""
    _of_break("override", number, reason, "", person, where)


@app.command
def tolerance(
    field: Annotated[str, Parameter(help="amount, fee, funding, price, quantity or time")],
    absolute: Annotated[str, Parameter(help="by how much; of time in seconds")],
    reason: Because,
    /,
    *,
    venue: Annotated[str, Parameter(help="of this venue")] = "*",
    of: Annotated[str, Parameter(help="of this asset or market")] = "*",
    millionths: Annotated[int, Parameter(help="or by so many millionths of our figure")] = 0,
    residual_account: Annotated[str, Parameter(help="where what it lets pass is posted")] = "",
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose a tolerance."""
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_tolerance(
            field,
            absolute,
            reason,
            venue=venue,
            what=of,
            millionths=millionths,
            residual_account=residual_account,
        )
    _show([asked], "Proposed", where)


@app.command
def limit(
    who: Annotated[str, Parameter(help="whose limit")],
    most: Annotated[str, Parameter(help="the most that they may approve")],
    reason: Because,
    /,
    *,
    kind: Annotated[str, Parameter(help="of proposals of this kind")] = "*",
    asset: Annotated[str, Parameter(help="in this asset")] = "*",
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose up to which amount somebody may approve."""
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_limit(who, kind, asset, most, reason)
    _show([asked], "Proposed", where)


@app.command
def policy(
    apart: Annotated[Apart, Parameter(help="names: another name; users: another database user")],
    reason: Because,
    /,
    *,
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose by what proposer and decider must differ; without a policy it is by name."""
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_policy(apart, reason)
    _show([asked], "Proposed", where)


@app.command
def rulebook(
    file: Annotated[Path, Parameter(help="a RulebookAdopted event as JSON")],
    reason: Because,
    /,
    *,
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose a rulebook; author and approver will be those of the proposal."""
    try:
        event = read_object(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, EventRefused) as error:
        raise ValueError(f"{file}: {error}") from error
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_rulebook(event, reason)
    _show([asked], "Proposed", where)


@app.command
def withdraw(
    number: Annotated[int, Parameter(help="the statement's import, as clearing statements says")],
    reason: Because,
    /,
    *,
    replaced_by: Annotated[int, Parameter(help="the import of the corrected one")] = 0,
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose that a statement counts no more: taken in by mistake, or replaced."""
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_withdrawal(
            number, reason, replaced_by=replaced_by
        )
    _show([asked], "Proposed", where)


@app.command
def accept(
    venue: Annotated[str, Parameter(help="whose statements")],
    account: Annotated[str, Parameter(help="the ledger account that they are of")],
    doubt: Annotated[str, Parameter(help="the doubt's or gap's id, as clearing reconcile says")],
    reason: Because,
    /,
    *,
    leg: Annotated[Leg, Parameter(help="venue, chain or bank")] = "venue",
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Propose that a doubt about statements was looked into and is none."""
    with ledger(where) as opened:
        asked = opened.desk(person_of(person)).propose_acceptance(
            venue, account, doubt, reason, leg=leg
        )
    _show([asked], "Proposed", where)


@app.command
def revoke(
    number: Annotated[int, Parameter(help="the proposal by which it was accepted")],
    reason: Because,
    /,
    *,
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Doubt again what was accepted; one person is enough."""
    with ledger(where) as opened:
        done = opened.desk(person_of(person)).revoke(number, reason)
    _show([done], "Revoked", where)


@app.command
def approve(
    number: Asked,
    /,
    *,
    reason: Annotated[str, Parameter(help="why, in words")] = "",
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Approve what somebody else proposed, and carry it out."""
    with ledger(where) as opened:
        done = opened.desk(person_of(person)).decide(number, approve=True, reason=reason)
    _show([done], "Approved", where)


@app.command
def decline(
    number: Asked,
    /,
    *,
    reason: Annotated[str, Parameter(help="why, in words")] = "",
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Decline what somebody else proposed."""
    with ledger(where) as opened:
        done = opened.desk(person_of(person)).decide(number, approve=False, reason=reason)
    _show([done], "Declined", where)
