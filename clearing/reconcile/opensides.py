"""What of two sides of cash movements is still open while they are matched, and what was found.

The rules of the cascade (:mod:`clearing.reconcile.matching`) take from here what belongs together
and say here what differs.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal

from clearing.reconcile.differences import Difference, amount_difference
from clearing.reconcile.lines import Class, Movement, class_of, moment_text
from clearing.reconcile.matches import Match, Matched, Rule
from clearing.reconcile.tolerances import Field, Tolerance, Tolerances


class OpenSides:
    """The state of one matching: what of each side is still open, in order of moment.

    ``matched_keys`` has the likeness of all of theirs without identifiers that was matched: what
    is equal to it may be a copy.
    """

    def __init__(
        self,
        ours: Sequence[Movement],
        theirs: Sequence[Movement],
        tolerances: Tolerances,
        units: Mapping[str, int],
    ) -> None:
        self.ours = ours
        self.theirs = theirs
        self.tolerances = tolerances
        self.units = units
        self.found = Matched()
        self.open_ours = dict.fromkeys(_by_time(ours))
        self.open_theirs = dict.fromkeys(_by_time(theirs))
        self.matched_keys: set[Hashable] = set()

    def grouped(
        self, key: Callable[[Movement], tuple[Any, ...]]
    ) -> dict[Any, tuple[list[int], list[int]]]:
        """Return what is open under each key that both sides have, in order of moment."""
        groups: dict[Any, tuple[list[int], list[int]]] = {}
        for place in self.open_theirs:
            groups.setdefault(key(self.theirs[place]), ([], []))[1].append(place)
        for place in self.open_ours:
            group = groups.get(key(self.ours[place]))
            if group is not None:
                group[0].append(place)
        return {named: group for named, group in groups.items() if group[0]}

    def take(
        self,
        rule: Rule,
        mine: Sequence[int],
        yours: Sequence[int],
        tolerance: Tolerance | None = None,
        residual: int = 0,
    ) -> None:
        """Note a match, and that its places are no longer open."""
        self.close(mine, yours)
        for place in yours:
            one = self.theirs[place]
            if not one.ids:  # what has an identifier of its own is nobody's copy
                self.matched_keys.add(likeness(one))
        version = 0 if tolerance is None else tolerance.version
        asset = self.theirs[yours[0]].asset
        match = Match(rule, tuple(mine), tuple(yours), asset, version, residual)
        self.found.matches.append(match)

    def settle_amount(
        self, rule: Rule, asset: str, mine: list[int], yours: list[int], here: int, there: int
    ) -> None:
        """Match what belongs together if its amounts agree, or say that they differ."""
        if here == there:
            self.take(rule, mine, yours)
            return
        tolerance = self.tolerance(mine, here, there)
        if tolerance is not None:
            self.take(rule, mine, yours, tolerance, there - here)
            return
        cls = class_of(self.theirs[yours[0]].kind)
        at = min(self.ours[mine[0]].at, self.theirs[yours[0]].at)
        places = (tuple(mine), tuple(yours))
        unit = self.units.get(asset, 0)
        self.close(mine, yours)
        self.found.differences.append(amount_difference(cls, asset, at, here, there, unit, places))

    def tolerance(self, mine: Sequence[int], here: int, there: int) -> Tolerance | None:
        """Return the tolerance that lets a difference pass; of several classes an amount's."""
        classes = {class_of(self.ours[place].kind) for place in mine}
        named: Field = "amount"
        if classes == {"fee"}:
            named = "fee"
        elif classes == {"funding"}:
            named = "funding"
        tolerance = self.tolerances.of(self.ours[mine[0]].asset, named)
        return tolerance if tolerance is not None and tolerance.allows(here, there) else None

    def check_moment(self, mine: Sequence[int], yours: Sequence[int]) -> None:
        """Say so where what belongs together did not happen at the same time."""
        here = min(self.ours[place].at for place in mine)
        there = min(self.theirs[place].at for place in yours)
        if abs(here - there) <= self.tolerances.window(self.theirs[yours[0]].asset):
            return
        one = self.theirs[yours[0]]
        self.found.differences.append(
            Difference(
                "timing", "cash", one.asset, 0, min(here, there), tuple(mine), tuple(yours),
                "time", moment_text(here), moment_text(there),
                f"{seconds_text(there - here)} s later there",
            )
        )  # fmt: skip

    def copy_there(self, mine: Sequence[int], place: int) -> None:
        """Say that they state a movement more often than we have it."""
        one = self.theirs[place]
        self.open_theirs.pop(place, None)
        words = "they state it more often than we have it"
        self.found.differences.append(
            Difference(
                "duplicate",
                "cash",
                one.asset,
                one.amount,
                one.at,
                tuple(mine),
                (place,),
                words=words,
            )
        )

    def copy_here(self, place: int) -> None:
        """Say that we have a movement more often than they state it."""
        one = self.ours[place]
        del self.open_ours[place]
        words = "we have it more often than they state it"
        self.found.differences.append(
            Difference(
                "duplicate", "cash", one.asset, -one.amount, one.at, (place,), (), words=words
            )
        )

    def differ(
        self,
        type_: Literal["static_data", "timing"],
        mine: Sequence[int],
        yours: Sequence[int],
        what: str,
        named: str,
        here: str,
        there: str,
        amount: int,
        words: str = "",
    ) -> None:
        """Note that what belongs together is named otherwise there, or at another time."""
        self.close(mine, yours)
        at = min(self.ours[mine[0]].at, self.theirs[yours[0]].at)
        self.found.differences.append(
            Difference(
                type_,
                "cash",
                what,
                amount,
                at,
                tuple(mine),
                tuple(yours),
                named,
                here,
                there,
                words,
            )
        )

    def close(self, mine: Iterable[int], yours: Iterable[int]) -> None:
        """Note that places are no longer open."""
        for place in mine:
            self.open_ours.pop(place, None)
        for place in yours:
            self.open_theirs.pop(place, None)


def _by_time(side: Sequence[Movement]) -> list[int]:
    return sorted(range(len(side)), key=lambda place: (side[place].at, place))


def sums_of(side: Sequence[Movement], places: Iterable[int]) -> dict[str, int]:
    """Return the sums of movements at places, by asset."""
    sums: dict[str, int] = defaultdict(int)
    for place in places:
        sums[side[place].asset] += side[place].amount
    return sums


def by_class(side: Sequence[Movement], places: Iterable[int]) -> dict[Class, list[int]]:
    """Return places by the class of their movement."""
    found: dict[Class, list[int]] = defaultdict(list)
    for place in places:
        found[class_of(side[place].kind)].append(place)
    return found


def likeness(one: Movement) -> tuple[str, str, int, int]:
    """Return what two movements have in common that are the same but for their names."""
    return (one.asset, class_of(one.kind), one.amount, one.at)


def seconds_text(microseconds: int) -> str:
    """Write a span of microseconds in seconds, exactly."""
    whole, rest = divmod(abs(microseconds), 1_000_000)
    sign = "-" if microseconds < 0 else ""
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")
