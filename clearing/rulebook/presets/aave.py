"""Aave v3: a lender, not a venue of positions."""

from clearing.rulebook.presets.base import DEFICIT, Document, Names, Preset, document, rate, when

_LTV, _THRESHOLD = "0.805", "0.83"
_THRESHOLD_AT_WHOLE = "0.873684210526"
"""The threshold / 0.95: collateral counts so much where the health factor is 0.95."""


def _repay(names: Names, condition: Document, close_factor: str, least: str) -> Document:
    return {
        "action": "repay_and_seize",
        "when": condition,
        "keeper": names.keeper,
        "close_factor": close_factor,
        "minimum_value": least,
        "bonus": "0.05",
        "protocol": names.fund,
        "protocol_share": "0.1",
    }


def _build(names: Names) -> Document:
    # Nothing can be held on margin: a position would have to be paid for in full.
    schedule = {"initial": rate("1"), "maintenance": rate("1"), "whole": rate("1")}
    ladder: list[Document] = [
        _repay(names, when("whole", comparator="<="), "1", "0"),
        _repay(names, when(), "0.5", "2000"),
        {"action": "takeover", "when": when("zero"), "only_debts": True},
    ]
    built = document(names, schedule, ladder, [DEFICIT])
    built["collateral"] = {
        "market": {
            "assets": {
                names.collateral: {
                    "market": names.price_market,
                    "weights": {
                        "initial": [{"floor": "0", "weight": _LTV}],
                        "maintenance": [{"floor": "0", "weight": _THRESHOLD}],
                        "whole": [{"floor": "0", "weight": _THRESHOLD_AT_WHOLE}],
                    },
                }
            }
        }
    }
    built["bindings"][0]["collateral"] = "market"
    return built


AAVE_V3 = Preset(
    name="aave-v3",
    title="Aave v3.3, a lender",
    market="WETH against a stable coin",
    confidence="secondary",
    citations=(
        (
            "github.com/aave-dao/aave-v3-origin LiquidationLogic (health factor strictly below 1;"
            " all of the debt at 0.95 or less, or where it is small; bonus, the protocol's share of"
            " it; debt without collateral becomes the reserve's deficit)"
        ),
        "github.com/aave/aave-v3-core LiquidationLogic (v3.0: half of the debt above 0.95)",
    ),
    limits=(
        "weights are those of one asset: governance sets them for each, and changes them",
        (
            "all of a debt below 2,000 is repaid; that collateral is as small, and that 1,000 or"
            " nothing has to be left of either, is not looked at"
        ),
        (
            "the keeper takes the collateral of the largest value for the debt of the largest"
            " value, at one bonus; there it chooses, and each asset has a bonus of its own"
        ),
        "a keeper acts at once; there somebody has to, and a sentinel may make it wait",
        (
            "a loan is a withdrawal beyond the cash there is, which leaves deviation"
            " withdrawn_too_much whatever the collateral"
        ),
        "efficiency modes, isolation, supply and borrow caps are not in it",
        "deficits are the house's; covering them is an adjustment that people make",
    ),
    build=_build,
    lends=True,
)
