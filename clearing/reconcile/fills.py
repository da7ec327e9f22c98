"""Matching fills: what was executed on both sides, and the field in which it differs.

By the venue's trade id; then by market, size, price and moment exactly; then what plainly belongs
together. A difference is in one field each: quantity, price, fee, sign, time, or what it is named
by.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from clearing.reconcile.differences import BreakType, Difference
from clearing.reconcile.lines import Fill, decimal_text, moment_text
from clearing.reconcile.matches import TIMING, Match, Matched, Rule
from clearing.reconcile.tolerances import Field, Tolerances


def match_fills(ours: Sequence[Fill], theirs: Sequence[Fill], tolerances: Tolerances) -> Matched:
    """Match two sides of fills. ``ref`` of every fill is its place in its list."""
    matching = _Matching(ours, theirs, tolerances)
    # A venue may number the trades of each market by themselves.
    matching.by_native_id(lambda one: one.market)
    matching.by_native_id(lambda _: "")
    matching.pair(lambda one: (one.market, one.size, one.price, one.at), "composite")
    matching.name_copies()
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
        self._needed = 0  # the version of a tolerance that the pair being settled needed
        self._matched: set[tuple[str, int, int, int]] = set()
        self.open_ours = dict.fromkeys(_by_time(ours))
        self.open_theirs = dict.fromkeys(_by_time(theirs))

    def by_native_id(self, within: Callable[[Fill], str]) -> None:
        """Bring together what has the same trade id ``within`` the same."""
        there: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place in self.open_theirs:
            one = self.theirs[place]
            if one.ids:
                there[one.ids[0], within(one)].append(place)
        here: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place in self.open_ours:
            one = self.ours[place]
            for known in one.ids:
                if (known, within(one)) in there:
                    here[known, within(one)].append(place)
                    break
        for named, mine in here.items():
            self._settle_group(mine, there[named])

    def _settle_group(self, mine: list[int], yours: list[int]) -> None:
        """Match what shares a trade id: equal parts first, then what adds up, then in order."""
        if len(mine) == 1 == len(yours):
            self._settle("native id", mine[0], yours[0])
            return
        settled: tuple[list[int], list[int]] = ([], [])
        for key in (_likeness_and_fee, _likeness, _size_and_price):
            self._settle_equal(key, mine, yours, settled)
        if self._same_in_sum(mine, yours):
            self._settle_sum(mine, yours)
            return
        self._name_copies(mine, yours, settled)
        mine.sort(key=lambda place: (self.ours[place].size, self.ours[place].price))
        yours.sort(key=lambda place: (self.theirs[place].size, self.theirs[place].price))
        for one, other in zip(mine, yours, strict=False):
            self._settle("native id", one, other)

    def _settle_equal(
        self,
        key: Callable[[Fill], Any],
        mine: list[int],
        yours: list[int],
        settled: tuple[list[int], list[int]],
    ) -> None:
        """Settle pairs that are equal under a key; they leave ``mine`` and ``yours``."""
        there: dict[Any, list[int]] = defaultdict(list)
        for place in reversed(yours):
            there[key(self.theirs[place])].append(place)
        for place in list(mine):
            equal = there.get(key(self.ours[place]))
            if equal:
                other = equal.pop()
                settled[0].append(place)
                settled[1].append(other)
                self._settle("native id", place, other)
        done = set(settled[0]), set(settled[1])
        mine[:] = [place for place in mine if place not in done[0]]
        yours[:] = [place for place in yours if place not in done[1]]

    def _name_copies(
        self, mine: list[int], yours: list[int], settled: tuple[list[int], list[int]]
    ) -> None:
        """Say which of what is left repeat what was settled under the same trade id."""
        known = {_likeness(self.ours[place]) for place in settled[0]}
        known |= {_likeness(self.theirs[place]) for place in settled[1]}
        for place in [p for p in yours if _likeness(self.theirs[p]) in known]:
            yours.remove(place)
            self._copy_there(settled[0][:1], place)
        for place in [p for p in mine if _likeness(self.ours[p]) in known]:
            mine.remove(place)
            self._copy_here(place)

    def _copy_there(self, mine: Sequence[int], place: int) -> None:
        del self.open_theirs[place]
        words = "they state it more often than we have it"
        self._differ("duplicate", mine, [place], self.theirs[place].size, words)

    def _copy_here(self, place: int) -> None:
        del self.open_ours[place]
        words = "we have it more often than they state it"
        self._differ("duplicate", [place], [], -self.ours[place].size, words)

    def _same_in_sum(self, mine: list[int], yours: list[int]) -> bool:
        """Whether parts of one market and direction come to the same size and value."""
        if len(mine) == len(yours) or not (mine and yours):
            return False
        both = [self.ours[p] for p in mine], [self.theirs[p] for p in yours]
        if len({(one.market, one.size > 0) for side in both for one in side}) != 1:
            return False
        sums = [
            (sum(one.size for one in side), sum(one.size * one.price for one in side))
            for side in both
        ]
        return sums[0] == sums[1]

    def _settle_sum(self, mine: list[int], yours: list[int]) -> None:
        """Match parts with their whole, or say that their fees or moments differ."""
        self._needed = 0
        here, there = _whole(self.ours, mine), _whole(self.theirs, yours)
        found = [one for one in (self._fee(here, there), self._time(here, there)) if one]
        if not found:
            self._take("one to many" if len(mine) > 1 else "many to one", mine, yours)
            return
        self._close(mine, yours)
        places = (tuple(mine), tuple(yours))
        self.found.differences += [replace(one, ours=places[0], theirs=places[1]) for one in found]

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
        self._needed = 0
        differences = [
            self._field("static_data", "market", here.market, there.market, 0, here, there),
            self._size(here, there),
            self._number("price", "price", here.price, there.price, here, there),
            self._fee(here, there),
            self._time(here, there),
        ]
        found = [one for one in differences if one is not None]
        if found:
            self._close([mine], [yours])
            self.found.differences += found
        elif self._needed and rule == "composite":
            self._take("tolerance", [mine], [yours])
        else:
            self._take(rule, [mine], [yours])

    def _size(self, here: Fill, there: Fill) -> Difference | None:
        if here.size == -there.size:
            texts = (decimal_text(here.size), decimal_text(there.size))
            return self._field("sign", "quantity", *texts, there.size - here.size, here, there)
        return self._number("quantity", "quantity", here.size, there.size, here, there)

    def _number(
        self, type_: BreakType, named: Field, mine: int, yours: int, here: Fill, there: Fill
    ) -> Difference | None:
        if mine == yours or (named == "price" and not (mine and yours)):
            return None
        tolerance = self.tolerances.of(here.market, named)
        if tolerance is not None and tolerance.allows(mine, yours):
            self._needed = max(self._needed, tolerance.version)
            return None
        away = yours - mine if named == "quantity" else 0
        texts = (decimal_text(mine), decimal_text(yours))
        return self._field(type_, named, *texts, away, here, there)

    def _fee(self, here: Fill, there: Fill) -> Difference | None:
        if here.fee is None or there.fee is None or here.fee == there.fee == 0:
            return None
        if here.fee and there.fee and here.fee_asset != there.fee_asset:
            names = (here.fee_asset, there.fee_asset)
            return self._field("static_data", "fee asset", *names, 0, here, there)
        if here.fee == -there.fee:
            texts = (decimal_text(here.fee), decimal_text(there.fee))
            return self._field("sign", "fee", *texts, 0, here, there)
        return self._number("fee", "fee", here.fee, there.fee, here, there)

    def _time(self, here: Fill, there: Fill) -> Difference | None:
        if here.at == there.at:
            return None
        tolerance = self.tolerances.of(here.market, "time")
        if tolerance is not None and abs(here.at - there.at) <= tolerance.absolute:
            self._needed = max(self._needed, tolerance.version)
            return None
        texts = (moment_text(here.at), moment_text(there.at))
        return self._field("timing", "time", *texts, 0, here, there)

    def _field(
        self,
        type_: BreakType,
        named: str,
        mine: str,
        yours: str,
        amount: int,
        here: Fill,
        there: Fill,
    ) -> Difference | None:
        if mine == yours:
            return None
        at = min(here.at, there.at)
        places = ((here.ref,), (there.ref,))
        return Difference(type_, "fill", there.market, amount, at, *places, named, mine, yours)

    def name_copies(self) -> None:
        """What is left of one side and equal to what was matched is there once too often.

        What the other side knows by an identifier of its own is nobody's copy.
        """
        for place in list(self.open_theirs):
            one = self.theirs[place]
            if not one.ids and _likeness(one) in self._matched:
                self._copy_there((), place)
        for place in list(self.open_ours):
            if _likeness(self.ours[place]) in self._matched:
                self._copy_here(place)

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
        self._matched |= {_likeness(self.theirs[p]) for p in yours if not self.theirs[p].ids}
        market = self.theirs[yours[0]].market
        match = Match(rule, tuple(mine), tuple(yours), market, self._needed)
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


def _likeness_and_fee(one: Fill) -> tuple[Any, ...]:
    return (*_likeness(one), one.fee, one.fee_asset)


def _size_and_price(one: Fill) -> tuple[str, int, int]:
    return (one.market, one.size, one.price)


def _whole(side: Sequence[Fill], places: Sequence[int]) -> Fill:
    """Return parts as one fill: their fees added up where all tell one in the same asset."""
    parts = [side[place] for place in places]
    assets = {one.fee_asset for one in parts if one.fee}
    told = all(one.fee is not None for one in parts) and len(assets) <= 1
    return parts[0]._replace(
        at=min(one.at for one in parts),
        size=sum(one.size for one in parts),
        fee=sum(one.fee or 0 for one in parts) if told else None,
        fee_asset=next(iter(assets), parts[0].fee_asset),
    )


def _words(one: Fill) -> str:
    verb = "bought" if one.size > 0 else "sold"
    price = f" at {decimal_text(one.price)}" if one.price else ""
    return f"{verb} {decimal_text(abs(one.size))}{price}"
