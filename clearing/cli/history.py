"""The command that tells a history: every event and entry that touched somebody, page by page."""

import json
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators

from clearing.audit import HistoryEntry, HistoryEvent, HistoryPage, Wanted
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, err, out, plain, print_json, print_text, short, shown_time
from clearing.cli.where import Where, ledger

Of = Literal["account", "market", "fund"]

Kinds = Annotated[
    tuple[str, ...],
    Parameter(name="--kind", negative=(), help="only events of this kind, as Traded; repeat it"),
]
Entries = Annotated[
    tuple[str, ...],
    Parameter(name="--entry", negative=(), help="only entries of this kind, as posting; repeat it"),
]
First = Annotated[
    int,
    Parameter(name="--from", help="begin at this log position", validator=validators.Number(gte=1)),
]
Lines = Annotated[
    int,
    Parameter(help="the most lines of a page", validator=validators.Number(gte=1, lte=100_000)),
]
Equity = Annotated[
    bool,
    Parameter(
        negative=(),
        help="of an account: marks of what it held, too, and how it stood after each event",
    ),
]


def history(
    of: Of,
    name: str,
    /,
    *,
    kind: Kinds = (),
    entry: Entries = (),
    first: First = 1,
    after: Annotated[str, Parameter(help="the cursor that the page before ended with")] = "",
    limit: Lines = 100,
    equity: Equity = False,
    lines: Annotated[
        bool, Parameter(negative=(), help="one line of JSON for each event, every page")
    ] = False,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Tell everything that touched an account, market or fund: events, and their entries beneath.

    The moment that is asked about is where the history ends.
    """
    if equity and of == "market":
        raise ValueError("a market has no equity: --equity is for an account or a fund")
    wanted = Wanted(kind, entry, first, after, limit, equity)
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        page = opened.history(of, name, moment, wanted=wanted)
        while lines:
            for event in page.events:
                print_text(json.dumps(plain(event), ensure_ascii=False))
            if not page.after:
                return
            following = Wanted(kind, entry, first, page.after, limit, equity)
            page = opened.history(of, name, moment, wanted=following)
    if where is not None and where.json:
        print_json(page)
        return
    _print_page(page)


def _print_page(page: HistoryPage) -> None:
    for event in page.events:
        _print_event(event)
    if not page.events:
        out.print("Nothing.")
    if page.after:
        err.print(f"There is more: --after {page.after}", style="dim")


def _print_event(event: HistoryEvent) -> None:
    rules = ", ".join(f"{asset}: {name}" for asset, name in event.rulebooks.items())
    out.print(
        f"{event.log_position:>12,}  {shown_time(event.occurred_at)}  {event.kind}  "
        f"{event.source}/{event.external_id}" + (f"  under {rules}" if rules else ""),
        style="bold",
        markup=False,
    )
    content = {name: value for name, value in event.content.items() if name != "document"}
    out.print(f"{'':14}{_words(content)}", markup=False)
    for entry in event.entries:
        out.print(f"{entry.line:>12,}  {_sentence(entry)}", markup=False)
    for asset, at in event.standing.items():
        out.print(
            f"{'':14}equity {short(at.equity)} {asset}, maintenance {short(at.maintenance)},"
            f" initial {short(at.initial)}, {at.status}",
            style="cyan",
            markup=False,
        )


def _sentence(entry: HistoryEntry) -> str:
    """Write an entry for people; postings and positions are said in their own way."""
    told = entry.fields
    if entry.kind == "posting":
        sign = "" if told["amount"].startswith("-") else "+"
        other = " ".join(filter(None, (told["counter_ledger"], told["counter_ordinal"])))
        of = " ".join(filter(None, (told["ledger"], told["ordinal"])))
        return (
            f"posting {told['purpose']}: {of} {sign}{amount(told['amount'])} {told['asset']}"
            f" ({other}), {amount(told['balance_before'])} → {amount(told['balance'])}"
        )
    if entry.kind == "position":
        who = " ".join(filter(None, (told["holder_kind"], told["holder"])))
        return (
            f"position of {who} in {told['market']}:"
            f" {amount(told['size_before'])} → {amount(told['size'])},"
            f" cost {amount(told['cost_before'])} → {amount(told['cost'])}"
        )
    return f"{entry.kind} {_words(told)}"


def _words(fields: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if value not in ("", None)
    )
