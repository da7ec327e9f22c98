"""One log, one result: whichever watch looks, wherever a snapshot was taken up, however often."""

import random
from functools import cache
from itertools import islice

import pytest

from clearing.engine import Engine, Entry, WatchName
from clearing.events import EventRow, Registry, encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.samples import incident_day

SIZE = 2500
SEEDS = (1, 2, 3)
WATCHES: tuple[WatchName, ...] = ("naive", "banded")


@cache
def rows(seed: int) -> tuple[EventRow, ...]:
    """The first events of an incident day, as stored."""
    registry, found = Registry(), []
    events = islice(incident_day(seed, accounts=20, trades_per_minute=1), SIZE)
    for position, event in enumerate(events, start=1):
        row = encode(event, registry)
        row.position = position
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        found.append(row)
    return tuple(found)


def resolve(seed: int, source: int, external_id: str) -> EventRow | None:
    return _by_identity(seed).get((source, external_id))


@cache
def _by_identity(seed: int) -> dict[tuple[int, str], EventRow]:
    return {(row.source, row.external_id): row for row in rows(seed)}


def begin(seed: int, watch: WatchName) -> Engine:
    return Engine(resolver=lambda *identity: resolve(seed, *identity), watch=watch)


@cache
def naive(seed: int) -> tuple[tuple[list[Entry], ...], str, bytes]:
    """Entries by event, digest and entry hash of the plain fold from genesis."""
    engine = begin(seed, "naive")
    entries = tuple(engine.apply(row) for row in rows(seed))
    return entries, engine.digest(), engine.entry_hash


@pytest.mark.parametrize("seed", SEEDS)
def test_the_day_has_something_to_disagree_about(seed: int) -> None:
    kinds = {entry[0] for entries in naive(seed)[0] for entry in entries}
    assert {"posting", "transition", "mark", "position"} <= kinds


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("watch", WATCHES)
def test_snapshots_anywhere_and_any_watch_after_them_change_no_entry(
    seed: int, watch: WatchName
) -> None:
    """Taken up at random positions again and again, changing the watch each time."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    stops = sorted(dice.sample(range(SIZE), 25))
    expected, digest, entry_hash = naive(seed)
    engine = begin(seed, watch)
    for row in rows(seed):
        if engine.position in stops:
            text = engine.snapshot()
            watch = dice.choice(WATCHES)
            engine = Engine.restore(
                text, resolver=lambda *identity: resolve(seed, *identity), watch=watch
            )
            assert engine.snapshot() == text
        assert engine.apply(row) == expected[row.position - 1], (row.position, watch)
    assert (engine.digest(), engine.entry_hash) == (digest, entry_hash)


@pytest.mark.parametrize("seed", SEEDS)
def test_sums_hold_after_every_event(seed: int) -> None:
    """Money sums to zero in every asset, signed sizes in every market."""
    engine = begin(seed, "banded")
    for row in rows(seed):
        engine.apply(row)
        book = engine.book
        totals = dict.fromkeys(book.assets, 0)
        for (_, _, asset), balance in book.balances.items():
            totals[asset] += balance
        sizes = {m.ordinal: sum(p.size for p in m.houses.values()) for m in book.markets.values()}
        for scope in book.scopes.values():
            totals[scope.asset] += scope.cash
            for market, position in scope.positions.items():
                sizes[market] += position.size
        assert not any(totals.values()), row.position
        assert not any(sizes.values()), row.position
