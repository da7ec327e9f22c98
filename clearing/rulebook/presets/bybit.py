"""Bybit derivatives, isolated margin."""

from clearing.rulebook.presets.base import (
    DEFICIT,
    Document,
    Names,
    Preset,
    at_most_leverage,
    document,
    rate,
    ratio,
    when,
)

_TIERS = 10
_STEP = 150
_TAKER = "0.00055"
_NEXT_TO_NOTHING = "0.000000000001"


def _tiers(base: str | None = None) -> Document:
    """Return marginal tiers: half a percent of the first 150, and half more for each 150 more.

    With ``base`` whole ones, that ask next to nothing of the first 150.
    """
    rows = [
        {"floor": str(_STEP * tier), "rate": f"0.{5 * (tier + 1):03d}"} for tier in range(_TIERS)
    ]
    if base is None:
        return {"op": "tiers", "tiers": rows}
    # The deductions by which marginal tiers meet: what each step before asks less.
    for tier, row in enumerate(rows):
        less = _STEP * 5 * tier * (tier + 1) // 2
        row["amount"] = f"{less // 1000}.{less % 1000:03d}"
    rows[0] = {"floor": "0", "rate": base, "amount": "0"}
    return {"op": "tiers", "mode": "whole", "tiers": rows}


def _with_fee(tiers: Document) -> Document:
    """Return what a level asks beside the fee to close at the mark."""
    return {"op": "sum", "of": [tiers, rate(_TAKER)]}


def _build(names: Names) -> Document:
    reached = {"comparator": "<="}
    schedule = {
        "initial": at_most_leverage("10", ratio("2")),
        "maintenance": _with_fee(_tiers()),
        # Maintenance above the lowest tier, where there is a lower one to go down to.
        "lowering": _with_fee(_tiers(_NEXT_TO_NOTHING)),
    }
    lower: Document = {
        "action": "reduce",
        "when": when("lowering", **reached),
        "quantity": {"op": "tiers_down", "down": 1},
    }
    ladder: list[Document] = [
        {"action": "cancel_orders", "when": when(**reached)},
        # One tier after the other, for as long as it takes.
        *[lower] * (_TIERS - 1),
        {"action": "takeover", "when": when(**reached), "residual": "taker"},
    ]
    drawdown = {"seconds": 28800, "share": "0.3"}
    layers: list[Document] = [
        {"layer": "fund", "by": "paying", "period": drawdown},
        {"layer": "adl", "rank": "profit_by_leverage"},
        DEFICIT,
    ]
    return document(names, schedule, ladder, layers)


BYBIT_ISOLATED = Preset(
    name="bybit-isolated",
    title="Bybit derivatives, isolated margin",
    market="BTCUSD (inverse)",
    confidence="unconfirmed",
    citations=(
        "github.com/bybit-exchange/docs docs/v5/market/risk-limit.mdx (rates, mmDeduction)",
        "github.com/bybit-exchange/docs docs/v5/market/adl-alert.mdx (a drawdown of 30 % in 8 h)",
        "bybit.com: Maintenance margin (2026: at the mark, with the estimated fee to close)",
        "bybit.com: Liquidation process, isolated (tier by tier, then taken over at bankruptcy)",
    ),
    limits=(
        (
            "a risk limit of 150 BTC and steps of as much, half a percent each, are those that long"
            " held for BTCUSD; every symbol has its own"
        ),
        (
            "the venue measures the pool's drawdown from its highest balance of the last 8 hours;"
            " here from what it had at the last multiple of 8 hours, without what came in since"
        ),
        "ADL that has begun stops on the venue once the drawdown is 25 %; here with the position",
        "the orders that lower the risk limit fill at the mark here, against the fund",
        "how the venue ranks for ADL is not published: profit and effective leverage here",
        "where the bankruptcy price is far from the mark the venue is said to use the mark",
        "isolated positions are accounts that isolate a market",
        "initial margin is twice maintenance at least, or what the account's leverage asks",
    ),
    build=_build,
)
