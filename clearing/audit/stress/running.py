"""Running paths over a book: each on an engine of its own, in as many processes as are wanted.

Outcomes depend on the book, the document and the path's number alone: neither on how many
processes there are nor on which one runs what.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from fractions import Fraction
from multiprocessing import get_context
from typing import Any, Final

from clearing.audit.replay.tally import Tally
from clearing.audit.stress.document import (
    FilePath,
    MonteCarloPath,
    ShockPath,
    Stress,
    StressRefused,
)
from clearing.audit.stress.moves import Marks, Step, drawn, filed, shocked, shown
from clearing.engine import Engine, Entry
from clearing.engine.market_states import SETTLED
from clearing.events import EventRefused, EventRow, encode, parse_event
from clearing.events.canonical import document_hash
from clearing.events.fields import from_microseconds
from clearing.rulebook import RulebookRefused, compile_rulebook

_CHUNK: Final = 4
_MOVES: Final = "stress"


@dataclass(slots=True)
class Outcome:
    """What became of a book on one path: counts, exact amounts by (asset, name), funds, drivers.

    ``lows`` and ``ends`` are funds' equities by (account, asset) ordinals, ``accounts`` and
    ``markets`` the losses beyond equity that each caused, by (ordinal, asset).
    """

    liquidated: int = 0
    steps: int = 0
    deleveraged: int = 0
    amounts: dict[tuple[int, str], Fraction] = field(default_factory=dict)
    lows: dict[tuple[int, int], Fraction] = field(default_factory=dict)
    ends: dict[tuple[int, int], Fraction] = field(default_factory=dict)
    accounts: dict[tuple[int, int], Fraction] = field(default_factory=dict)
    markets: dict[tuple[int, int], Fraction] = field(default_factory=dict)


def nothing_before(source: int, external_id: str) -> EventRow | None:
    """Find no earlier event: a path refers to none."""
    del source, external_id
    return None


class Bench:
    """A book, restored from a snapshot's text for each path that is run."""

    def __init__(self, snapshot: str, impact: dict[str, Any] | None, name: str) -> None:
        self.snapshot = snapshot
        self._impact = impact
        self._name = name
        engine = self._engine()
        markets = engine.book.markets
        self.now: Marks = {
            ordinal: market.mark
            for ordinal, market in sorted(markets.items())
            if market.mark and market.state != SETTLED
        }
        self.names = {markets[ordinal].spec.name: ordinal for ordinal in self.now}

    def run(self, steps: Iterator[Step]) -> Outcome:
        """Apply a path's marks, then let an hour pass, and return what became of the book."""
        engine = self._engine()
        tally, outcome = Tally(), Outcome()
        tally.begin(engine)
        begin = max(engine.book.time, engine.book.latest)
        at = 0
        for number, (at, marks) in enumerate(steps, 1):
            row = self._row(engine, begin + at, number, marks)
            self._note(engine, tally, outcome, row.position, engine.apply(row))
        tick = self._tick(engine, begin + at + 3_600_000_000)
        self._note(engine, tally, outcome, tick.position, engine.apply(tick))
        return _concluded(engine, tally, outcome)

    def _engine(self) -> Engine:
        engine = Engine.restore(self.snapshot, resolver=nothing_before)
        if self._impact is not None:
            self._state_impact(engine, self._impact)
        bound = [key for key, scope in engine.book.scopes.items() if scope.rules is not None]
        engine.override(bound)
        return engine

    def _state_impact(self, engine: Engine, impact: dict[str, Any]) -> None:
        """Adopt the rulebooks in force with another section ``impact``, in derive mode."""
        book = engine.book
        for asset in list(book.assets.values()):
            if asset.rulebook is None:
                continue
            document = json.loads(book.documents[asset.rulebook.sha256])
            mine = {market.spec.name for market in asset.markets}
            document["impact"] = {name: rule for name, rule in impact.items() if name in mine}
            document["mode"] = "derive"
            try:
                compile_rulebook(
                    document,
                    book.registry,
                    name="stress",
                    version="1",
                    sha256=document_hash(document),
                )
            except RulebookRefused as refused:
                raise StressRefused(self._name, refused.problems) from refused
            event = {
                "kind": "RulebookAdopted",
                "name": "stress",
                "version": "1",
                "document": document,
                "author": _MOVES,
                "approver": _MOVES,
                "reason": "impact",
            }
            engine.apply(self._encoded(engine, book.latest, f"impact {asset.ordinal}", event))

    def _encoded(self, engine: Engine, at: int, name: str, event: dict[str, Any]) -> EventRow:
        registry = engine.book.registry
        told = {
            "source": registry.source(1).name,
            "external_id": f"{_MOVES} {name}",
            "occurred_at": from_microseconds(at),
            **event,
        }
        try:
            row = encode(parse_event(told), registry)
        except EventRefused as error:
            raise StressRefused(self._name, [f"{name}: {error}"]) from error
        row.position = engine.position + 1
        return row

    def _row(self, engine: Engine, at: int, number: int, marks: Mapping[int, int]) -> EventRow:
        registry = engine.book.registry
        told = []
        for ordinal, mark in sorted(marks.items()):
            spec = registry.market(ordinal)
            told.append({"market": spec.name, "price": shown(mark, spec.mark_decimals)})
        return self._encoded(engine, at, str(number), {"kind": "Marked", "marks": told})

    def _tick(self, engine: Engine, at: int) -> EventRow:
        return self._encoded(engine, at, "end", {"kind": "ClockTicked"})

    def _note(
        self, engine: Engine, tally: Tally, outcome: Outcome, position: int, entries: list[Entry]
    ) -> None:
        tally.note(engine, position, entries)
        for entry in entries:
            if entry[0] == "loss":
                _add(outcome.accounts, (int(entry[1]), int(entry[2])), Fraction(str(entry[3])))
            elif entry[0] == "closed" and entry[4] not in ("reduce", "auction"):
                lost = max(Fraction(str(entry[9])), Fraction(0))
                _add(outcome.markets, (int(entry[3]), int(entry[2])), lost)


def _add(amounts: dict[tuple[int, int], Fraction], key: tuple[int, int], amount: Fraction) -> None:
    if amount > 0:
        amounts[key] = amounts.get(key, Fraction(0)) + amount


def _concluded(engine: Engine, tally: Tally, outcome: Outcome) -> Outcome:
    ends = Tally()
    ends.begin(engine)
    outcome.liquidated = len({account for account, _ in tally.steps})
    outcome.steps = sum(tally.steps.values())
    outcome.deleveraged = len({account for account, _ in tally.adl})
    outcome.amounts = tally.amounts
    outcome.ends = {key: Fraction(low) for key, low in ends.lows.items()}
    lows = {key: Fraction(low) for key, low in tally.lows.items()}
    outcome.lows = {key: min(low, outcome.ends[key]) for key, low in lows.items()}
    return outcome


def steps_of(
    path: ShockPath | FilePath | MonteCarloPath, number: int, bench: Bench
) -> Iterator[Step]:
    """Yield the steps of a path over a bench's book; ``number`` counts random paths from 0."""
    match path:
        case ShockPath():
            return shocked(path, bench.now, bench.names)
        case FilePath():
            return filed(path, bench.now, bench.names)
    return drawn(path, number, bench.now, bench.names)


Progress = Callable[[int], None]
"""Called with how many paths are done."""

_bench: Bench
_stress: Stress


def _begin(snapshot: str, stress: Stress) -> None:
    """Set a worker process up."""
    global _bench, _stress  # noqa: PLW0603 - what a worker process works on, set once
    _stress = stress
    _bench = Bench(snapshot, stress.impact, stress.name)


def _work(tasks: list[tuple[int, int]]) -> list[Outcome]:
    return [_bench.run(steps_of(_stress.paths[path], number, _bench)) for path, number in tasks]


def run_paths(
    snapshot: str, stress: Stress, processes: int | None, progress: Progress | None
) -> list[list[Outcome]]:
    """Return the outcomes of every path, in order: of random ones as many as there are."""
    counts = [p.paths if isinstance(p, MonteCarloPath) else 1 for p in stress.paths]
    tasks = [(i, number) for i, count in enumerate(counts) for number in range(count)]
    wanted = processes or os.cpu_count() or 1
    chunks = [tasks[i : i + _CHUNK] for i in range(0, len(tasks), _CHUNK)]
    if wanted == 1 or len(chunks) == 1:
        bench, found = Bench(snapshot, stress.impact, stress.name), []
        for done, (path, number) in enumerate(tasks, 1):
            found.append(bench.run(steps_of(stress.paths[path], number, bench)))
            if progress is not None:
                progress(done)
    else:
        found = _in_processes(snapshot, stress, chunks, min(wanted, len(chunks)), progress)
    outcomes, at = [], 0
    for count in counts:
        outcomes.append(found[at : at + count])
        at += count
    return outcomes


def _in_processes(
    snapshot: str,
    stress: Stress,
    chunks: list[list[tuple[int, int]]],
    processes: int,
    progress: Progress | None,
) -> list[Outcome]:
    """Share chunks out over processes; an interrupt stops those that have not begun."""
    done = 0
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_begin, initargs=(snapshot, stress)
    ) as pool:
        futures: list[Future[list[Outcome]]] = [pool.submit(_work, chunk) for chunk in chunks]
        pending = set(futures)
        try:
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                done += sum(len(future.result()) for future in finished)
                if progress is not None:
                    progress(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [outcome for future in futures for outcome in future.result()]
