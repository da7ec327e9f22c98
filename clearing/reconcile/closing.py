"""Which steps of a day's close are done: remembered with what went into them."""

from typing import NamedTuple, Protocol

from clearing.log import Connection
from clearing.reconcile.acting import acting


class Outcome(Protocol):
    """What a step came to: whether nothing is left to do about it, and what it found."""

    @property
    def good(self) -> bool:
        """Whether nothing is left to do."""

    @property
    def words(self) -> str:
        """What it found, in words."""


class StepKnown(NamedTuple):
    """A step that was done."""

    good: bool
    words: str


def close_steps(connection: Connection, plan: str, day: str) -> dict[tuple[str, str], StepKnown]:
    """Return the steps of a day that are done, by name and the digest of what went in."""
    rows = connection.execute(
        "SELECT step, inputs, good, words FROM clearing.recon_close WHERE plan = %s AND day = %s"
        " ORDER BY id",
        (plan, day),
    )
    return {(row[0], row[1]): StepKnown(bool(row[2]), row[3]) for row in rows}


def record_close_step(
    connection: Connection,
    plan: str,
    day: str,
    step: str,
    inputs: str,
    outcome: Outcome,
    person: str,
) -> None:
    """Remember that a step was done, and what came of it."""
    with acting(connection):
        connection.execute(
            "INSERT INTO clearing.recon_close (plan, day, step, inputs, good, words, recorded_by)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (plan, day, step, inputs, outcome.good, outcome.words, person),
        )
