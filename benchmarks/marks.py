"""Calm marks over ever more accounts: the banded watch against the naive one."""

import random
from collections.abc import Sequence

from benchmarks.measure import Ratio, seconds
from clearing.engine import Engine, WatchName
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


def venue(accounts: int, marks: int) -> tuple[list[EventRow], list[EventRow]]:
    """Return the rows that set a venue up, and its calm marks.

    Every account holds two or three positions at leverage 2 to 8; marks walk in steps of at most
    0.05 % and stay within 1 % of where they began.
    """
    dice = random.Random(accounts)  # noqa: S311 - a benchmark's dice
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
        for m in dice.sample(range(_MARKETS), dice.choice((2, 3))):
            size = 1000 * dice.randint(600, 2600) // (prices[m] // 10_000)
            side = ("buyer", "seller") if dice.random() < 0.5 else ("seller", "buyer")
            parties = dict(zip(side, (f"a{n}", "house"), strict=True))
            at = str(prices[m] // 10_000)
            text = f"{max(size, 1) // 1000}.{max(size, 1) % 1000:03d}"
            log.add("Traded", market=f"M{m}", size=text, price=at, **parties)
    start = len(log.rows)
    now = list(prices)
    for _ in range(marks):
        m = dice.randrange(_MARKETS)
        step = dice.randint(-5, 5) * prices[m] // 10_000
        if abs(now[m] + step - prices[m]) * 100 <= prices[m]:
            now[m] += step
        text = f"{now[m] // 10_000}.{now[m] % 10_000:04d}"
        log.add("Marked", marks=[{"market": f"M{m}", "price": text}])
    return log.rows[:start], log.rows[start:]


def _nothing(source: int, external_id: str) -> EventRow | None:
    """Find no event: there are no reversals here."""
    del source, external_id
    return None


def timed(
    setup: Sequence[EventRow], marks: Sequence[EventRow], watch: WatchName
) -> tuple[float, Engine]:
    """Return the seconds per mark, and the engine after the marks."""
    engine = Engine(resolver=_nothing, watch=watch)
    for row in setup:
        engine.apply(row)

    def apply() -> None:
        for row in marks:
            engine.apply(row)

    return seconds(apply) / len(marks), engine


def run(*, sizes: Sequence[int], marks: int, naive_marks: int) -> list[Ratio]:
    """Measure at each number of accounts; naive and banded must leave the same entries."""
    ratios = []
    first = 0.0
    for accounts in sizes:
        setup, calm = venue(accounts, marks)
        few = calm[: max(1, naive_marks * sizes[0] // accounts)]
        naive, oracle = timed(setup, few, "naive")
        _, same = timed(setup, few, "banded")
        if oracle.entry_hash != same.entry_hash:
            raise RuntimeError(f"the watches differ at {accounts} accounts")
        banded, _ = timed(setup, calm, "banded")
        first = first or banded
        name = f"calm marks, banded, {accounts:,} accounts"
        ratios.append(Ratio(name, "naive", "marks", 1 / banded, 1 / naive, naive / banded, 1.0))
    ratios.append(
        Ratio(
            f"banded time per mark, {sizes[-1]:,} accounts",
            f"{sizes[0]:,} accounts",
            "marks",
            1 / banded,
            1 / first,
            banded / first,
            3.0,
            at_most=True,
        )
    )
    return ratios
