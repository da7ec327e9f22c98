"""Drift v2 perpetuals."""

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
    """Return what a level asks: a share of the worst that orders may make, and for orders."""
    orders = {"op": "orders", "amount": "0.01"}
    return {"op": "sum", "of": [{"op": "with_orders", "of": rate(share)}, orders]}


def _build(names: Names) -> Document:
    schedule = {
        "initial": _margin("0.1"),
        "maintenance": _margin("0.05"),
        "exit": _margin("0.07"),
    }
    fee = {
        "rate": "0.01",
        "headroom": {"level": "exit", "share": "0.95", "decimals": 6},
        "recipients": [{"account": names.fund, "share": "1"}],
    }
    rising = {"after_seconds": 600, "per_second": "0.0000025", "most": "0.03"}
    ladder: list[Document] = [
        CANCEL_ORDERS,
        {
            "action": "reduce",
            "when": when(until={"level": "exit"}),
            "quantity": {"op": "cover", "level": "exit", "decimals": 6},
            "ramp": {
                "level": "exit",
                "initial": "0.1",
                "seconds": 60,
                "whole_below": "50",
                "decimals": 4,
            },
            "whole_up_to": "50",
            "price": {"op": "mark", "spread": "0.01", "rising": rising, "floor": "none"},
            "pause_seconds": 1,
            "to": names.keeper,
            "penalty": fee,
        },
        {"action": "takeover", "when": when("zero"), "only_debts": True},
    ]
    layers: list[Document] = [
        {"layer": "fund", "by": "paying", "capacity": "cash"},
        {"layer": "per_unit", "decimals": 6},
        DEFICIT,
    ]
    built = document(names, schedule, ladder, layers)
    # The buffer of 2 % beyond maintenance makes losses count by so much more, too.
    weights = {
        "maintenance": {"gain": "1", "loss": "1"},
        "exit": {"gain": "1", "loss": "1.02"},
    }
    built["instruments"] = {"cost_basis": "net"}
    built["collateral"] = {"cross": {"assets": {}, "unrealised": weights}}
    built["bindings"][0]["collateral"] = "cross"
    return built


DRIFT_V2 = Preset(
    name="drift-v2",
    title="Drift v2 perpetuals",
    market="a market of initial 10 %, maintenance 5 %, liquidator and insurance fee 1 % each",
    confidence="unconfirmed",
    citations=(
        (
            "github.com/drift-labs/protocol-v2 programs/drift/src/controller/liquidation.rs (enters"
            " strictly below maintenance, leaves at maintenance and buffer; at the oracle price"
            " less the liquidator's fee; vault, fee pool, then both sides' funding rates)"
        ),
        (
            "github.com/drift-labs/protocol-v2 programs/drift/src/math/liquidation.rs (size, ramp,"
            " insurance fee, rising fee, what a unit of open interest pays)"
        ),
        (
            "github.com/drift-labs/protocol-v2 programs/drift/src/math/constants.rs (buffer 2 %;"
            " the fee rises to three times itself, or to the maintenance ratio)"
        ),
        "docs.drift.trade/liquidations/liquidation-engine (partial, throttled over slots)",
    ),
    limits=(
        (
            "how much may be closed at first, and in how long all of it, are set by the venue's"
            " administrators: 10 % and 150 slots are assumed"
        ),
        (
            "a slot is taken to be 0.4 seconds, and the keeper to call once a second; whoever"
            " liquidates there is free to come later, to take less and to choose the market"
        ),
        (
            "a market's fee pool pays after the vault: put a fund layer with that account, by"
            " paying, before per_unit. What the vault may pay for one market is its claim, and one"
            " unit of it is kept as reserve there"
        ),
        (
            "a debt is the market's in which the account's last position ended; on the venue each"
            " market has the loss of its own positions"
        ),
        "an account that owes and has nothing left is bankrupt at once; there somebody resolves it",
        "margin that grows with the root of the size is operator size_premium; here rates are flat",
        (
            "marks are taken as told: the band of 50 % around the five-minute average, which blocks"
            " liquidations, is a market's price policy (validity), and strict prices of the quote"
            " asset, deposits in other assets and borrows are not in it"
        ),
    ),
    build=_build,
)
