"""Matching fills: what was executed on both sides, and the field in which it differs.

By the venue's trade id; then by market, size, price and moment exactly; then what plainly belongs
together. A difference is in one field each: quantity, price, fee, sign, time, or what it is named
by.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from clearing.events.fields import from_microseconds
from clearing.reconcile.differences import BreakType, Difference
from clearing.reconcile.lines import SCALE, Fill, decimal_text
from clearing.reconcile.matching import TIMING, Match, Matched, Rule
from clearing.reconcile.tolerances import Field, Tolerances


def match_fills(ours: Sequence[Fill], theirs: Sequence[Fill], tolerances: Tolerances) -> Matched:
    """Match two sides of fills. ``ref`` of every fill is its place in its list."""
    matching = _Matching(ours, theirs, tolerances)
    matching.by_native_id()
    matching.pair(lambda one: (one.market, one.size, one.price, one.at), "composite")
    matching.pair(lambda one: (one.market, one.price, one.at), "")
    matching.pair(lambda one: (one.market, one.size, one.at), "")
    matching.pair(lambda one: (one.market, abs(one.size), one.price, one.at), "")
    matching.pair_other_times()
    matching.name_missing()
    matching.found.differences.sort(key=lambda one: (one.at, one.ours, one.theirs, one.type))
    return matching.found


class _Matching:
    """The state of one matching: what of each side is still open, in order of moment."""

    def __init__(
        self, ours: Sequence[Fill], theirs: Sequence[Fill], tolerances: Tolerances
    ) -> None:
        self.ours = ours
        self.theirs = theirs
        self.tolerances = tolerances
        self.found = Matched()
        self.open_ours = dict.fromkeys(_by_time(ours))
        self.open_theirs = dict.fromkeys(_by_time(theirs))

    def by_native_id(self) -> None:
        """Bring together what has the same trade id; of several, in order of size and price."""
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
        if len(mine) > 1 or len(yours) > 1:
            if self._same_in_sum(mine, yours):
                self._take("one to many" if len(mine) > 1 else "many to one", mine, yours)
                return
            mine.sort(key=lambda place: (self.ours[place].size, self.ours[place].price))
            yours.sort(key=lambda place: (self.theirs[place].size, self.theirs[place].price))
        for one, other in zip(mine, yours, strict=False):
            self._settle("native id", one, other)
        for place in yours[len(mine) :]:
            twin = self.theirs[place]
            copy = any(
                _likeness(self.theirs[other]) == _likeness(twin) for other in yours[: len(mine)]
            )
            if copy:
                del self.open_theirs[place]
                self._differ(
                    "duplicate", mine[:1], [place], twin.size, words="they state it more than once"
                )

    def _same_in_sum(self, mine: list[int], yours: list[int]) -> bool:
        if len(mine) == len(yours):
            return False
        sides = ([self.ours[p] for p in mine], [self.theirs[p] for p in yours])
        sums = [
            (sum(one.size for one in side), sum(one.size * one.price for one in side))
            for side in sides
        ]
        return sums[0] == sums[1]

    def pair(self, key: Callable[[Fill], Any], rule: Rule | str) -> None:
        """Pair what is equal under a key in order; without a rule only what is alone under it."""
        there: dict[Any, list[int]] = defaultdict(list)
        here: dict[Any, list[int]] = defaultdict(list)
        for place in self.open_theirs:
            there[key(self.theirs[place])].append(place)
        for place in self.open_ours:
            here[key(self.ours[place])].append(place)
        for named, mine in here.items():
            yours = there.get(named, [])
            if rule or len(mine) == 1 == len(yours):
                for one, other in zip(mine, yours, strict=False):
                    self._settle("composite", one, other)

    def pair_other_times(self) -> None:
        """Pair what is the same at another time within a day and a half."""
        there: dict[Any, list[int]] = defaultdict(list)
        for place in self.open_theirs:
            one = self.theirs[place]
            there[one.market, one.size, one.price].append(place)
        for place in list(self.open_ours):
            mine = self.ours[place]
            yours = there.get((mine.market, mine.size, mine.price))
            if not yours:
                continue
            best = min(yours, key=lambda p: (abs(self.theirs[p].at - mine.at), p))
            if abs(self.theirs[best].at - mine.at) <= TIMING:
                yours.remove(best)
                self._settle("composite", place, best)

    def _settle(self, rule: Rule, mine: int, yours: int) -> None:
        """Match a pair, or say in which fields its sides differ."""
        here, there = self.ours[mine], self.theirs[yours]
        differences = [
            self._field("static_data", "market", here.market, there.market, 0, mine, yours),
            self._size(mine, yours),
            self._number("price", "price", here.price, there.price, mine, yours),
            self._fee(mine, yours),
            self._time(mine, yours),
        ]
        found = [one for one in differences if one is not None]
        if found:
            self._close([mine], [yours])
            self.found.differences += found
        else:
            self._take(rule, [mine], [yours])

    def _size(self, mine: int, yours: int) -> Difference | None:
        here, there = self.ours[mine].size, self.theirs[yours].size
        if here == -there:
            away = there - here
            texts = (decimal_text(here), decimal_text(there))
            return self._field("sign", "quantity", *texts, away, mine, yours)
        return self._number("quantity", "quantity", here, there, mine, yours)

    def _number(
        self, type_: BreakType, named: Field, here: int, there: int, mine: int, yours: int
    ) -> Difference | None:
        if here == there or (named == "price" and not (here and there)):
            return None
        tolerance = self.tolerances.of(self.ours[mine].market, named)
        if tolerance is not None and tolerance.allows(here, there):
            return None
        away = there - here if named == "quantity" else 0
        texts = (decimal_text(here), decimal_text(there))
        return self._field(type_, named, *texts, away, mine, yours)

    def _fee(self, mine: int, yours: int) -> Difference | None:
        here, there = self.ours[mine], self.theirs[yours]
        if here.fee is None or there.fee is None or not (here.fee or there.fee):
            return None
        if here.fee_asset != there.fee_asset:
            names = (here.fee_asset, there.fee_asset)
            return self._field("static_data", "fee asset", *names, 0, mine, yours)
        if here.fee == -there.fee:
            texts = (decimal_text(here.fee), decimal_text(there.fee))
            return self._field("sign", "fee", *texts, 0, mine, yours)
        return self._number("fee", "fee", here.fee, there.fee, mine, yours)

    def _time(self, mine: int, yours: int) -> Difference | None:
        here, there = self.ours[mine], self.theirs[yours]
        if abs(here.at - there.at) <= self.tolerances.window(here.market):
            return None
        texts = (_moment(here.at), _moment(there.at))
        return self._field("timing", "time", *texts, 0, mine, yours)

    def _field(
        self,
        type_: BreakType,
        named: str,
        here: str,
        there: str,
        amount: int,
        mine: int,
        yours: int,
    ) -> Difference | None:
        if here == there:
            return None
        one, other = self.ours[mine], self.theirs[yours]
        at = min(one.at, other.at)
        places = ((mine,), (yours,))
        return Difference(type_, "fill", other.market, amount, at, *places, named, here, there)

    def name_missing(self) -> None:
        """What is left is missing on the other side."""
        for place in list(self.open_theirs):
            one = self.theirs[place]
            self._differ("missing_here", [], [place], one.size, words=_words(one))
        for place in list(self.open_ours):
            one = self.ours[place]
            self._differ("missing_there", [place], [], -one.size, words=_words(one))

    def _differ(
        self,
        type_: BreakType,
        mine: Sequence[int],
        yours: Sequence[int],
        amount: int,
        words: str,
    ) -> None:
        sides = [self.ours[place] for place in mine] + [self.theirs[place] for place in yours]
        at, market = min(one.at for one in sides), sides[-1].market
        places = (tuple(mine), tuple(yours))
        self.found.differences.append(
            Difference(type_, "fill", market, amount, at, *places, words=words)
        )

    def _take(self, rule: Rule, mine: Sequence[int], yours: Sequence[int]) -> None:
        self._close(mine, yours)
        match = Match(rule, tuple(mine), tuple(yours), self.theirs[yours[0]].market)
        self.found.matches.append(match)

    def _close(self, mine: Sequence[int], yours: Sequence[int]) -> None:
        for place in mine:
            self.open_ours.pop(place, None)
        for place in yours:
            self.open_theirs.pop(place, None)


def _by_time(side: Sequence[Fill]) -> list[int]:
    return sorted(range(len(side)), key=lambda place: (side[place].at, place))


def _likeness(one: Fill) -> tuple[str, int, int, int]:
    return (one.market, one.size, one.price, one.at)


def _words(one: Fill) -> str:
    verb = "bought" if one.size > 0 else "sold"
    price = f" at {decimal_text(one.price)}" if one.price else ""
    return f"{verb} {decimal_text(abs(one.size))}{price}"


def _moment(at: int) -> str:
    return from_microseconds(at).isoformat().replace("+00:00", "Z")


__all__ = ["SCALE", "match_fills"]
