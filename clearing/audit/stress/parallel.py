"""Paths over the processors: the same answer whatever their number, in the order of the paths.

Workers are fresh processes that get the book once and then numbers of paths. An interrupt from a
terminal ends them at once; otherwise they end with the handful of paths that they are at.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from clearing.audit.stress.paths import Source
from clearing.audit.stress.stage import Outcome, Stage
from clearing.events import EventRow

Progress = Callable[[int], None]
"""Called with the number of paths done."""

Task = tuple[int, int]
"""Which source, and which of its paths."""

_MOST: Final = 16
"""The most paths that a worker is given at once."""

_START: Final = 3.0
"""About how many seconds workers take to start: what they save must be worth it."""


def run_all(
    snapshot: str,
    adopted: Sequence[EventRow],
    sources: Sequence[Source],
    processes: int | None = None,
    progress: Progress | None = None,
) -> Iterator[list[Outcome]]:
    """Yield the outcomes of each source's paths, in order.

    ``processes`` is how many to use: by default one per processor, once the first paths show that
    the others will take so long that starting them is worth it.
    """
    tasks = [(i, k) for i, source in enumerate(sources) for k in range(source.count)]
    begin = (snapshot, tuple(adopted), tuple(sources))
    if processes is None:
        found = _as_needed(begin, tasks, os.cpu_count() or 1)
    else:
        found = _here(begin, tasks) if processes == 1 else _pooled(begin, tasks, processes)
    done = 0
    for source in sources:
        outcomes = []
        for _ in range(source.count):
            outcomes.append(next(found))
            done += 1
            if progress is not None:
                progress(done)
        yield outcomes


_Begin = tuple[str, tuple[EventRow, ...], tuple[Source, ...]]


def _here(begin: _Begin, tasks: Sequence[Task]) -> Iterator[Outcome]:
    snapshot, adopted, sources = begin
    stage = Stage(snapshot, adopted)
    for i, number in tasks:
        yield stage.run(sources[i], number)


def _as_needed(begin: _Begin, tasks: Sequence[Task], processes: int) -> Iterator[Outcome]:
    """Yield outcomes made here until it shows that workers would be done earlier, then theirs."""
    started = time.monotonic()
    for done, outcome in enumerate(_here(begin, tasks), start=1):
        yield outcome
        left = tasks[done:]
        alone = (time.monotonic() - started) / done * len(left)
        if alone > _START + alone / processes:
            yield from _pooled(begin, left, processes)
            return


def _pooled(begin: _Begin, tasks: Sequence[Task], processes: int) -> Iterator[Outcome]:
    size = max(1, min(_MOST, len(tasks) // (processes * 4)))
    chunks = [tasks[i : i + size] for i in range(0, len(tasks), size)]
    workers = min(processes, len(chunks))
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=begin
    )
    try:
        for outcomes in pool.map(_work, chunks):
            yield from outcomes
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """What a worker process was given: one per process, set before its first task."""

    stage: Stage
    sources: Sequence[Source]


def _begin(snapshot: str, adopted: Sequence[EventRow], sources: Sequence[Source]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _Worker.stage = Stage(snapshot, adopted)
    _Worker.sources = sources


def _work(chunk: Sequence[Task]) -> list[Outcome]:
    return [_Worker.stage.run(_Worker.sources[i], number) for i, number in chunk]
