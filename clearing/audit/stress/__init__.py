"""Stress tests: what paths of prices would do to a book, told or drawn, with their sales' impact.

:mod:`document` is what people write, :mod:`moves` where prices go, :mod:`running` runs paths over a
book, :mod:`answer` says what became of it.
"""

from collections.abc import Callable

from clearing.audit.moments import Moment
from clearing.audit.replay.running import engine_at
from clearing.audit.stress.answer import (
    Depletion,
    Driver,
    PathAnswer,
    PathOutcome,
    Spread,
    StressAnswer,
    path_answer,
)
from clearing.audit.stress.document import (
    MonteCarloPath,
    Stress,
    StressRefused,
    parse_stress,
    read_stress,
)
from clearing.audit.stress.moves import by_market, cholesky
from clearing.audit.stress.running import Bench, run_paths
from clearing.engine import ENGINE_VERSION
from clearing.log import Connection

__all__ = [
    "Depletion",
    "Driver",
    "MonteCarloPath",
    "PathAnswer",
    "PathOutcome",
    "Spread",
    "Stress",
    "StressAnswer",
    "StressRefused",
    "parse_stress",
    "read_stress",
    "stress",
]


def stress(
    connection: Connection,
    document: Stress,
    moment: Moment,
    *,
    processes: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> StressAnswer:
    """Return what a stress test does to the book as of ``moment``. Nothing is written.

    ``processes`` is how many run at once (the machine's, unless said); the answer is the same for
    any number of them. Raises :class:`StressRefused`.
    """
    engine = engine_at(connection, moment, moment.plain())
    snapshot = engine.snapshot()
    _check(document, Bench(snapshot, document.impact, document.name))
    outcomes = run_paths(snapshot, document, processes, progress)
    answers = [
        path_answer(path.path, path.label, found, engine.book)
        for path, found in zip(document.paths, outcomes, strict=True)
    ]
    return StressAnswer(
        document.name, engine.position, ENGINE_VERSION, engine.digest(), tuple(answers)
    )


def _check(document: Stress, bench: Bench) -> None:
    """Refuse what names markets that have no mark here, before anything runs."""
    nowhere = "is no market with a mark here"
    impact = document.impact or {}
    problems = [f"impact.{name}: {nowhere}" for name in impact if name not in bench.names]
    for i, path in enumerate(document.paths):
        told = {"shock": "moves", "monte_carlo": "volatility"}.get(path.path)
        named = [] if told is None else list(getattr(path, told))
        problems += [
            f"paths.{i}.{told}.{name}: {nowhere}"
            for name in named
            if name != "*" and name not in bench.names
        ]
        if isinstance(path, MonteCarloPath) and not problems:
            wild = by_market(path.volatility, bench.names)
            names = [name for name, o in bench.names.items() if o in wild]
            cholesky(path, names)
    if problems:
        raise StressRefused(document.name, problems)
