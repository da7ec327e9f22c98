"""How large a break is when it is held against what a person may approve."""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from clearing.audit.known import known
from clearing.events.registry import MarketSpec
from clearing.log import Connection
from clearing.quantities import format_scaled
from clearing.reconcile.breaks import BreakView


class Measure(NamedTuple):
    """An unsigned exact decimal ``amount`` of ``asset``; without an asset no money tells it."""

    asset: str
    amount: str


def measure_of(connection: Connection, view: BreakView) -> Measure:
    """Return how large a break is, as it is now.

    Of cash its amount. Of a fill's fee the difference of the fees, in the fee's asset. Of its price
    what the size would have cost more or less, in the asset that the market settles in (rounded up
    to its decimals). What else differs of a fill is of no asset.
    """
    if view.side == "cash":
        return Measure(view.what, (view.amount or "0").lstrip("-"))
    if view.field == "fee":
        away = abs(Decimal(view.there) - Decimal(view.here))
        return Measure(_fee_asset(connection, view), f"{away:f}")
    if view.field == "price":
        return _of_price(connection, view)
    return Measure("", "0")


def _fee_asset(connection: Connection, view: BreakView) -> str:
    """Return what the fee is in: as they say, else (they charge none) as we have it."""
    for ref in view.theirs:
        row = connection.execute(
            "SELECT fee_asset FROM clearing.recon_fill WHERE import = %s AND line = %s"
            " AND fee <> 0 AND fee_asset <> ''",
            (ref["import"], ref["line"]),
        ).fetchone()
        if row is not None:
            return str(row[0])
    position = int(view.ours[0]["log_position"])
    registry = known(connection).registry(connection, position)
    asset, market = _logged(connection, position)
    return registry.asset(asset or registry.market(market).settlement_asset).name


def _of_price(connection: Connection, view: BreakView) -> Measure:
    position = int(view.ours[0]["log_position"])
    registry = known(connection).registry(connection, position)
    market = registry.market(_logged(connection, position)[1])
    asset = registry.asset(market.settlement_asset)
    size = sum((_size(connection, ref) for ref in view.theirs), Fraction(0))
    here, there = (_unit_value(market, Fraction(text)) for text in (view.here, view.there))
    units = abs(size) * abs(there - here) * 10**asset.decimals
    return Measure(asset.name, _shortest(ceil(units), asset.decimals))


def _shortest(units: int, decimals: int) -> str:
    text = format_scaled(units, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit_value(market: MarketSpec, price: Fraction) -> Fraction:
    """Return what one of a market's size is worth at a price."""
    multiplier = Fraction(market.multiplier, 10**market.multiplier_decimals)
    return multiplier / price if market.payoff == "inverse" else multiplier * price


def _size(connection: Connection, ref: dict[str, object]) -> Fraction:
    row = connection.execute(
        "SELECT size FROM clearing.recon_fill WHERE import = %s AND line = %s",
        (ref["import"], ref["line"]),
    ).fetchone()
    if row is None:
        raise RuntimeError(f"import {ref['import']} has no fill in line {ref['line']} any more")
    return Fraction(row[0])


def _logged(connection: Connection, position: int) -> tuple[int, int]:
    """Return the numbers of the asset and the market that a fill of ours names."""
    row = connection.execute(
        "SELECT asset, market FROM clearing.log WHERE position = %s", (position,)
    ).fetchone()
    if row is None:
        raise RuntimeError(f"the log has no position {position}")
    return int(row[0] or 0), int(row[1] or 0)
