"""Which override makes which part of a difference: overrides taken up one after another.

An override's part is what changes when it joins those before it in the document. So the parts add
up to the whole exactly, whatever the overrides do to each other; and an override that only matters
once another has changed something has its part where it joins. In another order of the document the
parts may be others. Where the log only records outcomes, the first part has the rulebook's error in
it, which the scenario's *derived* column shows by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from clearing.audit.moments import Moment
from clearing.audit.replay.diff import LOG, Diff, diff
from clearing.audit.replay.document import Scenario, ScenarioRefused
from clearing.audit.replay.overlay import make_overlay
from clearing.log import Connection

Progress = Callable[[int, int], None]
"""Called with the number of parts that are done and the log position reached in the next."""


@dataclass(frozen=True, slots=True)
class OverrideEffect:
    """The part of one override: what differs between those before it, and those and itself.

    ``override`` is its place in the document (``overrides.0``) and ``kind`` what it overrides. In
    ``effect``, ``a`` is without it and ``b`` with it, both counted from the scenario's beginning.
    """

    override: str
    kind: str
    effect: Diff


def attribute(
    connection: Connection, scenario: Scenario, moment: Moment, progress: Progress | None = None
) -> tuple[OverrideEffect, ...]:
    """Return the part of each override in what a scenario changes, in the document's order.

    Each part is two runs of the log; nothing is written. Raises
    :class:`~clearing.audit.replay.ScenarioRefused`.
    """
    overlay = make_overlay(connection, scenario, moment)
    # Of an empty log nothing is told, and no place in it can be named.
    told = {"since": min(overlay.first, overlay.upto), "upto": overlay.upto} if overlay.upto else {}
    before, found = LOG.model_copy(update=told), []
    for number, override in enumerate(scenario.overrides):
        name = "log" if not number else f"overrides up to {number - 1}"
        after = scenario.model_copy(
            update={**told, "overrides": scenario.overrides[: number + 1]},
        )
        pair = (
            before.model_copy(update={"name": name}),
            after.model_copy(update={"name": f"overrides up to {number}"}),
        )
        try:
            effect = diff(connection, *pair, moment, _of_part(progress, number))
        except ScenarioRefused as refused:
            raise ScenarioRefused(scenario.name, refused.problems) from refused
        found.append(OverrideEffect(f"overrides.{number}", override.override, effect))
        before = after
    return tuple(found)


def _of_part(progress: Progress | None, number: int) -> Callable[[int], None] | None:
    return None if progress is None else lambda position: progress(number, position)
