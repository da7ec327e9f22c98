"""Calm marks over ever more accounts: the banded watch against the naive one."""

from collections.abc import Sequence

from benchmarks.measure import Ratio, compared, seconds
from benchmarks.venue import venue
from clearing.engine import Engine
from clearing.engine.bands import BandedWatch
from clearing.engine.book import Book
from clearing.engine.scope import Scope
from clearing.engine.valuation import Measure
from clearing.engine.watch import NaiveWatch
from clearing.events import EventRow

_WILD_MARKS = 2_000


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


def verify(accounts: int) -> None:
    """See that both watches leave the same entries where accounts do get into trouble."""
    setup, marks = venue(accounts, _WILD_MARKS, step=300)
    naive, banded = _Fold(setup, _Counting()).engine, _Fold(setup, BandedWatch()).engine
    consequences = 0
    for row in marks:
        consequences += sum(entry[0] != "mark" for entry in naive.apply(row))
        banded.apply(row)
    if not consequences:
        raise RuntimeError(f"no account of {accounts} got into trouble: nothing was verified")
    if naive.entry_hash != banded.entry_hash:
        raise RuntimeError(f"the watches differ at {accounts} accounts, in a storm")


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
    verify(sizes[0])
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
