"""Vega perpetuals and futures."""

from clearing.rulebook.presets.base import (
    CANCEL_ORDERS,
    DEFICIT,
    Document,
    Names,
    Preset,
    document,
    rate,
    ratio,
    when,
)


def _build(names: Names) -> Document:
    schedule = {
        "maintenance": {"op": "with_orders", "of": rate("0.05")},
        "search": ratio("1.1"),
        "initial": ratio("1.5"),
        "release": ratio("1.7"),
    }
    ladder: list[Document] = [
        CANCEL_ORDERS,
        {"action": "takeover", "when": when(), "residual": "taker"},
    ]
    layers = [
        {"layer": "fund", "by": "paying", "capacity": "cash"},
        {"layer": "haircut"},
        DEFICIT,
    ]
    variation = {"*": {"fund": names.fund}}
    funding = {"operator": "per_account"}
    return document(names, schedule, ladder, layers, variation_margin=variation, funding=funding)


VEGA = Preset(
    name="vega",
    title="Vega perpetuals and futures",
    market="an example market (risk factor and slippage together 5 %)",
    confidence="secondary",
    citations=(
        "github.com/vegaprotocol/specs protocol/0019-MCAL (levels from maintenance)",
        "github.com/vegaprotocol/specs protocol/0003-MTMK (cash at every mark)",
        "github.com/vegaprotocol/specs protocol/0012-POSR (cancel, close out, margin to the fund)",
        "github.com/vegaprotocol/specs protocol/0002-STTL (fund, then loss socialisation)",
    ),
    limits=(
        (
            "what truncating gains and losses leaves over stays in the positions; on the venue"
            " winners have it"
        ),
        "transfers between general and margin accounts at search and release are not made",
        "the network sells what it took step by step; the fund here keeps it until fills are told",
    ),
    build=_build,
)
