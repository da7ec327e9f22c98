"""Mango v4 perpetuals."""

from clearing.rulebook.presets.base import (
    CANCEL_ORDERS,
    DEFICIT,
    Document,
    Names,
    Preset,
    document,
    rate,
    when,
)


def _margin(share: str) -> Document:
    """Return what a level asks: a share of the worst that orders may make of the position."""
    return {"op": "with_orders", "of": rate(share)}


def _build(names: Names) -> Document:
    schedule = {"initial": _margin("0.2"), "maintenance": _margin("0.1")}
    keeper = [{"account": names.keeper, "share": "1"}]
    ladder: list[Document] = [
        CANCEL_ORDERS,
        {
            "action": "reduce",
            "when": when(until={"level": "initial"}),
            "quantity": {"op": "restore", "level": "initial"},
            "price": {"op": "mark", "spread": "0.05", "floor": "none"},
            "to": names.keeper,
            "gains": {"penalty": {"rate": "0.1", "recipients": keeper}},
        },
        {"action": "cover", "when": when(), "level": "initial"},
        {"action": "takeover", "when": when("zero"), "only_debts": True},
    ]
    layers: list[Document] = [
        {"layer": "fund", "by": "paying", "capacity": "cash"},
        {"layer": "per_unit"},
        DEFICIT,
    ]
    built = document(names, schedule, ladder, layers)
    weights = {"initial": {"gain": "0.9"}, "maintenance": {"gain": "0.95"}}
    built["instruments"] = {"cost_basis": "net"}
    built["collateral"] = {"cross": {"assets": {}, "unrealised": weights, "nested": True}}
    built["bindings"][0]["collateral"] = "cross"
    return built


MANGO_V4 = Preset(
    name="mango-v4",
    title="Mango v4 perpetuals",
    market=(
        "SOL-PERP as the venue's own script lists it: base weights 0.8 and 0.9, overall weights"
        " 0.9 and 0.95, liquidation fees of 5 % (base) and 10 % (gains)"
    ),
    confidence="unconfirmed",
    citations=(
        (
            "github.com/blockworks-foundation/mango-v4 programs/mango-v4/src/health/cache.rs"
            " (health below 0 at maintenance begins, initial weights at plain prices end it)"
        ),
        (
            "github.com/blockworks-foundation/mango-v4 programs/mango-v4/src/instructions/"
            "perp_liq_base_or_positive_pnl.rs (orders first, then base and gains, step by step)"
        ),
        (
            "github.com/blockworks-foundation/mango-v4 programs/mango-v4/src/instructions/"
            "perp_liq_negative_pnl_or_bankruptcy.rs (insurance fund, then both sides' funding)"
        ),
        "docs.mango.markets/mango-markets/health-overview (three healths, when each is looked at)",
    ),
    limits=(
        "margin and fees are a market's own and were changed by vote; these are one listing's",
        (
            "the liquidator chooses market and amounts and may come late; here one acts at once, on"
            " the position that asks for the most"
        ),
        (
            "a position's loss is cash as soon as the position ends; there it is kept apart, is"
            " settled within limits, and each market has the loss of its own"
        ),
        "gains turn into cash without an account on the other side that has the loss",
        (
            "stable prices, which weigh on initial health, and weights that shrink with what"
            " everybody has deposited are not in it; nor are tokens, their loans and token"
            " liquidations: those are collateral policies and rungs repay_and_seize"
        ),
        "the insurance fund holds another token there; here it has the settlement asset",
    ),
    build=_build,
)
