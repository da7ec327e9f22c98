"""A venue of any number of accounts in memory, and calm marks on it."""

import random

from clearing.events import EventRow, Registry, encode, parse_event
from clearing.events.kinds import REGISTRY_KINDS

_MARKETS = 20
_PERSON = {"author": "a", "approver": "b", "reason": "benchmark"}
_RULES = {
    "format": 1,
    "settlement_asset": "USD",
    "mode": "derive",
    "schedules": {
        "all": {
            "initial": {"op": "rate", "rate": "0.05"},
            "maintenance": {
                "op": "tiers",
                "tiers": [{"floor": "0", "rate": "0.01"}, {"floor": "50000", "rate": "0.02"}],
            },
        }
    },
    "ladders": {"all": [{"action": "takeover", "when": {"level": "maintenance"}}]},
    "waterfalls": {"all": {"fund": "fund", "layers": [{"layer": "fund"}, {"layer": "deficit"}]}},
    "bindings": [
        {"account_class": "trader", "markets": {"*": "all"}, "ladder": "all", "waterfall": "all"}
    ],
}


class _Log:
    """Rows of a venue in memory."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.rows: list[EventRow] = []

    def add(self, kind: str, **fields: object) -> None:
        """Append one event."""
        number = len(self.rows) + 1
        document = {
            "kind": kind,
            "source": "venue",
            "external_id": str(number),
            "occurred_at": "2026-01-01T00:00:00Z",
            **fields,
        }
        row = encode(parse_event(document), self.registry)
        row.position = number
        if row.kind in REGISTRY_KINDS:
            self.registry.apply(row)
        self.rows.append(row)


def venue(accounts: int, marks: int, step: int = 10) -> tuple[list[EventRow], list[EventRow]]:
    """Return the rows that set a venue up, and its marks: calm unless ``step`` is large.

    Every account holds two or three positions at leverage 1 to 8, one in fifty at twice that, and
    marks walk in steps of at most ``step`` parts in 10,000, so that some come near a boundary or
    cross it.
    """
    dice = random.Random(accounts)  # noqa: S311 - a benchmark's dice
    steps = random.Random(1)  # noqa: S311 - the same walk whatever the number of accounts
    log = _Log()
    log.add("SourceDeclared", name="venue", description="a venue")
    log.add("AssetDeclared", name="USD", decimals=6)
    scales = {"price_decimals": 2, "mark_decimals": 4, "size_decimals": 3}
    for m in range(_MARKETS):
        log.add("MarketDeclared", name=f"M{m}", settlement_asset="USD", lot="0.001", **scales)
    log.add("AccountOpened", account="fund", account_class="fund")
    log.add("AccountOpened", account="house", account_class="house")
    for n in range(accounts):
        log.add("AccountOpened", account=f"a{n}")
    prices = [10_000 * (10 + 7 * m) for m in range(_MARKETS)]
    for m, price in enumerate(prices):
        log.add("Marked", marks=[{"market": f"M{m}", "price": f"{price // 10_000}"}])
    log.add("RulebookAdopted", name="r", version="1", document=_RULES, **_PERSON)
    for n in range(accounts):
        log.add("Deposited", account=f"a{n}", asset="USD", amount="1000")
        bold = 2 if n % 50 == 49 else 1
        for m in dice.sample(range(_MARKETS), dice.choice((2, 3))):
            size = 1000 * bold * dice.randint(600, 2600) // (prices[m] // 10_000)
            side = ("buyer", "seller") if dice.random() < 0.5 else ("seller", "buyer")
            parties = dict(zip(side, (f"a{n}", "house"), strict=True))
            at = str(prices[m] // 10_000)
            text = f"{max(size, 1) // 1000}.{max(size, 1) % 1000:03d}"
            log.add("Traded", market=f"M{m}", size=text, price=at, **parties)
    start = len(log.rows)
    now = list(prices)
    for _ in range(marks):
        m = steps.randrange(_MARKETS)
        now[m] += steps.randint(-step, step) * now[m] // 10_000
        text = f"{now[m] // 10_000}.{now[m] % 10_000:04d}"
        log.add("Marked", marks=[{"market": f"M{m}", "price": text}])
    return log.rows[:start], log.rows[start:]
