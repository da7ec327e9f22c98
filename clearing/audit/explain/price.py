"""Explaining a market's price: what each source said and how old that is, and what came of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clearing.audit.explain.nodes import Node, Source, Subject, nodes_of
from clearing.audit.explain.sources import Sources
from clearing.audit.load import Histories
from clearing.audit.losses import NameUnknown
from clearing.audit.moments import Moment
from clearing.audit.replay.running import engine_at
from clearing.engine.market import Market
from clearing.engine.reading import role_workings
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.quantities import format_exact


@dataclass(frozen=True, slots=True)
class Observation:
    """What a source said last of a role: the price, when, and how long ago (exact decimal).

    That is before the latest that any of them said.
    """

    source: str
    role: str
    price: str
    occurred_at: datetime
    age_seconds: str


@dataclass(frozen=True, slots=True)
class PriceExplained:
    """A market's prices at a log position.

    ``mark`` is what margin is tested at (empty: none yet), ``quoted`` the price that made it before
    forced closes moved it, ``made_by`` the event that set it. ``status`` is the mark's (``valid``,
    or what is doubtful of it). ``roles`` are what the rulebook's trees gave, ``rules`` how they do
    (its document's part for the market, empty where it has none), ``observations`` what they read,
    ``recorded`` the last recorded mark. ``workings`` has for each role how its tree came to its
    price, in the order in which they are evaluated; one without a price says why there is none.
    """

    market: str
    log_position: int
    mark: str
    quoted: str
    status: str
    made_by: Source | None
    recorded: Observation | None
    roles: dict[str, str]
    observations: tuple[Observation, ...]
    rules: dict[str, Any]
    workings: tuple[Node, ...]


def explain_price(connection: Connection, market: str, moment: Moment) -> PriceExplained:
    """Return a market's prices and what they come from.

    Raises :class:`~clearing.audit.NameUnknown` if it was not declared by then.
    """
    histories = Histories(connection, moment)
    ordinal = histories.registry.market_ordinals.get(market, 0)
    if not ordinal:
        raise NameUnknown(f"no market {market!r} was declared by log position {moment.position:,}")
    engine = engine_at(connection, moment, moment.position)
    here = engine.book.markets[ordinal]
    decimals = here.spec.mark_decimals
    feed, registry = here.feed, engine.book.registry
    now = feed.now
    told = None if feed.last_mark is None else _observation("", "mark", here, *feed.last_mark, now)
    sources = Sources(histories)
    made_by = sources.event(here.mark_position) if here.mark_position else None
    return PriceExplained(
        market,
        moment.position,
        format_exact(here.mark, decimals) if here.mark else "",
        format_exact(here.quoted, decimals) if here.quoted else "",
        feed.status,
        made_by,
        told,
        {role: format_exact(value, decimals) for role, value in sorted(feed.values.items())},
        tuple(
            _observation(registry.source(source).name, role, here, *said, now)
            for (source, role), said in sorted(feed.observed.items())
        ),
        _rules(engine.book.assets[here.asset].rulebook, engine.book.documents, market),
        _workings(here, sources),
    )


_RECORDED: Final = "recorded mark"


def _workings(market: Market, sources: Sources) -> tuple[Node, ...]:
    """Return the working of each role, what was told with the event that told it."""
    registry, feed = sources.registry, market.feed
    told: dict[str, tuple[Source, ...]] = {}

    def name(source: int, role: str) -> str:
        if not source:
            if feed.last_mark is not None:
                told[_RECORDED] = sources.marked(market.ordinal, feed.last_mark[1])
            return _RECORDED
        words = f"{registry.source(source).name} {role}"
        said = feed.observed.get((source, role))
        if said is not None:
            told[words] = sources.observed(market.ordinal, source, role, said[1])
        return words

    def find(named: str, about: Subject) -> tuple[Source, ...]:
        del about
        return told.get(named, ())

    about = Subject(0, market.ordinal, market.asset)
    return tuple(nodes_of(trace, about, find) for trace in role_workings(market, name).values())


def _observation(
    source: str, role: str, market: Market, price: int, at: int, now: int
) -> Observation:
    return Observation(
        source,
        role,
        format_exact(price, market.spec.mark_decimals),
        from_microseconds(at),
        format_exact(max(now - at, 0), 6),
    )


def _rules(rulebook: Any, documents: dict[str, str], market: str) -> dict[str, Any]:
    """Return what a rulebook's document says of a market's prices."""
    if rulebook is None:
        return {}
    prices = json.loads(documents[rulebook.sha256]).get("prices", {})
    return dict(prices.get(market, {}))
