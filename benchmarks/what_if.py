"""A what-if over the last hour of a log, from a snapshot, against the same over a replay of it all.

Both give the same answer, digests included.
"""

from datetime import timedelta

from benchmarks.measure import Ratio, compared, seconds
from clearing import audit
from clearing.audit import Moment, ScenarioAnswer, parse_scenario
from clearing.audit.replay.answer import answer_of
from clearing.audit.replay.overlay import make_overlay
from clearing.audit.replay.run import Replay
from clearing.audit.replay.running import log_rows
from clearing.events.fields import from_microseconds
from clearing.log import Connection, load_registry, read_at
from clearing.projectors import Generation, fold_log


def run(connection: Connection, live: Generation) -> list[Ratio]:
    """Measure a scenario: one market's marks are 3 % lower for the last hour."""
    moment = Moment(live, live.position)
    last, _ = read_at(connection, live.position)
    since = from_microseconds(last.occurred_at) - timedelta(hours=1)
    market = load_registry(connection).market(1).name
    override = {"override": "prices", "market": market, "scale": "0.97", "from": since.isoformat()}
    scenario = parse_scenario({"scenario": 1, "name": "an hour lower", "overrides": [override]})
    answers: list[ScenarioAnswer] = []
    quick = seconds(lambda: answers.append(audit.replay(connection, scenario, moment)))
    overlay = make_overlay(connection, scenario, moment)

    def whole() -> None:
        start = fold_log(connection, upto=overlay.first - 1)
        running = Replay(scenario.name, start, overlay)
        running.run(log_rows(connection, overlay.first - 1, overlay.upto))
        times = {view.diverged: view.diverged_at for view in answers[0].fates}
        known = {at: time for at, time in times.items() if at is not None and time is not None}
        answers.append(answer_of(running, known))

    slow = seconds(whole)
    if answers[0] != answers[1]:
        raise RuntimeError("the answer from a snapshot is not that of the whole replay")
    told = overlay.upto - overlay.first + 1
    note = (
        f"{quick:,.1f} s against {slow:,.1f} s; the hour has {told:,} of {overlay.upto:,} events,"
        f" {len(answers[0].fates):,} accounts end otherwise"
    )
    return [
        compared(
            "what-if over the last hour",
            [1 / quick],
            "the same after a fold from genesis",
            [1 / slow],
            unit="answers",
            floor=None,
            at_most=True,
            note=note,
        )
    ]
