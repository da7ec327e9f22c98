"""What was issued stands: late facts make a new version, which says what differs and why."""

from random import Random

import psycopg
import pytest

from clearing.books import NotIssued, between, calendar_of, draw, issue, issued, kept, period_of
from clearing.books.restating import Difference, restatement
from clearing.database import connect, migrate
from clearing.events import Event
from clearing.events.kinds import REGISTRY_KINDS, Kind
from clearing.log import Connection, LogWriter
from clearing.projectors import project
from tests.audit.test_reordered import delayed
from tests.books.day import DAY, at, cash, day, mark
from tests.engine.stories import Story

LATE = cash(40, "Deposited", "ada", "25.00", **at(18, 3, 30))


def test_the_same_figures_are_the_same_version_and_late_facts_make_another(
    database_url: str,
) -> None:
    with day(database_url) as ledger:
        connection = ledger.connection
        first = issue(connection, draw(connection, "ada", DAY))
        assert (first.version, first.restates) == (1, "")
        ledger.append([mark(41, "121.00", **at(19, 2))])  # of another day
        ledger.project()
        again = issue(connection, draw(connection, "ada", DAY))
        assert (again.version, again.sha256) == (1, first.sha256)
        ledger.append([LATE])
        ledger.project()
        assert draw(connection, "ada", DAY, 19).sha256 == first.sha256
        second = issue(connection, draw(connection, "ada", DAY))
        assert (second.version, second.restates) == (2, first.sha256)
        assert second.drawn.late_facts == 1
        bob = draw(connection, "bob", DAY)
        assert bob.sha256 == draw(connection, "bob", DAY, 19).sha256, "it was not his"
        found = restatement(connection, "ada", DAY)
        versions = [(v.version, v.drawn.known_at) for v in issued(connection)]
    assert versions == [(1, 18), (2, 20)]
    assert (found.before.version, found.after.version) == (1, 2)
    assert [(view.log_position, view.what, view.account) for view in found.because] == [
        (20, "late", "ada")
    ]
    told = {each.where: each for each in found.differences}
    where = "assets / USD / closing / cash"
    assert told[where] == Difference(where, "1192.1", "1217.1", "25")
    assert told["assets / USD / movements / deposits / amount"].change == "25"
    assert told["assets / USD / movements / deposits / count"].change == "1"
    assert told["assets / USD / parts / transfers / amount"].change == "25"
    assert "assets / USD / movements / fees / amount" not in told


def test_a_late_mark_restates_price_and_not_cash(database_url: str) -> None:
    """The day's last mark was 107.00, told a day late: ada's 6 lose 6.00 more."""
    with day(database_url) as ledger:
        connection = ledger.connection
        issue(connection, draw(connection, "ada", DAY))
        ledger.append([mark(41, "107.00", **at(18, 23))])
        ledger.project()
        issue(connection, draw(connection, "ada", DAY))
        found = restatement(connection, "ada", DAY)
    changes = {each.where: each.change for each in found.differences}
    assert changes["assets / USD / closing / equity"] == "-6"
    assert changes["assets / USD / parts / price / amount"] == "-6"
    assert changes["assets / USD / markets / BTC / closing_mark"] == "-1"
    assert not any("cash" in where or "movements" in where for where in changes)


def test_a_day_that_is_not_over_is_not_issued(database_url: str) -> None:
    with day(database_url) as ledger:
        connection = ledger.connection
        drawn = draw(connection, "ada", DAY, 17)
        assert not drawn.drawn.complete
        with pytest.raises(NotIssued, match="ClockTicked"):
            issue(connection, drawn)
        with pytest.raises(NotIssued, match="no version of the statement of ada"):
            kept(connection, "ada", DAY)


def test_less_known_takes_nothings_place(database_url: str) -> None:
    with day(database_url, LATE) as ledger:
        connection = ledger.connection
        issue(connection, draw(connection, "ada", DAY))
        with pytest.raises(NotIssued, match="drawn on less"):
            issue(connection, draw(connection, "ada", DAY, 18))


def test_what_was_issued_cannot_be_changed_or_forged(database_url: str) -> None:
    with day(database_url) as ledger:
        connection = ledger.connection
        made = issue(connection, draw(connection, "ada", DAY))
        for statement in (
            "UPDATE clearing.statement SET known_at = 1",
            "DELETE FROM clearing.statement",
            "TRUNCATE clearing.statement",
        ):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="refused"):
                connection.execute(statement)
        same = (
            "kind, subject, calendar, period, begins, ends, known_at, opening_position,"
            " closing_position, late_facts, last_fact, log_size, log_root, engine_version"
        )

        def forge(version: int, restates: str, sha256: str = "sha256('{}')") -> None:
            connection.execute(
                f"INSERT INTO clearing.statement ({same}, version, restates, figures, sha256)"  # noqa: S608 - constants
                f" SELECT {same}, {version}, {restates}, '{{}}', {sha256} FROM clearing.statement"
            )

        for version, restates in ((2, "NULL"), (3, "sha256"), (2, "sha256('')"), (1, "NULL")):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="not follow"):
                forge(version, restates)
        with pytest.raises(psycopg.errors.CheckViolation):
            forge(2, "sha256", "sha256('other')")
        assert kept(connection, "ada", DAY) == made


def test_a_projector_issues_and_a_reader_reads(database_url: str) -> None:
    with day(database_url) as ledger:
        connection = ledger.connection
        drawn = draw(connection, "ada", DAY)
        connection.execute("SET ROLE clearing_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            issue(connection, drawn)
        connection.execute("SET ROLE clearing_projector")
        made = issue(connection, drawn)
        connection.execute("SET ROLE clearing_reader")
        assert kept(connection, "ada", DAY) == made
        connection.execute("RESET ROLE")
        assert ledger.status().protections["append_only_triggers"]
        connection.execute("ALTER TABLE clearing.statement DISABLE TRIGGER append_only")
        assert not ledger.status().protections["append_only_triggers"]


def test_what_a_superuser_changed_is_not_shown_as_issued(database_url: str) -> None:
    with day(database_url) as ledger:
        connection = ledger.connection
        issue(connection, draw(connection, "ada", DAY))
        connection.execute("ALTER TABLE clearing.statement DISABLE TRIGGER append_only")
        connection.execute("ALTER TABLE clearing.statement DROP CONSTRAINT statement_figures")
        connection.execute("UPDATE clearing.statement SET figures = replace(figures, '44', '45')")
        with pytest.raises(NotIssued, match="is not what was issued"):
            kept(connection, "ada", DAY)


def test_the_house_is_restated_as_well(database_url: str) -> None:
    hour = period_of(calendar_of("utc"), "2024-06-18T03")
    with day(database_url) as ledger:
        connection = ledger.connection
        issue(connection, draw(connection, None, hour))
        ledger.append([LATE])
        ledger.project()
        assert issue(connection, draw(connection, None, hour)).version == 2
        found = restatement(connection, None, hour)
    changes = {each.where: each.change for each in found.differences}
    assert changes["assets / USD / ledgers / external / movements / deposits / amount"] == "-25"
    assert changes["assets / USD / owners / accounts / closing / equity"] == "25"


def in_order(events: list[Event]) -> list[Event]:
    """The same events in the order in which they occurred, declarations first."""
    declared = [e for e in events if Kind[e.kind] in REGISTRY_KINDS]
    facts = [e for e in events if Kind[e.kind] not in REGISTRY_KINDS]
    return [*declared, *sorted(facts, key=lambda e: e.occurred_at)]


@pytest.mark.parametrize("seed", range(4))
def test_with_late_facts_figures_are_those_of_a_log_that_was_told_in_time(
    database_url: str, empty_database_url: str, seed: int
) -> None:
    dice = Random(seed)  # noqa: S311 - dice
    story = Story(dice)
    for _ in range(120):
        story.step()
    events = delayed(story.venue.events, dice)
    with connect(database_url, autocommit=True) as late:
        LogWriter(late).append(events)
        project(late, batch=10, snapshot_every=10)
        with _told_in_time(empty_database_url, events) as punctual:
            names = story.venue.registry.account_ordinals
            times = sorted({e.occurred_at for e in events})
            reordered = 0
            for _ in range(2):
                begins, ends = sorted(dice.sample(times, 2))
                period = between(begins, ends)
                for name in [*dice.sample(list(names), 3), None]:
                    drawn = draw(late, name, period)
                    reordered += drawn.drawn.late_facts > 0
                    assert drawn.figures == draw(punctual, name, period).figures
    assert reordered


def _told_in_time(url: str, events: list[Event]) -> Connection:
    migrate(url)
    ledger = connect(url, autocommit=True)
    LogWriter(ledger).append(in_order(events))
    project(ledger)
    return ledger
