"""Keeping a scenario: its fold written to a generation of its own, which questions are asked of."""

from clearing.audit.losses import times_of
from clearing.audit.moments import Moment
from clearing.audit.replay.answer import ScenarioAnswer, answer_of
from clearing.audit.replay.document import Scenario
from clearing.audit.replay.run import Column, Progress, Replay
from clearing.audit.replay.running import log_rows, start
from clearing.engine import Entry
from clearing.events.canonical import canonical_json
from clearing.log import Connection
from clearing.projectors import CheckpointMoved, Staging, generations, one_rebuild

_BATCH = 10_000


def keep_scenario(
    connection: Connection, scenario: Scenario, moment: Moment, progress: Progress | None = None
) -> tuple[int, ScenarioAnswer]:
    """Write what a scenario makes of the log up to ``moment``, and return where, and its answer.

    The log and the books stay as they are. What an interruption leaves is dropped by the next one.
    Raises :class:`~clearing.audit.replay.ScenarioRefused`,
    :class:`~clearing.projectors.RebuildBusy` while a rebuild or verification runs,
    :class:`~clearing.projectors.CheckpointMoved` where one took the books' place meanwhile, and
    :class:`~clearing.projectors.BrokenCheckpoint` where another engine version wrote the books.
    """
    with one_rebuild(connection):
        if moment.generation.number not in {one.number for one in generations(connection)}:
            raise CheckpointMoved(
                f"generation {moment.generation.number} was rebuilt and dropped meanwhile:"
                " ask again"
            )
        running = start(connection, scenario, moment)
        document = canonical_json(scenario.model_dump(mode="json", by_alias=True))
        staging = Staging(connection, moment.generation, running.recorded.engine, document)
        try:
            staging.copy(progress)
            _write(connection, running, staging, progress)
            staging.finish(running.scenario.engine)
        except BaseException:
            staging.discard()
            raise
    named = set(running.scenario.diverged.values())
    return staging.number, answer_of(running, times_of(connection, named))


def _write(
    connection: Connection, running: Replay, staging: Staging, progress: Progress | None
) -> None:
    """Run the scenario and write its entries."""

    def observe(column: Column, position: int, entries: list[Entry]) -> None:
        if column is running.scenario:
            staging.collect(position, entries)
            staging.clock(position, column.book.latest)
            if any(entry[0] == "rulebook" for entry in entries):
                staging.note_documents(column.engine)

    running.observers.append(observe)
    recorded, scenario, end = running.recorded.engine, running.scenario.engine, running.overlay.upto
    for row in log_rows(connection, recorded.position, end):
        running.step(row)
        if row.position % _BATCH == 0:
            staging.write(scenario)
            if progress is not None:
                progress(row.position)
    running.finish()
