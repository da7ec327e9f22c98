"""Histories are what the fold says, however they were written; the past reads as it was."""

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.database import connect
from clearing.engine import Engine
from clearing.engine.scope import Scope
from clearing.engine.valuation import measure
from clearing.events import Event
from clearing.log import Connection, LogWriter, read_log
from clearing.projectors import (
    Projector,
    RebuildRefused,
    check_generation,
    ensure_live,
    fold_log,
    follow,
    generations,
    live_generation,
    log_resolver,
    project,
    rebuild,
)
from clearing.projectors.generations import (
    create_generation,
    projector_transaction,
    table_differences,
)
from clearing.projectors.projector import snapshots_apart
from clearing.samples import incident_day

SIZE = 3000


def events() -> list[Event]:
    """A small incident day, until after its crash."""
    return list(islice(incident_day(accounts=30, trades_per_minute=1), SIZE))


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as connection:
        LogWriter(connection).append(events())
        yield connection


def test_batch_sizes_and_snapshots_change_nothing(ledger: Connection) -> None:
    project(ledger, batch=1000, snapshot_every=700)
    live = ensure_live(ledger)
    for batch, every in ((1, 400), (333, 10_000)):
        with projector_transaction(ledger, creates=True):
            other = create_generation(ledger, "building")
        Projector(ledger, other, snapshot_every=every).run(upto=SIZE // 3, batch=batch)
        (there,) = [g for g in generations(ledger) if g.number == other.number]
        again = Projector(ledger, there, snapshot_every=every)
        again.run(batch=500)
        assert again.engine.entry_hash == live_generation_hash(ledger)
        assert table_differences(ledger, live.number, other.number, SIZE) == []


def live_generation_hash(connection: Connection) -> bytes:
    live = live_generation(connection)
    assert live is not None
    return live.entry_hash


@pytest.mark.parametrize("position", [1, 17, 900, 2400])
def test_a_snapshot_and_the_tail_are_the_fold_from_genesis(
    ledger: Connection, position: int
) -> None:
    genesis = fold_log(ledger, watch="naive")
    part = fold_log(ledger, upto=position)
    restored = Engine.restore(part.snapshot(), resolver=log_resolver(ledger))
    assert restored.digest() == part.digest()
    for batch in read_log(ledger, after=position):
        for row, _ in batch:
            restored.apply(row)
    assert (restored.entry_hash, restored.digest()) == (genesis.entry_hash, genesis.digest())


def test_the_past_loaded_from_histories_is_the_engines_to_the_digit(ledger: Connection) -> None:
    """Equity, requirements, cash, sizes and status of every account at random positions."""
    project(ledger, batch=500)
    live = ensure_live(ledger)
    dice = random.Random(11)  # noqa: S311 - a test's dice
    for position in sorted(dice.sample(range(1, SIZE), 12)):
        engine = fold_log(ledger, upto=position)
        loaded = Histories(ledger, Moment(live, position)).book()
        for key, scope in engine.book.scopes.items():
            ours = loaded.scope(*key)
            assert ours.cash == scope.cash
            assert {m: (p.size, p.cost) for m, p in ours.positions.items()} == {
                m: (p.size, p.cost) for m, p in scope.positions.items()
            }
            left, right = measure(loaded, ours), measure(engine.book, scope)
            assert (left.equity, left.initial, left.maintenance) == (
                right.equity,
                right.initial,
                right.maintenance,
            )
            assert ours.status == scope.status


def test_following_projects_what_is_appended(database_url: str) -> None:
    with (
        connect(database_url, autocommit=True) as reader,
        connect(database_url, autocommit=True) as writer,
    ):
        log = LogWriter(writer)
        log.append(events()[:100])
        appended: list[int] = []

        def reached(position: int) -> None:
            if position == 100:
                appended.append(log.append(events()[100:200]).new)

        assert follow(reader, idle_seconds=1, progress=reached) == 200
        assert appended == [100]


def test_a_changed_read_model_is_found_and_refuses_the_switch(ledger: Connection) -> None:
    project(ledger)
    ledger.execute("UPDATE generation_1.posting SET balance = balance + 1 WHERE position = 2000")
    ledger.execute("DELETE FROM generation_1.mark WHERE position < 500")
    found = check_generation(ledger)
    assert {text.split(":")[0] for text in found} == {"posting", "mark"}
    with pytest.raises(RebuildRefused, match="posting"):
        rebuild(ledger)
    live = live_generation(ledger)
    assert live is not None
    assert live.number == 1


def test_large_books_are_stored_less_often_than_small_ones() -> None:
    engine = Engine(resolver=lambda *_: None)
    assert snapshots_apart(engine) == 10_000
    for accounts, apart in ((400, 10_000), (1_000, 25_000), (50_000, 100_000)):
        engine.book.scopes = {(number, 1): Scope(number, 1) for number in range(accounts)}
        assert snapshots_apart(engine) == apart
