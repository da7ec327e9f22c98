"""Balances: what a statement says was there, against what the ledger had.

A difference counts once, where it arises: later balances that are off by the same are no news, and
what a break among the lines explains is none. A balance that is off alone, while the next one is
right again, was told wrongly.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from clearing.reconcile.differences import Difference
from clearing.reconcile.lines import Balance, decimal_text


class Held(NamedTuple):
    """A change of what one side held of something (an asset, or a market's position)."""

    at: int
    what: str
    amount: int
    position: bool


class Course:
    """What was held of one thing over time: changes added up in order of moment."""

    __slots__ = ("_moments", "_sums")

    def __init__(self, changes: Iterable[Held]) -> None:
        ordered = sorted(changes, key=lambda one: one.at)
        self._moments = [one.at for one in ordered]
        self._sums = [0, *accumulate(one.amount for one in ordered)]

    def after(self, at: int) -> int:
        """Return what was held after everything of a moment."""
        return self._sums[bisect_right(self._moments, at)]

    def before(self, at: int) -> int:
        """Return what was held before anything of a moment."""
        return self._sums[bisect_left(self._moments, at)]


def compare_balances(
    ours: Iterable[Held],
    stated: Sequence[Balance],
    effects: Iterable[Held],
    doubtful: frozenset[int] = frozenset(),
    ahead: Mapping[tuple[str, bool], int] = MappingProxyType({}),
) -> list[Difference]:
    """Return what stated balances differ by from ours, that no difference of lines explains.

    ``ours`` is every change of the account that the ledger knows, ``effects`` what differences of
    lines do: by how much more their balances are ahead of ours from a moment on. Balances of
    movements at the places ``doubtful`` are not compared: something else is wrong with their line
    already. Of several balances of one thing at one moment each is compared: all must be the
    balance after everything of it. ``ahead`` is by how much their balances were ahead before.
    """
    changes: dict[tuple[str, bool], list[Held]] = defaultdict(list)
    for one in ours:
        changes[one.what, one.position].append(one)
    by_thing: dict[tuple[str, bool], list[Balance]] = defaultdict(list)
    for balance in stated:
        if balance.ref < 0 or balance.ref not in doubtful:
            by_thing[balance.what, balance.position].append(balance)
    known: dict[tuple[str, bool], list[tuple[int, int]]] = defaultdict(list)
    for effect in effects:
        known[effect.what, effect.position].append((effect.at, effect.amount))
    found = []
    for thing, balances in sorted(by_thing.items()):
        course = Course(changes[thing])
        balances.sort(key=lambda one: (one.at, not one.before, one.ref))
        found += _compare(course, balances, sorted(known[thing]), ahead.get(thing, 0))
    return found


def _compare(
    course: Course,
    balances: Sequence[Balance],
    effects: Sequence[tuple[int, int]],
    accepted: int,
) -> list[Difference]:
    away = [
        one.amount - (course.before(one.at) if one.before else course.after(one.at))
        for one in balances
    ]
    found: list[Difference] = []
    since = -(2**63)
    for place, one in enumerate(balances):
        if away[place] == accepted:
            since = one.at
            continue
        alone = place + 1 < len(balances) and away[place + 1] == accepted
        explained = _explained(away[place] - accepted, effects, since, one.at)
        if not explained:
            ours = one.amount - away[place]
            words = _words(place, alone, away[place] - accepted)
            found.append(
                Difference(
                    "unexplained_balance",
                    "fill" if one.position else "cash",
                    one.what,
                    away[place] - accepted,
                    one.at,
                    (),
                    (one.ref,) if one.ref >= 0 else (),
                    "position" if one.position else "balance",
                    decimal_text(ours),
                    decimal_text(one.amount),
                    words,
                )
            )
        if not alone:
            accepted, since = away[place], one.at
    return found


def _explained(amount: int, effects: Sequence[tuple[int, int]], since: int, at: int) -> bool:
    """Whether effects (in order) between two moments add up to an amount, all or one of them."""
    first = bisect_right(effects, since, key=_moment)
    within = [effect for _, effect in effects[first : bisect_right(effects, at, key=_moment)]]
    return bool(within) and (sum(within) == amount or amount in within)


def _moment(effect: tuple[int, int]) -> int:
    return effect[0]


def _words(place: int, alone: bool, amount: int) -> str:
    away = decimal_text(amount)
    if alone:
        return f"off by {away}, and the next balance is right again: told wrongly"
    if place == 0:
        return f"off by {away} from the first balance on"
    return f"off by {away} more than before, from here on"
