"""Questions go by indexes: what they read does not grow with the log, and no history is scanned."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from clearing import audit
from clearing.audit import Moment, Wanted, resolve_moment
from clearing.database import connect
from clearing.log import Connection, LogWriter
from clearing.projectors import TABLES, project, schema_of
from clearing.samples import incident_day
from clearing.samples.venue import FUND
from tests.projectors.ledgers import live

Question = Callable[[Connection, Moment], object]

QUESTIONS: dict[str, Question] = {
    "account": lambda c, m: audit.account(c, "trader-001", m),
    "accounts": audit.accounts,
    "market": lambda c, m: audit.market(c, "BTC-PERP", m),
    "funds": audit.funds,
    "house": audit.house,
    "trial balance": audit.trial_balance,
    "history of an account": lambda c, m: audit.history(c, "account", "trader-001", m, Wanted()),
    "history of a fund": lambda c, m: audit.history(c, "fund", FUND, m, Wanted(limit=20)),
    "history of a market": lambda c, m: audit.history(c, "market", "BTC-PERP", m, Wanted(limit=20)),
    "history with equity": lambda c, m: audit.history(
        c, "account", "trader-001", m, Wanted(limit=10, equity=True)
    ),
    "history from the end": lambda c, m: audit.history(
        c, "account", "trader-001", m, Wanted(first=m.position - 100, limit=10)
    ),
}


class Scans:
    """What queries read: rows by (kind of scan, relation)."""

    def __init__(self) -> None:
        self.read: dict[tuple[str, str], float] = {}

    def note(self, plan: dict[str, Any]) -> None:
        """Add a node of a plan and those below it."""
        if "Relation Name" in plan:
            rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
            rows += plan.get("Rows Removed by Index Recheck", 0)
            key = (plan["Node Type"], plan["Relation Name"])
            self.read[key] = self.read.get(key, 0) + rows * plan["Actual Loops"]
        for below in plan.get("Plans", ()):
            self.note(below)


@contextmanager
def explained(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scans]:
    """Have every query of the block explained while it runs."""
    scans = Scans()
    execute = psycopg.Connection.execute

    def watched(self: Connection, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.as_string(self) if isinstance(query, sql.Composable) else query
        if text.lstrip().startswith(("SELECT", "WITH")):
            ((plan,),) = execute(self, "EXPLAIN (ANALYZE, FORMAT JSON) " + text, params).fetchall()
            scans.note(plan[0]["Plan"])
        return execute(self, query, params, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", watched)
        yield scans


def large(ledger: Connection) -> set[str]:
    """Histories, and partitions of the log, of which a scan would be felt."""
    schema = schema_of(live(ledger).number)
    found = {"log_000000"}
    for table in TABLES.values():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table.name))
        (row,) = ledger.execute(query).fetchall()
        if row[0] > 1000:
            found.add(table.name)
    assert {"posting", "position_history", "mark"} <= found
    return found


def reads(ledger: Connection, monkeypatch: pytest.MonkeyPatch, moment: Moment) -> dict[str, float]:
    """How many rows each question reads where it has to go by indexes."""
    found = {}
    ledger.execute("SET enable_seqscan = off")
    for name, question in QUESTIONS.items():
        with explained(monkeypatch) as scans:
            question(ledger, moment)
        found[name] = sum(scans.read.values())
    ledger.execute("RESET enable_seqscan")
    return found


def test_what_a_question_reads_does_not_grow_with_the_log(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment of a day's first quarter is asked about then, and at its end; and the end is."""
    day = list(incident_day(accounts=20, trades_per_minute=2))
    quarter = len(day) // 4
    counted = []
    with connect(database_url, autocommit=True) as ledger:
        for part in (day[:quarter], day[quarter:]):
            for _ in LogWriter(ledger).append_many(part):
                pass
            project(ledger)
            ledger.execute("VACUUM ANALYZE")
            counted.append(reads(ledger, monkeypatch, Moment(live(ledger), quarter - 10)))
        late = Moment(live(ledger), len(day))
        counted.append(reads(ledger, monkeypatch, late))
        histories = large(ledger)
        for name, question in QUESTIONS.items():
            with explained(monkeypatch) as scans:
                question(ledger, late)
            scanned = {where for how, where in scans.read if how == "Seq Scan"}
            assert not scanned & histories, name
    for name, first in counted[0].items():
        again, at_end = counted[1][name], counted[2][name]
        assert again <= first * 1.1 + 100, (name, first, again)
        assert at_end <= max(first * 2, 1500), (name, first, at_end)


def test_a_time_is_found_without_reading_the_log(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = list(incident_day(accounts=20, trades_per_minute=2))
    with connect(database_url, autocommit=True) as ledger:
        for _ in LogWriter(ledger).append_many(day):
            pass
        project(ledger)
        ledger.execute("VACUUM ANALYZE")
        middle = day[len(day) // 8].occurred_at
        with explained(monkeypatch) as scans:
            found = resolve_moment(ledger, occurred=middle)
            resolve_moment(ledger, recorded=middle + timedelta(days=10_000))
        assert found.reordered is None
        assert day[found.position - 1].occurred_at <= middle < day[found.position].occurred_at
        assert sum(scans.read.values()) < 500


def test_a_reader_may_ask_everything(database_url: str) -> None:
    day = list(incident_day(accounts=10, trades_per_minute=1))
    with connect(database_url, autocommit=True) as ledger:
        for _ in LogWriter(ledger).append_many(day):
            pass
        project(ledger)
        ledger.execute("SET ROLE clearing_reader")
        moment = Moment(live(ledger), len(day))
        for question in QUESTIONS.values():
            assert question(ledger, moment)
        scenario = resolve_moment(ledger, occurred=day[-1].occurred_at)
        assert scenario.reordered is not None
        assert audit.house(ledger, scenario).assets
