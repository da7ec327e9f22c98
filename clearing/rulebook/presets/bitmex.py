"""BitMEX perpetuals, inverse and quanto alike: the payoff is the market's."""

from clearing.rulebook.presets.base import (
    CANCEL_ORDERS,
    DEFICIT,
    Document,
    Names,
    Preset,
    document,
    when,
)

_STEPS = 10
_NEXT_TO_NOTHING = "0.000000000001"


def _tiers(first: int, base: str | None = None) -> Document:
    """Return whole tiers: 200 of the asset at ``first`` per mille, 5 more for each 100 more.

    ``base`` is the rate of the first 200, if it is another one.
    """
    rows = [{"floor": "0", "rate": base or _per_mille(first)}]
    rows += [
        {"floor": str(100 + 100 * step), "rate": _per_mille(first + 5 * step)}
        for step in range(1, _STEPS + 1)
    ]
    return {"op": "tiers", "mode": "whole", "tiers": rows}


def _per_mille(value: int) -> str:
    return f"0.{value:03d}"


def _build(names: Names) -> Document:
    schedule = {
        "initial": _tiers(10),
        "maintenance": _tiers(5),
        # Maintenance above the base risk limit, where there is a lower one to go down to.
        "lowering": _tiers(5, _NEXT_TO_NOTHING),
    }
    ladder: list[Document] = [
        CANCEL_ORDERS,
        {
            "action": "reduce",
            "when": when("lowering"),
            "quantity": {"op": "tiers_down", "down": 1},
        },
        {"action": "takeover", "when": when(), "residual": "taker"},
    ]
    layers = [{"layer": "fund"}, {"layer": "adl", "rank": "profit_by_leverage"}, DEFICIT]
    return document(names, schedule, ladder, layers)


BITMEX = Preset(
    name="bitmex",
    title="BitMEX perpetuals, inverse and quanto",
    market="XBTUSD",
    confidence="unconfirmed",
    citations=(
        (
            "bitmex.com: Liquidation (fair price marking; steps to a lower risk limit; takeover at"
            " the bankruptcy price)"
        ),
        "bitmex.com: Auto-Deleveraging (rank: PnL % × effective leverage)",
        "bitmex.com: Risk Limits (base 200 XBT, step 100 XBT, as long held for XBTUSD)",
    ),
    limits=(
        (
            "the order that lowers the risk limit may fail on the venue; here it fills at the mark,"
            " against the fund"
        ),
        "positions taken over may only be sold; the fund here keeps them until fills are told",
        (
            "with positions in several markets, those at their base limit count for nothing where"
            " another's limit could be lowered: the takeover may come first"
        ),
        "the risk limit is that of the notional, not one that the account chose",
        (
            "rates of 1 % and 0.5 % at the base limit are those that long held for XBTUSD; other"
            " markets have others"
        ),
    ),
    build=_build,
)
