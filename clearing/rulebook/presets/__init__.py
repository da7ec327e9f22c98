"""Presets: rules of real venues, ready to be adopted, each with sources and what it leaves out.

A preset writes a rulebook document with a ledger's own names. Nothing depends on it afterwards: the
document is in the log, with the preset's citations and confidence. A new one is a file here, a
place in :data:`PRESETS` and a scenario under ``tests/presets``.
"""

from typing import Final

from clearing.rulebook.presets.aave import AAVE_V3
from clearing.rulebook.presets.base import Names, Preset
from clearing.rulebook.presets.binance import BINANCE_USDM
from clearing.rulebook.presets.bitmex import BITMEX
from clearing.rulebook.presets.bybit import BYBIT_ISOLATED
from clearing.rulebook.presets.drift import DRIFT_V2
from clearing.rulebook.presets.dydx import DYDX_V4
from clearing.rulebook.presets.hyperliquid import HYPERLIQUID
from clearing.rulebook.presets.mango import MANGO_V4
from clearing.rulebook.presets.okx import OKX_FUTURES
from clearing.rulebook.presets.perpetual_protocol import PERPETUAL_PROTOCOL
from clearing.rulebook.presets.reg_t import REG_T
from clearing.rulebook.presets.vega import VEGA

PRESETS: Final = {
    preset.name: preset
    for preset in (
        AAVE_V3,
        BINANCE_USDM,
        BITMEX,
        BYBIT_ISOLATED,
        DRIFT_V2,
        DYDX_V4,
        HYPERLIQUID,
        MANGO_V4,
        OKX_FUTURES,
        PERPETUAL_PROTOCOL,
        REG_T,
        VEGA,
    )
}
"""All presets by name."""

__all__ = ["PRESETS", "Names", "Preset"]
