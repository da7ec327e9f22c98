"""Perpetual Protocol v2 (Curie)."""

from clearing.rulebook.presets.base import (
    DEFICIT,
    NOTHING_LEFT,
    Document,
    Names,
    Preset,
    document,
    rate,
    when,
)


def _build(names: Names) -> Document:
    schedule = {"initial": rate("0.1"), "maintenance": rate("0.0625")}
    penalty = {
        "rate": "0.025",
        "recipients": [
            {"account": names.keeper, "share": "0.5"},
            {"account": names.fund, "share": "0.5"},
        ],
    }
    closing = {"action": "reduce", "penalty": penalty, "to": names.keeper}
    half = {"op": "share", "share": "0.5", "of": "scope"}
    ladder: list[Document] = [
        {**closing, "when": when(factor="0.5"), "quantity": {"op": "all"}},
        {**closing, "when": when(), "quantity": half, "minimum_notional": "100"},
        NOTHING_LEFT,
    ]
    layers = [{"layer": "fund", "by": "paying", "capacity": "cash"}, DEFICIT]
    return document(names, schedule, ladder, layers)


PERPETUAL_PROTOCOL = Preset(
    name="perpetual-protocol",
    title="Perpetual Protocol v2 (Curie)",
    market="every market",
    confidence="confirmed",
    citations=(
        (
            "github.com/perpetual-protocol/perp-curie-contract contracts/ClearingHouse.sol (half"
            " while at least half of maintenance is there, else all; 2.5 %, half each)"
        ),
        "github.com/perpetual-protocol/perp-curie-contract contracts/InsuranceFund.sol",
    ),
    limits=(
        (
            "a liquidation whose bad debt the fund cannot repay reverts there; here the rest is"
            " the deficit account's"
        ),
        (
            "a penalty above the equity that is left makes bad debt on the venue: the liquidator"
            " has all of it and the fund repays; here it is no more than the equity, and split"
        ),
        "whoever liquidates is free to choose the market; here it is the one that asks most",
    ),
    build=_build,
)
