"""Movements that differ by no more than was adopted: the nearest belong together."""

from bisect import bisect_left, bisect_right

from clearing.reconcile.lines import class_of
from clearing.reconcile.opensides import OpenSides


def within_tolerance(sides: OpenSides) -> None:
    """Pair what differs by no more than was adopted, the nearest first."""
    if not sides.tolerances:
        return
    groups = sides.grouped(lambda one: (one.asset, class_of(one.kind)))
    for (asset, _), (mine, yours) in groups.items():
        window = sides.tolerances.window(asset)
        moments = [sides.ours[place].at for place in mine]
        for place in yours:
            one = sides.theirs[place]
            first = bisect_left(moments, one.at - window)
            last = bisect_right(moments, one.at + window)
            near = [
                (abs(sides.ours[p].amount - one.amount), abs(sides.ours[p].at - one.at), p)
                for p in mine[first:last]
                if p in sides.open_ours
            ]
            for _, _, candidate in sorted(near)[:1]:
                here = sides.ours[candidate]
                tolerance = sides.tolerance([candidate], here.amount, one.amount)
                if here.amount == one.amount:
                    tolerance = sides.tolerances.of(asset, "time")
                if tolerance is not None:
                    residual = one.amount - here.amount
                    sides.take("tolerance", [candidate], [place], tolerance, residual)
