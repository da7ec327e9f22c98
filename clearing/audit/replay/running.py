"""Running a scenario over the log: from the nearest snapshot, event by event, in memory."""

from collections.abc import Iterator

from psycopg import sql

from clearing.audit.losses import times_of
from clearing.audit.moments import Moment
from clearing.audit.replay.answer import ScenarioAnswer, answer_of
from clearing.audit.replay.document import Scenario
from clearing.audit.replay.overlay import make_overlay
from clearing.audit.replay.run import Progress, Replay
from clearing.engine import ENGINE_VERSION, Engine
from clearing.events import EventRow
from clearing.log import Connection, read_log
from clearing.projectors import checked, fold_log, schema_of, snapshot_problem


def replay(
    connection: Connection, scenario: Scenario, moment: Moment, progress: Progress | None = None
) -> ScenarioAnswer:
    """Return what a scenario changes in the log up to ``moment``.

    Nothing is written. Raises :class:`~clearing.audit.replay.ScenarioRefused`.
    """
    running = start(connection, scenario, moment)
    upto = running.overlay.upto
    running.run(log_rows(connection, running.recorded.engine.position, upto), progress)
    named = set(running.scenario.diverged.values())
    return answer_of(running, times_of(connection, named))


def start(connection: Connection, scenario: Scenario, moment: Moment) -> Replay:
    """Return a replay that stands before the first event it tells."""
    overlay = make_overlay(connection, scenario, moment)
    engine = engine_at(connection, moment, min(overlay.first - 1, overlay.upto))
    return Replay(scenario.name, engine, overlay)


def log_rows(connection: Connection, after: int, upto: int) -> Iterator[EventRow]:
    """Yield the events of the log after one position and up to another, each re-hashed."""
    for stored in read_log(connection, after=after, upto=upto):
        yield from checked(stored)


def engine_at(connection: Connection, moment: Moment, position: int) -> Engine:
    """Return the engine as it was after the event at ``position``: nearest sound snapshot and tail.

    A snapshot that is not what it was stored as, or of another engine version, is passed over.
    Raises :class:`~clearing.audit.MomentUnclear` for a scenario's generation.
    """
    moment.of_log()
    snapshot = None
    if moment.generation.engine_version == ENGINE_VERSION:
        snapshot = _sound_snapshot(connection, moment.generation.number, position)
    return fold_log(connection, upto=position, snapshot=snapshot)


def _sound_snapshot(connection: Connection, generation: int, position: int) -> str | None:
    """Return the latest snapshot by a position that is what it was stored as, if any is."""
    query = sql.SQL(
        "SELECT position, entry_hash, digest, document FROM {} WHERE position < %s"
        " ORDER BY position DESC LIMIT 1"
    ).format(sql.Identifier(schema_of(generation), "snapshot"))
    before = position + 1
    while (row := connection.execute(query, (before,)).fetchone()) is not None:
        if not snapshot_problem(*row):
            return str(row[3])
        before = int(row[0])
    return None
