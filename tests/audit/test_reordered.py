"""What had happened by a time: the log's own books, or the same facts in the order of occurring."""

from datetime import datetime
from random import Random

import pytest
from psycopg import sql

from clearing.audit import MomentUnclear, account, accounts, house, resolve_moment
from clearing.audit.accounts import account_view
from clearing.audit.house import house_view
from clearing.audit.moments import first_later
from clearing.audit.refold import _snapshot_before, refold
from clearing.database import connect
from clearing.engine import Engine, Entry
from clearing.events import Event, EventRow, Registry, encode
from clearing.events.fields import to_microseconds
from clearing.events.kinds import REGISTRY_KINDS, Kind
from clearing.ledger import Ledger
from clearing.log import LogWriter
from clearing.projectors import project
from tests.audit.test_as_of import anything
from tests.engine.stories import Story
from tests.engine.venue import PERSON, rulebook
from tests.log.small import declarations, deposit, event, trade

LATE = {"at": "2026-01-01T01:00:00Z"}
SOON = {"at": "2026-01-01T02:00:00Z"}
THEN = {"at": "2026-01-01T03:00:00Z"}


def hour(number: int, minutes: int = 30) -> datetime:
    return datetime.fromisoformat(f"2026-01-01T0{number}:{minutes:02}:00+00:00")


def delayed(events: list[Event], dice: Random) -> list[Event]:
    """The same events, some of the facts appended later than they occurred."""
    keys = [
        (n + (dice.randrange(40) if dice.random() < 0.1 and e.kind != "RulebookAdopted" else 0), n)
        for n, e in enumerate(events)
    ]
    moved = [e for _, e in sorted(zip(keys, events, strict=True), key=lambda pair: pair[0])]
    return [*filter(declares, events), *(e for e in moved if not declares(e))]


def declares(one: Event) -> bool:
    return Kind[one.kind] in REGISTRY_KINDS


def by_occurrence(events: list[Event], moment: datetime) -> Engine:
    """An engine that was told the facts by a time in the order in which they occurred."""
    registry, rows = Registry(), dict[tuple[int, str], EventRow]()
    engine = Engine(resolver=lambda source, name: rows.get((source, name)), watch="naive")
    facts = [e for e in events if not declares(e) and e.occurred_at <= moment]
    for one in (*filter(declares, events), *sorted(facts, key=lambda e: e.occurred_at)):
        row = encode(one, registry)
        row.position = engine.position + 1
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        engine.apply(row)
        rows[row.source, row.external_id] = row
    return engine


@pytest.mark.parametrize("seed", range(8))
def test_late_facts_are_folded_where_they_occurred(database_url: str, seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - dice
    story = Story(dice)
    for _ in range(150):
        story.step()
    events = delayed(story.venue.events, dice)
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(events)
        project(ledger, batch=10, snapshot_every=10)
        resolved = {True: 0, False: 0}
        for _ in range(12):
            known_at = dice.randrange(len(events) // 2, len(events) + 1)
            facts = [e for e in events[:known_at] if not declares(e)]
            moment = dice.choice(facts).occurred_at
            found = resolve_moment(ledger, occurred=moment, known_at=known_at)
            resolved[found.reordered is None] += 1
            expected = by_occurrence(events[:known_at], moment).book
            count = expected.registry.counts()[3]
            views = [account_view(expected, n, found, {}) for n in range(1, count + 1)]
            assert [*map(anything, accounts(ledger, found))] == [*map(anything, views)]
            assert house(ledger, found) == house_view(expected, found)
        assert resolved[False] > 6


def test_what_happened_by_a_time_is_a_position_of_the_log_unless_a_late_fact_is_among_it(
    database_url: str,
) -> None:
    """ada: 100 at 1 h, then, told at position 9 alone, 50 of 1 h 10 min; a trade at 3 h."""
    facts = [
        deposit(7, amount="100", **LATE),
        trade(8, **THEN),
        deposit(9, amount="50", at="2026-01-01T01:10:00Z"),
        deposit(10, amount="25", at="2026-01-01T04:00:00Z"),
    ]
    with Ledger.open(database_url) as ledger:
        ledger.append([*declarations(), *facts])
        ledger.project()

        def cash(occurred: datetime, known_at: int | None = None) -> tuple[str, bool, int]:
            moment = ledger.moment(occurred=occurred, known_at=known_at)
            view = ledger.account("ada", moment)
            scenario = moment.reordered
            assert view.reordered == scenario
            late = 0 if scenario is None else scenario.late_facts
            found = view.scopes[0].cash if view.scopes else "none"
            return found, scenario is None, moment.position if scenario is None else late

        assert cash(hour(0)) == ("none", True, 6)
        assert cash(hour(1, 5)) == ("100.00", True, 7)
        assert cash(hour(1), 8) == ("100.00", True, 7)
        assert cash(hour(3), 8) == ("100.00", True, 8)
        assert cash(hour(1)) == ("150.00", False, 1)
        assert cash(hour(3), 9) == ("150.00", False, 1)
        assert cash(hour(5)) == ("175.00", False, 1)
        before = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
        assert ledger.moment(occurred=before).position == 0
        assert ledger.moment(occurred=hour(1), known_at=0).position == 0
        with pytest.raises(MomentUnclear, match="late facts"):
            ledger.liquidations(ledger.moment(occurred=hour(5)))
        for wrong in ({"known_at": 3}, {"at": 3, "occurred": hour(1)}, {"at": 99}):
            with pytest.raises(MomentUnclear):
                resolve_moment(ledger.connection, **wrong)


def test_a_rulebook_for_a_later_position_waits_for_where_that_stands_now(
    database_url: str,
) -> None:
    """Rules adopted at 8 for position 11; what stands at 10 occurred before the mark at 9.

    The first punctual fact at or after position 11 is the deposit at 12, which comes last in both.
    """
    adoption = event(
        8,
        "RulebookAdopted",
        name="rules",
        version="1",
        document=rulebook(),
        effective_position=11,
        **PERSON,
        **LATE,
    )
    facts: list[Event] = [
        deposit(7, amount="100", **LATE),
        adoption,
        event(9, "Marked", marks=[{"market": "BTC", "price": "100"}], **THEN),
        deposit(10, amount="1", **SOON),
        deposit(11, amount="1", at="2026-01-01T02:10:00Z"),
        deposit(12, amount="1", at="2026-01-01T04:00:00Z"),
    ]
    with Ledger.open(database_url) as ledger:
        ledger.append([*declarations(), *facts])
        ledger.project()

        def rules(occurred: datetime) -> str:
            return ledger.account("ada", ledger.moment(occurred=occurred)).scopes[0].rulebook

        assert ledger.account("ada", 10).scopes[0].rulebook == ""
        assert ledger.account("ada", 11).scopes[0].rulebook == "rules@1"
        assert rules(hour(2)) == ""
        assert rules(hour(3)) == ""
        assert rules(hour(5)) == "rules@1"


def test_a_reversal_that_occurred_before_its_deposit_finds_nothing_to_reverse(
    database_url: str,
) -> None:
    target = {"source": "desk", "external_id": "8"}
    facts = [
        deposit(7, amount="100", **LATE),
        deposit(8, amount="50", **THEN),
        event(9, "Reversed", target=target, **PERSON, **SOON),
    ]
    with Ledger.open(database_url) as ledger:
        ledger.append([*declarations(), *facts])
        ledger.project()
        assert ledger.account("ada").scopes[0].cash == "100.00"
        view = ledger.account("ada", ledger.moment(occurred=hour(4)))
        assert view.scopes[0].cash == "150.00"


def test_folding_begins_at_the_last_snapshot_before_which_nothing_is_later_than_a_late_fact(
    database_url: str,
) -> None:
    """Deposits at each second; number 57 of the facts occurred with the 36th."""
    times = [f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z" for n in range(1, 61)]
    times[56] = times[35]
    with connect(database_url, autocommit=True) as ledger:
        facts = [deposit(100 + n, at=at) for n, at in enumerate(times)]
        LogWriter(ledger).append([*declarations(), *facts])
        generation = project(ledger, batch=10, snapshot_every=10)
        moment = resolve_moment(ledger, occurred=hour(0))
        assert moment.reordered is not None
        schema = f"generation_{generation.generation}"
        earliest = to_microseconds(datetime.fromisoformat(times[35]))
        usable = first_later(ledger, schema, earliest, 66)
        assert usable == 6 + 36 + 1
        assert _snapshot_before(ledger, schema, usable)[1] == 40
        engine = refold(ledger, moment)
        assert engine.position == 66
        break_snapshot = sql.SQL("UPDATE {} SET digest = 'x' WHERE position = 40")
        ledger.execute(break_snapshot.format(sql.Identifier(schema, "snapshot")))
        assert _snapshot_before(ledger, schema, usable)[1] == 30
        assert refold(ledger, moment).digest() == engine.digest()


def test_what_follows_a_late_fact_that_changed_nothing_is_not_folded_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ada's and bob's deposits change places at the 20th: from the snapshot at 30 on all is one."""
    times = [f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z" for n in range(1, 121)]
    times[19], times[18] = times[18], times[19]
    facts = [deposit(100 + n, ("ada", "bob")[n % 2], at=at) for n, at in enumerate(times)]
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append([*declarations(), *facts])
        project(ledger, batch=10, snapshot_every=10)
        applied: list[int] = []
        apply = Engine.apply

        def counted(self: Engine, row: EventRow) -> list[Entry]:
            applied.append(row.position)
            return apply(self, row)

        monkeypatch.setattr(Engine, "apply", counted)
        moment = resolve_moment(ledger, occurred=hour(0))
        assert moment.reordered is not None
        view = account(ledger, "ada", moment)
        assert view.scopes[0].cash == "60.00"
        assert applied == [*range(21, 31), *range(121, 127)]
        ledger.execute("UPDATE clearing.generation SET engine_version = 'another'")
        again = account(ledger, "ada", resolve_moment(ledger, occurred=hour(0)))
        assert again == view
        assert applied[16:] == [*range(1, 127)]
