"""Hyperliquid perpetuals with the HLP vault as backstop."""

from clearing.rulebook.presets.base import (
    DEFICIT,
    Document,
    Names,
    Preset,
    at_most_leverage,
    document,
    ratio,
    when,
)

_TWO_THIRDS = "0.666666666667"


def _build(names: Names) -> Document:
    schedule = {
        "initial": at_most_leverage("20", ratio("2")),
        "maintenance": {
            "op": "tiers",
            "tiers": [
                {"floor": "0", "rate": "0.0125", "amount": "0"},
                {"floor": "150000000", "rate": "0.025", "amount": "1875000"},
            ],
        },
    }
    ladder: list[Document] = [
        # Below zero this goes down the waterfall; else to the vault, margin and all.
        {"action": "takeover", "when": when(factor=_TWO_THIRDS), "residual": "taker"},
        {
            "action": "reduce",
            "when": when(),
            "quantity": {"op": "share", "share": "0.2"},
            "at_least": {"notional": "100000"},
            "pause_seconds": 30,
        },
        {"action": "reduce", "when": when(grace_seconds=30), "quantity": {"op": "all"}},
        {"action": "adl", "when": when("zero")},
    ]
    layers = [
        {"layer": "adl", "rank": "price_by_leverage", "price": "previous_mark"},
        {"layer": "fund", "by": "paying"},
        DEFICIT,
    ]
    return document(names, schedule, ladder, layers)


HYPERLIQUID = Preset(
    name="hyperliquid",
    title="Hyperliquid perpetuals, cross margin",
    market="BTC",
    confidence="unconfirmed",
    citations=(
        "hyperliquid.gitbook.io: Margin tiers (BTC 40×, from 150M 20×; maintenance half of it)",
        (
            "hyperliquid.gitbook.io: Liquidations (20 % of positions above 100k first, 30 s, then"
            " all; backstop below two thirds of maintenance)"
        ),
        (
            "hyperliquid.gitbook.io: Auto-deleveraging (index, previous mark, nobody without a"
            " position)"
        ),
    ),
    limits=(
        "market liquidations go to the book; here they close at the mark against the fund (HLP)",
        "a position of 100k to 500k closes 100k first, not 20 %",
        "30 seconds pass after every close of a scope, of a small position, too",
        (
            "the ADL index is not the same for both sides as it is written; rank"
            " price_by_leverage_side_adjusted is the other reading"
        ),
        "isolated positions are accounts that isolate a market",
    ),
    build=_build,
)
