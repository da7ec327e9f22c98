"""Matching movements of cash: what on one side is what on the other, by which rule.

A cascade, each rule over what the ones before left: by native id; by asset, class, amount and
moment exactly; within adopted tolerances; one to many and many to one. What is left is paired where
it plainly belongs together, so that a difference is one break and not two; the rest is missing on
one side. Nothing depends on the order of the input beyond places and moments.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from clearing.reconcile.differences import Difference, amount_difference
from clearing.reconcile.lines import Class, Movement, class_of, decimal_text, moment_text
from clearing.reconcile.subsets import MOST_CANDIDATES, adding_up
from clearing.reconcile.tolerances import Field, Tolerance, Tolerances

Rule = Literal["native id", "composite", "tolerance", "one to many", "many to one"]

CORRECTION: Final = "reconciliation"
"""The kind of what was posted here because the two sides differed."""

TIMING: Final = 36 * 3_600_000_000
"""Microseconds within which the same amount on both sides is one movement at another time."""


class Match(NamedTuple):
    """What belongs together: places of ours and of theirs, and the rule that found it.

    ``tolerance`` is the version of the one that was needed, 0 without; ``residual`` (theirs less
    ours) what it let pass of ``asset``.
    """

    rule: Rule
    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    asset: str
    tolerance: int = 0
    residual: int = 0


@dataclass(slots=True)
class Matched:
    """What matching found."""

    matches: list[Match] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def match_movements(
    ours: Sequence[Movement],
    theirs: Sequence[Movement],
    tolerances: Tolerances,
    units: Mapping[str, int],
) -> Matched:
    """Match two sides of cash movements.

    ``units`` has the smallest unit of each asset at the common decimals: a difference of no more
    is a rounding. ``ref`` of every movement is its place in its list.
    """
    matching = _Matching(ours, theirs, tolerances, units)
    matching.by_native_id()
    matching.by_composite()
    matching.with_corrections()
    matching.within_tolerance()
    matching.one_to_many()
    matching.pair_what_differs()
    matching.name_missing()
    matching.found.differences.sort(key=lambda one: (one.at, one.ours, one.theirs, one.type))
    return matching.found


class _Matching:
    """The state of one matching: what of each side is still open, in order of moment."""

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
        self._matched_keys: set[Hashable] = set()

    # -- by native id

    def by_native_id(self) -> None:
        """Bring together what has the same identifier on both sides."""
        there: dict[str, list[int]] = defaultdict(list)
        for place in self.open_theirs:
            ids = self.theirs[place].ids
            if ids:
                there[ids[0]].append(place)
        here: dict[str, list[int]] = defaultdict(list)
        for place in self.open_ours:
            for known in self.ours[place].ids:
                if known in there:
                    here[known].append(place)
                    break
        for known, mine in here.items():
            self._settle_group(mine, there[known])

    def _settle_group(self, mine: list[int], yours: list[int]) -> None:
        """Match a group that shares an identifier, or say how its sides differ."""
        if len(mine) == 1 == len(yours):
            one, other = self.ours[mine[0]], self.theirs[yours[0]]
            if one.asset == other.asset and one.amount == other.amount:
                self._take("native id", mine, yours)
                if one.at != other.at:
                    self._check_moment(mine, yours)
                return
        yours = self._without_copies(mine, yours)
        mine, yours = self._without_equal(mine, yours)
        if not mine or not yours:
            return  # one side has parts that the other lacks: left for the rules that follow
        sums = _sums(self.ours, mine), _sums(self.theirs, yours)
        if sums[0].keys() != sums[1].keys():
            self._settle_assets(mine, yours, sums)
            return
        self._check_moment(mine, yours)
        for asset, total in sums[0].items():
            here = [place for place in mine if self.ours[place].asset == asset]
            there = [place for place in yours if self.theirs[place].asset == asset]
            self._settle_classes(asset, here, there, total, sums[1][asset])

    def _without_copies(self, mine: list[int], yours: list[int]) -> list[int]:
        """Say which of theirs are copies beyond what we have, and return the others."""
        counts: dict[tuple[str, int, str, int], list[int]] = defaultdict(list)
        for place in yours:
            one = self.theirs[place]
            counts[one.asset, one.amount, one.kind, one.at].append(place)
        if all(len(copies) == 1 for copies in counts.values()):
            return yours
        sums = _sums(self.ours, mine)
        kept: list[int] = []
        for (asset, amount, _, _), copies in counts.items():
            extra = 0
            others = sum(
                self.theirs[place].amount
                for place in yours
                if self.theirs[place].asset == asset and place not in copies
            )
            while extra < len(copies) - 1 and (
                others + amount * (len(copies) - extra) != sums.get(asset, 0)
            ):
                extra += 1
            kept += copies[: len(copies) - extra]
            for place in copies[len(copies) - extra :]:
                self._differ_duplicate(mine, place)
        return sorted(kept)

    def _differ_duplicate(self, mine: Sequence[int], place: int) -> None:
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

    def _settle_assets(
        self, mine: list[int], yours: list[int], sums: tuple[dict[str, int], dict[str, int]]
    ) -> None:
        """The assets differ: the same thing under another name, or parts that one side lacks."""
        left, right = (sorted(sums[i].keys() - sums[1 - i].keys()) for i in (0, 1))
        if len(left) == 1 == len(right):
            here = [place for place in mine if self.ours[place].asset == left[0]]
            there = [place for place in yours if self.theirs[place].asset == right[0]]
            self._differ(
                "static_data", here, there, right[0], "asset", left[0], right[0],
                sums[1][right[0]],
            )  # fmt: skip
            mine = [place for place in mine if place not in here]
            yours = [place for place in yours if place not in there]
        for asset in sorted(sums[0].keys() & sums[1].keys()):
            here = [place for place in mine if self.ours[place].asset == asset]
            there = [place for place in yours if self.theirs[place].asset == asset]
            self._settle_classes(asset, here, there, sums[0][asset], sums[1][asset])

    def _settle_classes(
        self, asset: str, mine: list[int], yours: list[int], here: int, there: int
    ) -> None:
        """Compare class by class where both sides tell the same classes, else in sum.

        In sum, a fee too high and a profit too high would net out.
        """
        ours, theirs = _by_class(self.ours, mine), _by_class(self.theirs, yours)
        if len(ours) == 1 or ours.keys() != theirs.keys():
            self._settle_amount("native id", asset, mine, yours, here, there)
            return
        for cls, places in ours.items():
            sums = _sums(self.ours, places)[asset], _sums(self.theirs, theirs[cls])[asset]
            self._settle_amount("native id", asset, places, theirs[cls], *sums)

    def _settle_amount(
        self, rule: Rule, asset: str, mine: list[int], yours: list[int], here: int, there: int
    ) -> None:
        if here == there:
            self._take(rule, mine, yours)
            return
        tolerance = self._tolerance(mine, here, there)
        if tolerance is not None:
            self._take(rule, mine, yours, tolerance, there - here)
            return
        cls = class_of(self.theirs[yours[0]].kind)
        at = min(self.ours[mine[0]].at, self.theirs[yours[0]].at)
        places = (tuple(mine), tuple(yours))
        unit = self.units.get(asset, 0)
        self._close(mine, yours)
        self.found.differences.append(amount_difference(cls, asset, at, here, there, unit, places))

    def _without_equal(self, mine: list[int], yours: list[int]) -> tuple[list[int], list[int]]:
        """Match equal parts of a group one by one, so that what differs stands alone."""
        left = defaultdict(list)
        for place in yours:
            one = self.theirs[place]
            left[one.asset, class_of(one.kind), one.amount].append(place)
        rest = []
        for place in mine:
            one = self.ours[place]
            equal = left.get((one.asset, class_of(one.kind), one.amount))
            if equal:
                other = equal.pop(0)
                self._take("native id", [place], [other])
                self._check_moment([place], [other])
            else:
                rest.append(place)
        return rest, sorted(place for places in left.values() for place in places)

    def _check_moment(self, mine: Sequence[int], yours: Sequence[int]) -> None:
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
                f"{_seconds(there - here)} s later there",
            )
        )  # fmt: skip

    # -- by what it is

    def by_composite(self) -> None:
        """Pair what is the same in asset, class, amount and moment, in order."""
        self._pair(lambda one: (one.asset, class_of(one.kind), one.amount, one.at), "composite")

    def _pair(self, key: Callable[[Movement], Hashable], rule: Rule) -> None:
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self.open_theirs:
            there[key(self.theirs[place])].append(place)
        for places in there.values():
            places.reverse()
        for place in list(self.open_ours):
            equal = there.get(key(self.ours[place]))
            if equal:
                self._take(rule, [place], [equal.pop()])

    def with_corrections(self) -> None:
        """Pair what was corrected here in sum, before a tolerance is asked for a second time."""
        corrections = [place for place in self.open_ours if self.ours[place].kind == CORRECTION]
        if not corrections:
            return
        by_id: dict[str, list[int]] = defaultdict(list)
        for place in self.open_ours:
            for known in self.ours[place].ids:
                by_id[known].append(place)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self.open_theirs:
            one = self.theirs[place]
            there[one.asset, one.amount].append(place)
        for place in corrections:
            asset = self.ours[place].asset
            for known in self.ours[place].ids:
                parts = [p for p in by_id[known] if p in self.open_ours]
                parts = [p for p in parts if self.ours[p].asset == asset]
                if place not in parts or len(parts) < 2:
                    continue
                moments = {self.ours[p].at for p in parts}
                total = sum(self.ours[p].amount for p in parts)
                equal = [p for p in there[asset, total] if p in self.open_theirs]
                for other in [p for p in equal if self.theirs[p].at in moments][:1]:
                    self._take("one to many", parts, [other])

    def within_tolerance(self) -> None:
        """Pair what differs by no more than was adopted, the nearest first."""
        if not self.tolerances:
            return
        groups = self._grouped(lambda one: (one.asset, class_of(one.kind)))
        for (asset, _), (mine, yours) in groups.items():
            window = self.tolerances.window(asset)
            moments = [self.ours[place].at for place in mine]
            for place in yours:
                one = self.theirs[place]
                first = bisect_left(moments, one.at - window)
                last = bisect_right(moments, one.at + window)
                near = [
                    (abs(self.ours[p].amount - one.amount), abs(self.ours[p].at - one.at), p)
                    for p in mine[first:last]
                    if p in self.open_ours
                ]
                for _, _, candidate in sorted(near)[:1]:
                    here = self.ours[candidate]
                    tolerance = self._tolerance([candidate], here.amount, one.amount)
                    if here.amount == one.amount:
                        tolerance = self.tolerances.of(asset, "time")
                    if tolerance is not None:
                        residual = one.amount - here.amount
                        self._take("tolerance", [candidate], [place], tolerance, residual)

    def one_to_many(self) -> None:
        """Find several of one side that add up to one of the other, within the time allowed."""
        groups = self._grouped(lambda one: (one.asset,))
        for (asset,), (mine, yours) in groups.items():
            window = self.tolerances.window(str(asset))
            self._add_up(self.ours, mine, self.open_ours, self.theirs, yours, window, "one to many")
            self._add_up(
                self.theirs, yours, self.open_theirs, self.ours, mine, window, "many to one"
            )

    def _add_up(
        self,
        many: Sequence[Movement],
        places: list[int],
        still: dict[int, None],
        ones: Sequence[Movement],
        single: list[int],
        window: int,
        rule: Rule,
    ) -> None:
        moments = [many[place].at for place in places]
        other = self.open_theirs if still is self.open_ours else self.open_ours
        for place in single:
            if place not in other:
                continue
            one = ones[place]
            first = bisect_left(moments, one.at - window)
            last = bisect_right(moments, one.at + window)
            cls = class_of(one.kind)
            fitting = (
                p
                for p in map(places.__getitem__, range(first, last))
                if p in still and _may_be_part(class_of(many[p].kind), cls)
            )
            near = list(islice(fitting, MOST_CANDIDATES + 1))
            found = adding_up([many[p].amount for p in near], one.amount)
            if found is None:
                continue
            chosen = [near[i] for i in found]
            if still is self.open_ours:
                self._take(rule, chosen, [place])
            else:
                self._take(rule, [place], chosen)

    # -- what differs

    def pair_what_differs(self) -> None:
        """Bring together what plainly belongs together though something differs."""
        self._pair_copies()
        self._pair_other_times()
        self._pair_other(lambda one: (one.asset, class_of(one.kind), one.at), self._settle_pair)
        self._pair_other(lambda one: (class_of(one.kind), one.at, one.amount), self._other_asset)
        self._pair_other(lambda one: (one.asset, one.at, one.amount), self._other_kind)

    def _pair_copies(self) -> None:
        """What is left of one side and equal to what was matched is there once too often."""
        for place in list(self.open_theirs):
            other = self.theirs[place]
            if not other.ids and _likeness(other) in self._matched_keys:
                self._differ_duplicate((), place)
        for place in list(self.open_ours):
            one = self.ours[place]
            if _likeness(one) in self._matched_keys:
                del self.open_ours[place]
                words = "we have it more often than they state it"
                self.found.differences.append(
                    Difference(
                        "duplicate", "cash", one.asset, -one.amount, one.at, (place,), (),
                        words=words,
                    )
                )  # fmt: skip

    def _pair_other_times(self) -> None:
        groups = self._grouped(lambda one: (one.asset, class_of(one.kind), one.amount))
        for mine, yours in groups.values():
            moments = [self.ours[place].at for place in mine]
            for place in yours:
                there = self.theirs[place]
                after = bisect_left(moments, there.at)
                near = [i for i in (after - 1, after) if 0 <= i < len(mine)]
                if not near:
                    break
                best = min(near, key=lambda i: abs(moments[i] - there.at))
                if abs(moments[best] - there.at) > TIMING:
                    continue
                at, chosen = moments.pop(best), mine.pop(best)
                self._differ(
                    "timing", [chosen], [place], there.asset, "time", moment_text(at),
                    moment_text(there.at), 0, f"{_seconds(there.at - at)} s later there",
                )  # fmt: skip

    def _pair_other(
        self, key: Callable[[Movement], tuple[Hashable, ...]], say: Callable[[int, int], None]
    ) -> None:
        """Pair what is alone on both sides under a key."""
        for mine, yours in self._grouped(key).values():
            if len(mine) == 1 == len(yours):
                say(mine[0], yours[0])

    def _settle_pair(self, mine: int, yours: int) -> None:
        here, there = self.ours[mine], self.theirs[yours]
        self._settle_amount("tolerance", here.asset, [mine], [yours], here.amount, there.amount)

    def _other_asset(self, mine: int, yours: int) -> None:
        here, there = self.ours[mine], self.theirs[yours]
        names = (here.asset, there.asset)
        self._differ("static_data", [mine], [yours], there.asset, "asset", *names, there.amount)

    def _other_kind(self, mine: int, yours: int) -> None:
        here, there = self.ours[mine], self.theirs[yours]
        names = (here.kind, there.kind)
        self._differ("static_data", [mine], [yours], there.asset, "kind", *names, 0)

    def name_missing(self) -> None:
        """What is left is missing on the other side."""
        for place in self.open_theirs:
            one = self.theirs[place]
            self.found.differences.append(
                Difference(
                    "missing_here", "cash", one.asset, one.amount, one.at, (), (place,),
                    there=decimal_text(one.amount), words=one.kind,
                )
            )  # fmt: skip
        for place in self.open_ours:
            one = self.ours[place]
            self.found.differences.append(
                Difference(
                    "missing_there", "cash", one.asset, -one.amount, one.at, (place,), (),
                    here=decimal_text(one.amount), words=one.kind,
                )
            )  # fmt: skip

    # -- helpers

    def _tolerance(self, mine: Sequence[int], here: int, there: int) -> Tolerance | None:
        """Return the tolerance that lets a difference pass; of several classes an amount's."""
        classes = {class_of(self.ours[place].kind) for place in mine}
        named: Field = "amount"
        if classes == {"fee"}:
            named = "fee"
        elif classes == {"funding"}:
            named = "funding"
        tolerance = self.tolerances.of(self.ours[mine[0]].asset, named)
        return tolerance if tolerance is not None and tolerance.allows(here, there) else None

    def _take(
        self,
        rule: Rule,
        mine: Sequence[int],
        yours: Sequence[int],
        tolerance: Tolerance | None = None,
        residual: int = 0,
    ) -> None:
        """Note a match, and that its places are no longer open."""
        self._close(mine, yours)
        for place in yours:
            one = self.theirs[place]
            if not one.ids:  # what has an identifier of its own is nobody's copy
                self._matched_keys.add(_likeness(one))
        version = 0 if tolerance is None else tolerance.version
        asset = self.theirs[yours[0]].asset
        match = Match(rule, tuple(mine), tuple(yours), asset, version, residual)
        self.found.matches.append(match)

    def _differ(
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
        self._close(mine, yours)
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

    def _close(self, mine: Iterable[int], yours: Iterable[int]) -> None:
        for place in mine:
            self.open_ours.pop(place, None)
        for place in yours:
            self.open_theirs.pop(place, None)

    def _grouped(
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


def _by_time(side: Sequence[Movement]) -> list[int]:
    return sorted(range(len(side)), key=lambda place: (side[place].at, place))


def _sums(side: Sequence[Movement], places: Iterable[int]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for place in places:
        sums[side[place].asset] += side[place].amount
    return sums


def _by_class(side: Sequence[Movement], places: Iterable[int]) -> dict[Class, list[int]]:
    found: dict[Class, list[int]] = defaultdict(list)
    for place in places:
        found[class_of(side[place].kind)].append(place)
    return found


def _may_be_part(part: Class, whole: Class) -> bool:
    """Whether a movement may be one of several that another tells in sum."""
    if part == whole or part in _ANYWHERE:
        return True
    return whole == "pnl" and part in ("funding", "interest")


_ANYWHERE: Final[frozenset[Class]] = frozenset({"fee", "adjustment", "other"})
"""What may come with anything: a withdrawal with its fee, a deposit with what corrects it."""


def _likeness(one: Movement) -> tuple[str, str, int, int]:
    return (one.asset, class_of(one.kind), one.amount, one.at)


def _seconds(microseconds: int) -> str:
    whole, rest = divmod(abs(microseconds), 1_000_000)
    sign = "-" if microseconds < 0 else ""
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")
