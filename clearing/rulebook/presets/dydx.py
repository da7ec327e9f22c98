"""dYdX v4 perpetuals."""

from clearing.rulebook.presets.base import (
    DEFICIT,
    NOTHING_LEFT,
    Document,
    Names,
    Preset,
    document,
    rate,
    to_fund,
    when,
)


def _build(names: Names) -> Document:
    schedule = {"initial": rate("0.05"), "maintenance": rate("0.03")}
    ladder: list[Document] = [
        {
            "action": "reduce",
            "when": when(),
            "quantity": {"op": "share", "share": "0.1"},
            "at_least": {"notional": "1000"},
            "price": {
                "op": "fillable",
                "adjustment": "1",
                "spread": "1.5",
                "floor": "bankruptcy",
            },
            "penalty": to_fund(names, "0.015", "surplus"),
        },
        NOTHING_LEFT,
    ]
    layers = [
        {"layer": "fund", "by": "paying", "capacity": "cash"},
        {"layer": "adl", "rank": "random", "seed": "dydx", "candidates": "overlapping"},
        DEFICIT,
    ]
    return document(names, schedule, ladder, layers)


DYDX_V4 = Preset(
    name="dydx-v4",
    title="dYdX v4 perpetuals",
    market="a large-cap market (initial 5 %, maintenance 3 %)",
    confidence="confirmed",
    citations=(
        "github.com/dydxprotocol/v4-chain protocol/lib/margin/risk.go (strictly below)",
        (
            "github.com/dydxprotocol/v4-chain protocol/x/clob/keeper/liquidations.go (fillable"
            " price, fee limited by the surplus, fund never negative)"
        ),
        "github.com/dydxprotocol/v4-chain protocol/x/clob/keeper/deleveraging.go",
        "github.com/dydxprotocol/v4-chain protocol/testing/mainnet/genesis.json (parameters)",
    ),
    limits=(
        (
            "liquidation orders match the book; here the fund takes the other side at the fillable"
            " price. With price recorded a rulebook posts the venue's fills instead"
        ),
        (
            "a fill below the part's bankruptcy price is the fund's loss on the venue; here the"
            " fund is the buyer, and pays no less than that price"
        ),
        "limits by block (100k per subaccount, 1M of fund loss) are not in it",
        "which account is deleveraged is random by block time on the venue, by a seed here",
        "initial margin here does not rise with open interest; operator open_interest does that",
        (
            "help pages say that the fund comes before deleveraging, and that a negative account"
            " is deleveraged at once; here the fund pays while it has cash"
        ),
    ),
    build=_build,
)
