"""Movements that share an identifier on both sides: matched, or how they differ."""

from collections import defaultdict

from clearing.reconcile.lines import Class, class_of
from clearing.reconcile.opensides import OpenSides, by_class, sums_of


def by_native_id(sides: OpenSides) -> None:
    """Bring together what has the same identifier on both sides."""
    there: dict[str, list[int]] = defaultdict(list)
    for place in sides.open_theirs:
        ids = sides.theirs[place].ids
        if ids:
            there[ids[0]].append(place)
    here: dict[str, list[int]] = defaultdict(list)
    for place in sides.open_ours:
        for known in sides.ours[place].ids:
            if known in there:
                here[known].append(place)
                break
    for known, mine in here.items():
        for group in _by_market(sides, mine, there[known]):
            _settle_group(sides, *group)


def _by_market(
    sides: OpenSides, mine: list[int], yours: list[int]
) -> list[tuple[list[int], list[int]]]:
    """Return a group market by market, where all of it names one: ids may be of each market.

    What is of a market that the other side does not name stays together: it may be named otherwise.
    """
    here: dict[str, list[int]] = defaultdict(list)
    there: dict[str, list[int]] = defaultdict(list)
    for place in mine:
        here[sides.ours[place].market].append(place)
    for place in yours:
        there[sides.theirs[place].market].append(place)
    both = here.keys() & there.keys()
    if not both or "" in here or "" in there or len(here) == 1 == len(there):
        return [(mine, yours)]
    groups = [(here[market], there[market]) for market in here if market in both]
    left = tuple(
        [place for market, places in side.items() if market not in both for place in places]
        for side in (here, there)
    )
    if left[0] and left[1]:
        groups.append((left[0], left[1]))
    return groups


def _settle_group(sides: OpenSides, mine: list[int], yours: list[int]) -> None:
    """Match a group that shares an identifier, or say how its sides differ."""
    if len(mine) == 1 == len(yours):
        one, other = sides.ours[mine[0]], sides.theirs[yours[0]]
        if one.asset == other.asset and one.amount == other.amount:
            sides.take("native id", mine, yours)
            if one.at != other.at:
                sides.check_moment(mine, yours)
            return
    yours = _without_copies(sides, mine, yours)
    mine = _without_own_copies(sides, mine, yours)
    mine, yours = _without_equal(sides, mine, yours)
    if not mine or not yours:
        return  # one side has parts that the other lacks: left for the rules that follow
    sums = sums_of(sides.ours, mine), sums_of(sides.theirs, yours)
    if sums[0].keys() != sums[1].keys():
        _settle_assets(sides, mine, yours, sums)
        return
    sides.check_moment(mine, yours)
    for asset, total in sums[0].items():
        here = [place for place in mine if sides.ours[place].asset == asset]
        there = [place for place in yours if sides.theirs[place].asset == asset]
        _settle_classes(sides, asset, here, there, total, sums[1][asset])


def _without_copies(sides: OpenSides, mine: list[int], yours: list[int]) -> list[int]:
    """Say which of theirs are copies beyond what we have, and return the others."""
    counts: dict[tuple[str, int, str, int], list[int]] = defaultdict(list)
    for place in yours:
        one = sides.theirs[place]
        counts[one.asset, one.amount, one.kind, one.at].append(place)
    if all(len(copies) == 1 for copies in counts.values()):
        return yours
    here, there = sums_of(sides.ours, mine), sums_of(sides.theirs, yours)
    kept: list[int] = []
    for (asset, amount, _, _), copies in counts.items():
        extra = 0
        while extra < len(copies) - 1 and there[asset] - amount * extra != here.get(asset, 0):
            extra += 1
        kept += copies[: len(copies) - extra]
        for place in copies[len(copies) - extra :]:
            sides.copy_there(mine, place)
    return sorted(kept)


def _without_own_copies(sides: OpenSides, mine: list[int], yours: list[int]) -> list[int]:
    """Say which of ours are copies beyond what they state, and return the others.

    Only where the rest then adds up to what they state: else it may be that something is missing.
    Of copies the one that happened when they say stays, then the first.
    """
    here, there = sums_of(sides.ours, mine), sums_of(sides.theirs, yours)
    moments = {sides.theirs[place].at for place in yours}
    alike: dict[tuple[str, Class, int], list[int]] = defaultdict(list)
    for place in mine:
        one = sides.ours[place]
        alike[one.asset, class_of(one.kind), one.amount].append(place)
    for (asset, _, amount), copies in alike.items():
        if len(copies) == 1 or asset not in there or not amount:
            continue
        extra, rest = divmod(here[asset] - there[asset], amount)
        if rest or not 0 < extra < len(copies):
            continue
        copies.sort(key=lambda place: sides.ours[place].at not in moments)
        here[asset] = there[asset]
        for place in copies[len(copies) - extra :]:
            sides.copy_here(place)
    return [place for place in mine if place in sides.open_ours]


def _without_equal(
    sides: OpenSides, mine: list[int], yours: list[int]
) -> tuple[list[int], list[int]]:
    """Match equal parts of a group one by one, so that what differs stands alone."""
    left = defaultdict(list)
    for place in yours:
        one = sides.theirs[place]
        left[one.asset, class_of(one.kind), one.amount].append(place)
    rest = []
    for place in mine:
        one = sides.ours[place]
        equal = left.get((one.asset, class_of(one.kind), one.amount))
        if equal:
            other = equal.pop(0)
            sides.take("native id", [place], [other])
            sides.check_moment([place], [other])
        else:
            rest.append(place)
    return rest, sorted(place for places in left.values() for place in places)


def _settle_assets(
    sides: OpenSides, mine: list[int], yours: list[int], sums: tuple[dict[str, int], dict[str, int]]
) -> None:
    """The assets differ: the same thing under another name, or parts that one side lacks."""
    left, right = (sorted(sums[i].keys() - sums[1 - i].keys()) for i in (0, 1))
    if len(left) == 1 == len(right):
        here = [place for place in mine if sides.ours[place].asset == left[0]]
        there = [place for place in yours if sides.theirs[place].asset == right[0]]
        sides.differ(
            "static_data", here, there, right[0], "asset", left[0], right[0],
            sums[1][right[0]],
        )  # fmt: skip
        mine = [place for place in mine if place not in here]
        yours = [place for place in yours if place not in there]
    for asset in sorted(sums[0].keys() & sums[1].keys()):
        here = [place for place in mine if sides.ours[place].asset == asset]
        there = [place for place in yours if sides.theirs[place].asset == asset]
        _settle_classes(sides, asset, here, there, sums[0][asset], sums[1][asset])


def _settle_classes(
    sides: OpenSides, asset: str, mine: list[int], yours: list[int], here: int, there: int
) -> None:
    """Compare class by class where both sides tell the same classes, else in sum.

    In sum, a fee too high and a profit too high would net out.
    """
    ours, theirs = by_class(sides.ours, mine), by_class(sides.theirs, yours)
    if len(ours) == 1 or ours.keys() != theirs.keys():
        sides.settle_amount("native id", asset, mine, yours, here, there)
        return
    for cls, places in ours.items():
        sums = sums_of(sides.ours, places)[asset], sums_of(sides.theirs, theirs[cls])[asset]
        sides.settle_amount("native id", asset, places, theirs[cls], *sums)
