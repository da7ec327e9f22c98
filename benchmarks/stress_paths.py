"""Stress paths on several processes, against one."""

import os

from benchmarks.measure import Ratio, compared, seconds
from clearing import audit
from clearing.audit import Moment, StressAnswer, parse_stress
from clearing.log import Connection
from clearing.projectors import Generation

_STEP = 60


def run(connection: Connection, live: Generation, *, paths: int, repeats: int) -> list[Ratio]:
    """Measure ``paths`` random walks of twenty steps from the book at the middle of the log."""
    moment, processes = Moment(live, live.position // 2), os.cpu_count() or 1
    walk = {
        "path": "monte_carlo",
        "name": "walks",
        "seed": 1,
        "count": paths,
        "steps": 20,
        "step_seconds": _STEP,
        "volatility": {"*": "0.01"},
        "correlation": "0.5",
    }
    document = parse_stress({"stress": 1, "name": "benchmark", "paths": [walk]})
    answers: list[StressAnswer] = []

    def walked(count: int) -> float:
        return paths / seconds(
            lambda: answers.append(audit.stress(connection, document, moment, count))
        )

    several, one = list[float](), list[float]()
    for _ in range(repeats):
        several.append(walked(processes))
        one.append(walked(1))
    if any(answer != answers[0] for answer in answers):
        raise RuntimeError("the answer depends on the number of processes")
    return [
        compared(
            f"stress paths, {processes} processes",
            several,
            "one process",
            one,
            unit="paths",
            floor=None,
            note=f"{paths:,} paths of 20 steps, {len(answers[0].still.funds):,} funds",
        )
    ]
