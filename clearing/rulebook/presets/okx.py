"""OKX perpetual futures."""

from clearing.rulebook.presets.base import (
    DEFICIT,
    Document,
    Names,
    Preset,
    document,
    rate,
    to_fund,
    when,
)

_FEE = "0.0005"
_NEXT_TO_NOTHING = "0.000000000001"
_FLOORS = ("0", "60000", "120000", "240000", "480000", "720000", "960000", "1200000")
_MAINTENANCE = ("0.005", "0.0075", "0.01", "0.015", "0.02", "0.025", "0.03", "0.035")
_INITIAL = ("0.0133", "0.02", "0.025", "0.03", "0.035", "0.04", "0.045", "0.05")


def _whole(rates: tuple[str, ...]) -> Document:
    rows = [{"floor": f, "rate": r} for f, r in zip(_FLOORS, rates, strict=True)]
    return {"op": "tiers", "mode": "whole", "tiers": rows}


def _with_fee(rates: tuple[str, ...]) -> Document:
    """Return what a level asks beside the fee of a liquidation."""
    return {"op": "sum", "of": [_whole(rates), rate(_FEE)]}


def _build(names: Names) -> Document:
    reached = {"comparator": "<="}
    chosen = {"op": "user_leverage", "default": "10"}
    least = {"op": "max", "of": [chosen, _with_fee(_INITIAL)]}
    lowest = (_NEXT_TO_NOTHING, _NEXT_TO_NOTHING)
    schedule = {
        "initial": {"op": "with_orders", "of": least},
        "maintenance": _with_fee(_MAINTENANCE),
        # Maintenance from the third tier on, where there are two to go down.
        "lowering": _with_fee(lowest + _MAINTENANCE[2:]),
    }
    fee = to_fund(names, _FEE)
    lower: Document = {
        "action": "reduce",
        "when": when("lowering", **reached),
        "quantity": {"op": "tiers_down", "down": 2},
        "penalty": fee,
    }
    ladder: list[Document] = [
        {"action": "cancel_orders", "when": when(**reached)},
        # Two tiers, and two again, for as long as it takes.
        *[lower] * (len(_FLOORS) // 2),
        {"action": "takeover", "when": when(**reached), "residual": "taker"},
    ]
    layers: list[Document] = [
        {"layer": "fund", "by": "paying", "period": {"seconds": 28800, "share": "0.3"}},
        {"layer": "adl", "rank": "profit_by_margin_ratio", "price": "mark"},
        {"layer": "fund", "by": "paying"},
        DEFICIT,
    ]
    return document(names, schedule, ladder, layers)


OKX_FUTURES = Preset(
    name="okx-futures",
    title="OKX perpetual futures, cross margin in one currency",
    market="ADA-USDT-SWAP",
    confidence="unconfirmed",
    citations=(
        "okx.com: OKX to adjust position tiers of perpetual swaps, 2023-05-15 (ADAUSDT)",
        (
            "okx.com: Single-currency margin mode (margin ratio = equity / (maintenance +"
            " liquidation fees); liquidated at 100 % or less)"
        ),
        "third parties: partial liquidation by two tiers from the third on, ADL at the mark",
    ),
    limits=(
        (
            "tiers are in contracts of 100 ADA there, in notional here: 60,000 for the 1,500"
            " contracts of the first, at 0.40"
        ),
        "a tier's highest leverage is not enforced: accounts choose theirs by LeverageSet",
        (
            "the reserve counts as exhausted once it has borne 30 % of itself since the last"
            " multiple of 8 hours; that and ADL at the mark are third parties' words"
        ),
        "what an account closed at the mark still owes is the reserve's, as long as it has cash",
        "orders that reduce fill at the mark here, against the fund",
        "multi-currency margin, with discounts by asset, would be a collateral policy",
    ),
    build=_build,
)
