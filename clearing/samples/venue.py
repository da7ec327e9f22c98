"""The invented venue: its asset, markets, rulebook and declarations.

Four perpetuals of deliberately different scales. The dollar has six decimals and a fill of BTC-PERP
needs seven, so the rounding of fills and its remainders show up in an ordinary day.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from clearing.events import AssetDeclared, Event, MarketDeclared, RulebookAdopted, SourceDeclared
from clearing.quantities import exact_decimal

ASSET: Final = "USD"
ASSET_DECIMALS: Final = 6
DOLLAR: Final = 10**ASSET_DECIMALS
FUND: Final = "insurance"


class Market(NamedTuple):
    """A market's scales and how it moves.

    ``opening`` is at ``mark_decimals``; ``beta`` in percent of the common movement; ``lot`` and
    all sizes at ``size_decimals``; ``weight`` is how often it is traded, of 100.
    ``maintenance`` and ``initial`` are the lowest rates of its schedule, in parts per 10,000.
    """

    name: str
    price_decimals: int
    mark_decimals: int
    size_decimals: int
    lot: int
    opening: int
    beta: int
    weight: int
    schedule: str
    initial: int
    maintenance: int

    def value(self, size: int, mark: int) -> int:
        """Return size × mark in the asset's units, floored: near enough to decide a trade."""
        shift = ASSET_DECIMALS - self.size_decimals - self.mark_decimals
        value = size * mark * 10**shift if shift >= 0 else size * mark // 10**-shift
        return int(value)

    def size_for(self, notional: int, mark: int) -> int:
        """Return the whole lots that ``notional`` (asset units) buys at ``mark``."""
        shift = self.size_decimals + self.mark_decimals - ASSET_DECIMALS
        size = notional * 10**shift // mark if shift >= 0 else notional // (mark * 10**-shift)
        return int(size - size % self.lot)


MARKETS: Final = (
    Market("BTC-PERP", 2, 4, 5, 1, 64_250_0000, 100, 38, "majors", 400, 200),
    Market("ETH-PERP", 2, 5, 3, 1, 3_410_00000, 115, 30, "majors", 400, 200),
    Market("SOL-PERP", 3, 6, 1, 1, 148_200000, 130, 22, "alts", 600, 300),
    Market("DOGE-PERP", 5, 8, 0, 10, 16120000, 145, 10, "small", 1000, 500),
)


def _tiers(*rows: tuple[str, str]) -> dict[str, Any]:
    tiers = [{"floor": floor, "rate": rate} for floor, rate in rows]
    return {"op": "tiers", "mode": "marginal", "tiers": tiers}


def rulebook_document(
    asset: str, markets: dict[str, str], fund: str = FUND, *, penalty: str = "0.005"
) -> dict[str, Any]:
    """Return the sample rulebook: ``markets`` maps each market to majors, alts or small.

    Derive mode; tiered margin; a margin call at 1.5 × maintenance with an hour's grace; reduction
    by half below maintenance; takeover below 0.4 × maintenance; losses to the fund, then
    ADL, then the deficit account.
    """
    paid = {"rate": penalty, "recipients": [{"account": fund, "share": "1"}]}
    ladder = [
        {
            "action": "margin_call",
            "when": {"level": "maintenance", "factor": "1.5", "comparator": "<"},
            "grace_seconds": 3600,
            "restore": "initial",
            "on_missed": "notify",
        },
        {
            "action": "reduce",
            "when": {"level": "maintenance", "factor": "1", "comparator": "<"},
            "quantity": {"op": "share", "share": "0.5"},
            "price": {"op": "mark", "spread": "0.002"},
            "minimum_notional": "100",
            "penalty": paid,
        },
        {
            "action": "takeover",
            "when": {"level": "maintenance", "factor": "0.4", "comparator": "<"},
            "residual": "trader",
            "penalty": paid,
        },
    ]
    return {
        "format": 1,
        "settlement_asset": asset,
        "mode": "derive",
        "schedules": {
            "majors": {
                "initial": _tiers(("0", "0.04"), ("500000", "0.05"), ("2000000", "0.1")),
                "maintenance": _tiers(("0", "0.02"), ("500000", "0.025"), ("2000000", "0.05")),
            },
            "alts": {
                "initial": _tiers(("0", "0.06"), ("250000", "0.08"), ("1000000", "0.12")),
                "maintenance": _tiers(("0", "0.03"), ("250000", "0.04"), ("1000000", "0.06")),
            },
            "small": {
                "initial": {"op": "rate", "rate": "0.1"},
                "maintenance": {"op": "rate", "rate": "0.05"},
            },
            "makers": {
                "initial": {"op": "rate", "rate": "0.03"},
                "maintenance": {"op": "rate", "rate": "0.015"},
            },
        },
        "ladders": {"standard": ladder},
        "waterfalls": {
            "standard": {
                "fund": fund,
                "layers": [
                    {"layer": "fund", "capacity": "equity"},
                    {"layer": "adl"},
                    {"layer": "deficit"},
                ],
            }
        },
        "funding": {"operator": "index"},
        "bindings": [
            {
                "account_class": "trader",
                "markets": markets,
                "ladder": "standard",
                "waterfall": "standard",
            },
            {
                "account_class": "maker",
                "markets": {"*": "makers"},
                "ladder": "standard",
                "waterfall": "standard",
            },
        ],
    }


def declare(at: datetime) -> Iterator[Event]:
    """Declare the venue's sources, asset and markets, all at ``at``."""
    for name, description in (
        ("venue", "The invented venue's matching engine and registry"),
        ("treasury", "The invented venue's deposits, withdrawals and corrections"),
        ("oracle", "The invented venue's marks and price observations"),
        ("risk", "The invented venue's risk desk: rulebooks, market states, funding"),
    ):
        yield SourceDeclared(
            source=name,
            external_id=f"source:{name}",
            occurred_at=at,
            name=name,
            description=description,
        )
    yield AssetDeclared(
        source="venue",
        external_id=f"asset:{ASSET}",
        occurred_at=at,
        name=ASSET,
        decimals=ASSET_DECIMALS,
    )
    for market in MARKETS:
        yield MarketDeclared(
            source="venue",
            external_id=f"market:{market.name}",
            occurred_at=at,
            name=market.name,
            settlement_asset=ASSET,
            multiplier=Decimal(1),
            lot=exact_decimal(market.lot, market.size_decimals),
            price_decimals=market.price_decimals,
            mark_decimals=market.mark_decimals,
            size_decimals=market.size_decimals,
        )


def adopt(
    source: str, at: datetime, document: dict[str, Any], *, version: str = "1"
) -> RulebookAdopted:
    """Adopt ``document`` as the rulebook ``standard``."""
    return RulebookAdopted(
        source=source,
        external_id=f"rulebook:standard:{version}",
        occurred_at=at,
        author="risk-desk",
        approver="risk-committee",
        reason="Sample rulebook of the invented venue",
        name="standard",
        version=version,
        document=document,
        citations=("Invented for this sample",),
        confidence="own",
    )
