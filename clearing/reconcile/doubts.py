"""What speaks against a statement as such: parts that are missing, wrong accounts, wrong order."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from clearing.reconcile.coverage import Covered, Leap
from clearing.reconcile.differences import Difference
from clearing.reconcile.lines import decimal_text, moment_text
from clearing.reconcile.sides import Theirs


def not_covered(
    differences: Sequence[Difference], span: Covered
) -> tuple[list[Difference], list[int]]:
    """Return what differs where a statement could tell, and the moments of what was left out.

    What of ours lies where no statement is cannot be missing in one. It may still have been matched
    with a line, for the two clocks need not agree.
    """
    kept, moments = [], []
    for one in differences:
        if one.type == "missing_there" and not span.covers(one.at):
            moments.append(one.at)
        else:
            kept.append(one)
    return kept, moments


def run_together(
    differences: Sequence[Difference],
    leaps: Sequence[Leap],
    span: Covered,
) -> list[Difference]:
    """Make one break of the movements that a statement lacks together, as where a page is missing.

    Its balances show that it lacks them: they move between two lines by just what the ledger has
    there and the statement does not. So do movements after its last line within the time that it
    was asked for.
    """
    missing = [one for one in differences if one.type == "missing_there" and one.side == "cash"]
    rest = [one for one in differences if one.type != "missing_there" or one.side != "cash"]
    runs: list[_Run] = []
    for leap in (*_adjoining(leaps), *leaps):
        inside = [
            one for one in missing if one.what == leap.asset and leap.since < one.at <= leap.until
        ]
        if len(inside) > 1 and sum(-one.amount for one in inside) == leap.amount:
            runs.append(_Run(inside, "in a row: the balances leap over them"))
            missing = _without(missing, inside)
    end = span.last_line
    tail = [] if end is None else [one for one in missing if one.at >= end]
    if end is not None and any(one.at > end for one in tail) and len(tail) > 1:
        runs.append(_Run(tail, f"from its last line on, {moment_text(end)}"))
        missing = _without(missing, tail)
    return [*rest, *missing, *(_joined(run) for run in _meeting(runs))]


class _Run(NamedTuple):
    """Movements that a statement lacks together, and how that shows."""

    missing: list[Difference]
    words: str


def _meeting(runs: Sequence[_Run]) -> list[_Run]:
    """Return the runs with those that overlap in time made one: of several assets, one gap."""
    made: list[_Run] = []
    for run in sorted(runs, key=lambda run: min(one.at for one in run.missing)):
        first = min(one.at for one in run.missing)
        if made and first <= max(one.at for one in made[-1].missing):
            made[-1].missing.extend(run.missing)
        else:
            made.append(_Run(list(run.missing), run.words))
    return made


def _joined(run: _Run) -> Difference:
    """Return one difference for several; of several assets the amounts are told in words."""
    amounts: dict[str, int] = defaultdict(int)
    for one in run.missing:
        amounts[one.what] += one.amount
    ours = tuple(place for one in run.missing for place in one.ours)
    words = f"{len(ours):,} {run.words}"
    what, amount = next(iter(amounts.items()))
    if len(amounts) > 1:
        told = ", ".join(f"{name} {decimal_text(sum_)}" for name, sum_ in sorted(amounts.items()))
        what, amount, words = SEVERAL, 0, f"{words}: {told}"
    at = min(one.at for one in run.missing)
    return replace(run.missing[0], what=what, amount=amount, at=at, ours=ours, here="", words=words)


SEVERAL: Final = "*"
"""What a break is of that is of several assets at once."""


def _adjoining(leaps: Sequence[Leap]) -> list[Leap]:
    """Return what several leaps of an asset make together where each begins as one ends."""
    made: dict[str, list[Leap]] = defaultdict(list)
    for leap in leaps:
        known = made[leap.asset]
        if known and known[-1].until == leap.since:
            amount = known[-1].amount + leap.amount
            known[-1] = Leap(leap.asset, known[-1].since, leap.until, amount)
        else:
            known.append(leap)
    return [leap for known in made.values() for leap in known]


def _without(differences: Sequence[Difference], gone: Sequence[Difference]) -> list[Difference]:
    places = {one.ours for one in gone}
    return [one for one in differences if one.ours not in places]


def wrong_accounts(theirs: Theirs) -> list[Difference]:
    """Return the lines that name another account than most lines of their statement do."""
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for ref, one in zip(theirs.movement_refs, theirs.movements, strict=True):
        if one.account:
            counts[ref.number][one.account] += 1
    usual = {
        number: max(sorted(names), key=lambda name: names[name]) for number, names in counts.items()
    }
    found = []
    for ref, one in zip(theirs.movement_refs, theirs.movements, strict=True):
        if one.account and one.account != usual[ref.number]:
            found.append(
                Difference(
                    "static_data", "cash", one.asset, 0, one.at, (), (one.ref,), "account",
                    usual[ref.number], one.account, "the line names another account",
                )
            )  # fmt: skip
    return found


def wrong_order(theirs: Theirs, misplaced: Sequence[tuple[int, int]]) -> list[Difference]:
    """Return one break of time for each statement with lines against its order."""
    places: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, ref in enumerate(theirs.movement_refs):
        places[ref.number, ref.line].append(place)
    lines: dict[int, list[int]] = defaultdict(list)
    for number, line in misplaced:
        lines[number] += places.get((number, line), [])
    found = []
    for _, wrong in sorted(lines.items()):
        if not wrong:
            continue
        first = theirs.movements[wrong[0]]
        words = f"{len(wrong):,} against the order of their statement"
        found.append(
            Difference(
                "timing", "cash", first.asset, 0, first.at, (), tuple(wrong), "order", words=words
            )
        )
    return found
