"""Binance USD-M futures."""

from clearing.rulebook.presets.base import (
    CANCEL_ORDERS,
    DEFICIT,
    Document,
    Names,
    Preset,
    at_most_leverage,
    document,
    ratio,
    to_fund,
    when,
)

_TIERS = (
    ("0", "0.004", "0"),
    ("50000", "0.005", "50"),
    ("600000", "0.0065", "950"),
    ("3000000", "0.01", "11450"),
)


def _build(names: Names) -> Document:
    tiers = [{"floor": floor, "rate": rate, "amount": less} for floor, rate, less in _TIERS]
    schedule = {
        "initial": at_most_leverage("20", ratio("1")),
        "maintenance": {"op": "tiers", "tiers": tiers},
    }
    ladder: list[Document] = [
        CANCEL_ORDERS,
        {
            "action": "reduce",
            "when": when(),
            "quantity": {"op": "restore"},
            "penalty": to_fund(names, "0.003"),
        },
        {"action": "takeover", "when": when(), "residual": "taker"},
    ]
    layers = [
        {"layer": "fund", "notional": "1"},
        {"layer": "adl", "rank": "profit_by_margin_ratio"},
        DEFICIT,
    ]
    return document(names, schedule, ladder, layers)


BINANCE_USDM = Preset(
    name="binance-usdm",
    title="Binance USD-M futures, cross margin",
    market="BTCUSDT",
    confidence="unconfirmed",
    citations=(
        "binance.com: Leverage and Margin of USD-M Futures (tiers, continuous at every boundary)",
        "binance.com: Liquidation Protocols (archived: smart liquidation, clearance fee 0.3 %)",
        "binance.com: What Is Auto-Deleveraging (archived: rank by profit and margin ratio)",
        "github.com/freqtrade/freqtrade freqtrade/exchange/binance_leverage_tiers.json",
    ),
    limits=(
        (
            "how large the first order is that reduces is not published; here it is the fewest lots"
            " that restore maintenance, at the mark"
        ),
        "pages disagree on whether equality with maintenance liquidates; here it does not",
        "the clearance fee is that of 2019–20; today's is by symbol",
        "a tier's highest leverage is not enforced: accounts choose theirs by LeverageSet",
        "funding is told by FundingSettled; docs/rulebooks.md has a rulebook that computes it",
    ),
    build=_build,
)
