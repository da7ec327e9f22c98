"""Explaining a liquidation: each rung that acted, on which inequality, and all that followed.

The event is applied once more to the engine as it was just before it, from the nearest snapshot;
its entries are the ones that the histories have, and the workings are the fold's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from clearing.audit.entries import Value, entry_view
from clearing.audit.explain.clauses import Clause, Paths, clause_of
from clearing.audit.explain.grouping import Rung, Working, grouped, posted
from clearing.audit.explain.nodes import Node, Source, Subject, nodes_of
from clearing.audit.explain.sources import TOLD, Sources
from clearing.audit.explain.within import within
from clearing.audit.load import Histories
from clearing.audit.losses import NameUnknown, declared
from clearing.audit.moments import Moment
from clearing.audit.replay.running import engine_at
from clearing.audit.replay.sums import exact_text
from clearing.engine import Entry
from clearing.engine.book import Book
from clearing.engine.valuation import measure
from clearing.events import upcast
from clearing.events.registry import Registry
from clearing.log import Connection, read_at
from clearing.quantities import Trace


@dataclass(frozen=True, slots=True)
class RungStep:
    """One rung that acted on the account.

    The inequality that was true: ``counted`` ``comparator`` ``threshold`` (``factor`` × what
    ``level`` asked), missed by ``short`` (threshold − counted; 0 where both are equal). ``counted``
    is the part of ``equity`` that counts at the level: all of it, where nothing is weighed.
    ``marks`` are those at which it was tested, ``working`` the trees of its figures (equity, what
    counts less, each level), computed before the rung acted.
    ``did`` are the workings of what the rung did, in order: how much was closed and by which rule,
    what it fetched, the penalty and its shares, the amount that each position was handed over for,
    what each layer could take and took or paid and what was left, each candidate's key by rank, and
    the loss. Notes ``ladders.…`` and ``waterfalls.…`` are paths in the rulebook's document.
    ``entries`` are all that followed until the next rung: what was closed, for how much, to whom,
    by which layer; penalties; the whole ADL ranking with its features; losses and funds. A posting
    names its ``working``: the place in ``did``, from 1, of the figure that it posts.
    """

    rung: Value
    action: Value
    account: Value
    equity: str
    counted: str
    comparator: Value
    threshold: Value
    level: Value
    factor: Value
    short: str
    marks: dict[str, str]
    working: tuple[Node, ...]
    did: tuple[Node, ...]
    entries: tuple[dict[str, Value], ...]


@dataclass(frozen=True, slots=True)
class CloseStep:
    """One close at a price that others named, for a rung that had put up the position or waits.

    ``outcome`` is ``taken`` or ``awarded`` of an auction, or ``recorded`` of a venue's own fill,
    which stands beside what the rulebook would have closed; or ``told``, where the rulebook leaves
    liquidating to the venue (``rung`` 0, nothing that a rung ``did``): what its levels asked just
    before the event says whether it was due, all of its entries what was closed, against whom, and
    what deviates.
    ``working``, ``did`` and ``entries`` are as those of a :class:`RungStep`.
    """

    rung: int
    outcome: str
    account: str
    marks: dict[str, str]
    working: tuple[Node, ...]
    did: tuple[Node, ...]
    entries: tuple[dict[str, Value], ...]


@dataclass(frozen=True, slots=True)
class LiquidationExplained:
    """What the event at ``log_position`` did to an account by its ladder, rung by rung.

    ``closes`` came first: what was taken or awarded of its auctions, and fills that are the
    venue's.
    """

    account: str
    log_position: int
    event: Source
    rulebooks: dict[str, Clause]
    closes: tuple[CloseStep, ...]
    steps: tuple[RungStep, ...]


def explain_liquidation(
    connection: Connection, account: str, moment: Moment
) -> LiquidationExplained:
    """Return what an account's last liquidation up to ``moment`` did, and on what.

    Raises :class:`~clearing.audit.NameUnknown` if the account was not opened by then, or was never
    liquidated.
    """
    histories = Histories(connection, moment)
    ordinal = declared(histories.registry, account, moment)
    for position in _candidates(histories, ordinal):
        answer = _explained(connection, account, ordinal, Moment(moment.generation, position))
        if answer.steps or answer.closes:
            return answer
    raise NameUnknown(
        f"no rung acted on account {account!r} up to log position {moment.position:,}"
    )


def _candidates(histories: Histories, account: int) -> list[int]:
    """Return the last events at which a rung acted, an auction sold, or a venue liquidated.

    The latest first.
    """
    sold = " AND outcome IN ('taken', 'awarded')"
    found = set()
    for table, more in (("liquidation", ""), ("auction", sold), ("venue_liquidation", "")):
        rows = histories.rows(
            f"SELECT position FROM {{{table}}} WHERE account = %(account)s"  # noqa: S608 - constants of this function
            f" AND position <= %(position)s{more} ORDER BY position DESC LIMIT 1",
            [table],
            account=account,
        )
        found |= {int(row[0]) for row in rows}
    return sorted(found, reverse=True)


def _explained(
    connection: Connection, account: str, ordinal: int, then: Moment
) -> LiquidationExplained:
    """Return what the event at a position did to an account by its ladder."""
    position = then.position
    engine = engine_at(connection, then, position - 1)
    stood = _stood(engine.book, ordinal)
    entries, workings = engine.explain(upcast(read_at(connection, position)[0]))
    after = Sources(Histories(connection, then))
    before = Histories(connection, Moment(then.generation, position - 1))
    # The event may have put in force the very rulebook that it was acted by.
    sources = Sources(before, after.now, rules=then)
    event = after.event(position)
    book = engine.book
    rulebooks = {
        book.registry.asset(asset.ordinal).name: clause
        for asset in book.assets.values()
        if (clause := clause_of(sources, asset.rulebook)) is not None
    }
    closes, steps = [], []
    for rung in grouped(workings):
        if rung.margin[1].account != ordinal:
            continue
        if rung.is_close:
            closes.append(_close(sources, event, entries, rung, book))
        elif _is_step(entries, rung.margin):
            steps.append(_step(sources, event, entries, rung, book))
    if not closes and not steps:
        closes += _told_closes(sources, entries, stood, ordinal)
    return LiquidationExplained(account, position, event, rulebooks, tuple(closes), tuple(steps))


def _close(
    sources: Sources, event: Source, entries: list[Entry], rung: Rung, book: Book
) -> CloseStep:
    line, scope, working = rung.margin
    registry = sources.registry
    paths = Paths(book, scope, rung.number)
    find = within(event, entries[:line], sources.find)
    about = Subject(scope.account, 0, scope.asset)
    parts = tuple(nodes_of(child, about, find) for child in working.inputs)
    return CloseStep(
        rung.number,
        working.note,
        registry.account(scope.account).name,
        dict(_marks(parts)),
        parts,
        tuple(paths.whole(_figure(sources, event, entries, one)) for one in rung.did),
        tuple(_viewed(registry, entries, rung, line, rung.end)),
    )


def _stood(book: Book, account: int) -> dict[int, Trace]:
    """Return the working of an account's margin in each asset in which rules bind it."""
    found = {}
    for (who, asset), scope in book.scopes.items():
        if who == account and scope.rules is not None:
            found[asset] = Trace("margin", account=account, asset=asset)
            measure(book, scope, found[asset])
    return found


def _told_closes(
    sources: Sources, entries: list[Entry], stood: dict[int, Trace], account: int
) -> Iterable[CloseStep]:
    """Yield what a venue says it liquidated of an account, where no rung of ours had a part."""
    for told in entries:
        if told[:2] != ("venue_liquidation", account) or int(told[2]) not in stood:
            continue
        asset = told[2]
        about, working = Subject(account, 0, int(asset)), stood[int(asset)]
        parts = tuple(nodes_of(child, about, sources.find) for child in working.inputs)
        yield CloseStep(
            0,
            "told",
            sources.registry.account(account).name,
            dict(_marks(parts)),
            parts,
            (),
            tuple(entry_view(sources.registry, entry) for entry in entries),
        )


def _step(
    sources: Sources,
    event: Source,
    entries: list[Entry],
    rung: Rung,
    book: Book,
) -> RungStep:
    line, scope, working = rung.margin
    registry = sources.registry
    told = entry_view(registry, entries[line])
    paths = Paths(book, scope, int(told["rung"]))
    counted = Fraction(str(told["equity"]))
    short = Fraction(str(told["threshold"])) - counted
    about = Subject(scope.account, 0, scope.asset)
    find = within(event, entries[:line], sources.find)
    parts = tuple(nodes_of(child, about, find) for child in working.inputs)
    return RungStep(
        told["rung"],
        told["action"],
        told["account"],
        exact_text(_equity(working)),
        exact_text(counted),
        told["comparator"],
        told["threshold"],
        told["level"],
        told["factor"],
        exact_text(short),
        dict(_marks(parts)),
        parts,
        tuple(paths.whole(_figure(sources, event, entries, one)) for one in rung.did),
        tuple(_followed(registry, entries, rung)),
    )


def _is_step(entries: list[Entry], working: Working) -> bool:
    line = working[0]
    return line < len(entries) and entries[line][0] == "liquidation"


def _figure(sources: Sources, event: Source, entries: list[Entry], working: Working) -> Node:
    """Return one of the figures of what a rung did as a tree."""
    line, scope, trace = working
    about = Subject(scope.account, 0, scope.asset)
    return _told(nodes_of(trace, about, within(event, entries[:line], sources.find)))


_CLAUSES: Final = ("rung.", "waterfall.")
"""How the note of a figure begins that a rulebook gives."""


def _told(node: Node) -> Node:
    """Return a figure whose facts name events only where one tells them.

    What a working before it gave comes from no event.
    """
    if node.formula or node.inputs:
        return replace(node, inputs=tuple(_told(child) for child in node.inputs))
    if node.name in TOLD or node.note.startswith(_CLAUSES):
        return node
    return replace(node, sources=())


def _equity(working: Trace) -> Fraction:
    """Return all that the scope was worth, what it has in other assets at its full value."""
    figures = (part for part in working.inputs if part.name in ("equity", "collateral"))
    return sum((Fraction(part.result) for part in figures), Fraction(0))


def _marks(parts: Iterable[Node]) -> Iterable[tuple[str, str]]:
    """Yield the market and the mark of every unrealised PnL of a margin's working."""
    for part in parts:
        if part.name.startswith("unrealised "):
            for value in part.inputs:
                if value.name == "value of one":
                    yield part.name.removeprefix("unrealised "), value.named("mark").result
        yield from _marks(part.inputs)


def _followed(
    registry: Registry, entries: Sequence[Entry], rung: Rung
) -> Iterable[dict[str, Value]]:
    """Return a rung's own entries: all until the next rung of any account acted."""
    first = rung.margin[0] + 1
    rest = range(first, len(entries))
    end = next((line for line in rest if entries[line][0] == "liquidation"), len(entries))
    return _viewed(registry, entries, rung, first, end)


def _viewed(
    registry: Registry, entries: Sequence[Entry], rung: Rung, first: int, end: int
) -> Iterable[dict[str, Value]]:
    """Yield entries as people read them, each posting with the place of its working."""
    places = posted(entries, rung)
    for line, entry in enumerate(entries[first:end], start=first):
        view = entry_view(registry, entry)
        yield {**view, "working": places[line]} if line in places else view
