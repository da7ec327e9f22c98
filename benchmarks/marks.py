"""Calm marks over ever more accounts: the banded watch against the naive one."""

import random
from collections.abc import Sequence

from benchmarks.measure import Ratio, compared, seconds
from clearing.engine import Engine
from clearing.engine.bands import BandedWatch
from clearing.engine.book import Book, Scope
from clearing.engine.valuation import Measure
from clearing.engine.watch import NaiveWatch
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

    Every account holds two or three positions at leverage 1 to 8, one in fifty at twice that, and
    marks walk in steps of at most 0.1 %, so that some accounts come near a boundary or cross it.
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
        now[m] += steps.randint(-10, 10) * now[m] // 10_000
        text = f"{now[m] // 10_000}.{now[m] % 10_000:04d}"
        log.add("Marked", marks=[{"market": f"M{m}", "price": text}])
    return log.rows[:start], log.rows[start:]


def _nothing(source: int, external_id: str) -> EventRow | None:
    """Find no event: there are no reversals here."""
    del source, external_id
    return None


class _Counting(NaiveWatch):
    """The naive watch, counting."""

    __slots__ = ("examinations",)

    def __init__(self) -> None:
        self.examinations = 0

    def examined(self, book: Book, scope: Scope, now: Measure) -> None:
        """Count."""
        del book, scope, now
        self.examinations += 1


class _Fold:
    """An engine after the setup; its rates, round by round, and examinations since then."""

    def __init__(self, setup: Sequence[EventRow], watch: BandedWatch | _Counting) -> None:
        self._watch = watch
        self.engine = Engine(resolver=_nothing)
        self.engine._watch = watch  # to count what it examines
        for row in setup:
            self.engine.apply(row)
        self._before = watch.examinations
        self._applied = 0
        self.rates: list[float] = []

    def go(self, marks: Sequence[EventRow]) -> None:
        """Apply a round's marks, timed."""
        apply = self.engine.apply

        def all_of_them() -> None:
            for row in marks:
                apply(row)

        self.rates.append(len(marks) / seconds(all_of_them))
        self._applied += len(marks)

    @property
    def examinations(self) -> float:
        """Examinations per mark since the setup."""
        return (self._watch.examinations - self._before) / self._applied


class _Size:
    """A venue of so many accounts, folded by both watches; the naive one gets fewer marks."""

    def __init__(self, accounts: int, marks: int, naive_marks: int) -> None:
        self.accounts = accounts
        setup, self._marks = venue(accounts, marks)
        self._few = self._marks[:naive_marks]
        self.naive = _Fold(setup, _Counting())
        self.banded = _Fold(setup, BandedWatch())
        twin = _Fold(setup, BandedWatch())
        for row in self._few:
            twin.engine.apply(row)
        self._hash = twin.engine.entry_hash

    def round(self, number: int, rounds: int) -> None:
        """Time this part of the marks, naive and banded."""
        for fold, marks in ((self.naive, self._few), (self.banded, self._marks)):
            length = len(marks) // rounds
            last = len(marks) if number == rounds - 1 else (number + 1) * length
            fold.go(marks[number * length : last])

    def ratio(self) -> Ratio:
        """Compare the two, having seen that they leave the same entries after the same marks."""
        if self.naive.engine.entry_hash != self._hash:
            raise RuntimeError(f"the watches differ at {self.accounts} accounts")
        return compared(
            f"calm marks, {self.accounts:,} accounts, banded",
            self.banded.rates,
            "naive",
            self.naive.rates,
            unit="marks",
            floor=None,
            note=(
                f"examinations per mark: banded {self.banded.examinations:.4f} over"
                f" {len(self._marks):,} marks, naive {self.naive.examinations:,.1f} over the first"
                f" {len(self._few):,}"
            ),
        )


def run(*, sizes: Sequence[int], marks: int, naive_marks: int, repeats: int) -> list[Ratio]:
    """Measure at each number of accounts, all of them in each round.

    ``naive_marks`` is how many the naive watch applies at the smallest; at others fewer, so that
    it always examines about as often.
    """
    found = [
        _Size(accounts, marks, max(repeats, naive_marks * sizes[0] // accounts))
        for accounts in sizes
    ]
    for number in range(repeats):
        for size in found:
            size.round(number, repeats)
    small, large = found[0], found[-1]
    return [
        *(size.ratio() for size in found),
        compared(
            f"calm marks, banded, time per mark at {large.accounts:,} accounts",
            large.banded.rates,
            f"that at {small.accounts:,}",
            small.banded.rates,
            unit="marks",
            floor=3.0,
            at_most=True,
        ),
    ]
