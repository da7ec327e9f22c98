"""Compares the engine (banded and naive) with the second ledger, event by event.

``python -m tests.auditor.run --seeds 200 --first 1`` prints the first difference of each seed and,
at the end, how often each kind of entry and each deviation occurred.
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from clearing.engine import Engine
from clearing.events import EventRefused, Registry, encode, parse_event
from clearing.events.kinds import REGISTRY_KINDS
from clearing.events.row import EventRow
from tests.auditor.fold import Auditor
from tests.auditor.generate import generate
from tests.auditor.invariants import Sums, problems
from tests.auditor.mechanisms import RULES
from tests.auditor.state import Entry
from tests.auditor.story import Story

FREE_DETAIL = frozenset({"reported_pnl"})
"""Deviations whose ``detail`` the page defines; elsewhere it is words, and not compared."""


@dataclass
class Outcome:
    """What comparing one seed showed: a difference in words, or none."""

    seed: int
    difference: str = ""
    counts: Counter[str] = field(default_factory=Counter)


def comparable(entries: list[Entry]) -> list[Entry]:
    """The entries without the words that the page leaves free."""
    return [
        (*entry[:-1], "") if entry[0] == "deviation" and entry[1] not in FREE_DETAIL else entry
        for entry in entries
    ]


def tally(entries: list[Entry], counts: Counter[str]) -> None:
    """Count entries by kind, and by the word that tells apart what a kind covers."""
    words = {"deviation": 1, "posting": 1, "closed": 4, "margin_call": 3, "transition": 4}
    words |= {"auction": 5}
    words |= {"remainder": 1, "liquidation": 4, "withheld": 3, "rulebook": 5}
    for entry in entries:
        kind = str(entry[0])
        counts[kind if kind not in words else f"{kind} {entry[words[kind]]}"] += 1


def compare(
    seed: int, length: int, *, unwinds: bool = False, mechanisms: tuple[str, ...] = ()
) -> Outcome:
    """Fold one seed's events three times; stop at the first difference."""
    return compare_events(seed, generate(seed, length, unwinds=unwinds, mechanisms=mechanisms))


def compare_events(seed: int, documents: list[dict[str, Any]]) -> Outcome:
    """As :func:`compare`, of the events given; those that the edge refuses are left out.

    The naive engine is put away and restored from its snapshot somewhere on the way.
    """
    outcome = Outcome(seed)
    registry, rows = Registry(), dict[tuple[int, str], EventRow]()

    def find(source: int, external_id: str) -> EventRow | None:
        return rows.get((source, external_id))

    banded = Engine(resolver=find, watch="banded")
    naive = Engine(resolver=find, watch="naive")
    auditor, sums, story = Auditor(), Sums(), Story()
    for document in documents:
        try:
            event = parse_event(document)
            row = encode(event, registry)
        except EventRefused:
            outcome.counts["refused at the edge"] += 1
            continue
        row.position = banded.position + 1
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        expected = auditor.apply(event)
        try:
            if row.position == 40 + seed % 60:
                naive = Engine.restore(naive.snapshot(), resolver=find, watch="naive")
            got, other = banded.apply(row), naive.apply(row)
        except Exception as error:  # noqa: BLE001 - the seed and event must be said
            outcome.difference = f"{described(row.position, document)}\nraised {error!r}"
            return outcome
        rows[registry.source_ordinals[event.source], event.external_id] = row
        if got != other:
            outcome.difference = shown(row.position, document, got, other, "naive")
            return outcome
        if comparable(got) != comparable(expected):
            outcome.difference = shown(row.position, document, got, expected, "auditor")
            return outcome
        tally(got, outcome.counts)
        target = auditor.done.get(_target(document))
        sums.add(target.kind if target else event.kind, got)
        story.tell(event, got, banded.entry_hash)
        if wrong := story.problems + problems(auditor.book, sums):
            outcome.difference = f"{described(row.position, document)}\n{wrong}"
            return outcome
    if banded.digest() != naive.digest():
        outcome.difference = "the digests of banded and naive differ at the end"
    return outcome


def _target(document: dict[str, Any]) -> tuple[str, str]:
    """The identity of what a reversal reverses."""
    target = document.get("target", {})
    return target.get("source", ""), target.get("external_id", "")


def described(position: int, document: dict[str, Any]) -> str:
    """An event in one line."""
    parts = {k: str(v) for k, v in document.items() if k not in ("kind", "source", "document")}
    return f"event {position} {document['kind']} {parts}"


def shown(
    position: int, document: dict[str, Any], got: list[Entry], expected: list[Entry], who: str
) -> str:
    """Both lists side by side, marked where they part."""
    lines = [described(position, document)]
    left, right = comparable(got), comparable(expected)
    for number in range(max(len(left), len(right))):
        a = left[number] if number < len(left) else None
        b = right[number] if number < len(right) else None
        if a == b:
            lines.append(f"    both    {a}")
        else:
            lines.append(f"  ! banded  {a}")
            lines.append(f"  ! {who:7} {b}")
    return "\n".join(lines)


def main() -> int:
    """Run the seeds that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--length", type=int, default=120)
    parser.add_argument("--show", type=int, default=5, help="how many differences to print whole")
    parser.add_argument("--unwinds", action="store_true", help="mostly gains that are sold")
    parser.add_argument("--with", dest="mechanisms", nargs="*", default=[], choices=RULES)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    different = []
    for seed in range(options.first, options.first + options.seeds):
        outcome = compare(
            seed,
            options.length,
            unwinds=options.unwinds,
            mechanisms=tuple(options.mechanisms),
        )
        counts += outcome.counts
        if outcome.difference:
            different.append(seed)
            if len(different) <= options.show:
                sys.stdout.write(f"seed {seed}: {outcome.difference}\n")
    for name in sorted(counts):
        sys.stdout.write(f"{counts[name]:8} {name}\n")
    sys.stdout.write(f"{options.seeds} seeds, {len(different)} differ: {different[:40]}\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
