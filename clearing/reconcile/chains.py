"""Whether fills follow each other: the position that each tells before it, and what is missing.

Streaming: what is kept is one position for each account and market, and the gaps that were found.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from clearing.adapters.statements import StatementLine
from clearing.events.fields import from_microseconds, to_microseconds
from clearing.reconcile.lines import Fill, decimal_text, scaled

MOST_GAPS: Final = 1_000
"""The most gaps of a file that are kept; the others are counted."""

FEE_WORDS: Final = "the position before this fill is off by just the fee of the fill before it"
GAP_WORDS: Final = "the position before this fill does not follow from the fills before"


class ChainGap(NamedTuple):
    """A fill whose position does not follow from the fills before it.

    ``amount`` is by how much, at the common decimals: the size of what is missing in between.
    ``fee`` says that it is just what the last fill's fee took of the holding (or gave to it).
    """

    fill: Fill
    amount: int
    fee: bool

    @property
    def words(self) -> str:
        """What the gap is."""
        return FEE_WORDS if self.fee else GAP_WORDS


class _Left(NamedTuple):
    """What a fill left: the position, and its fee as what it took of the position if it did."""

    position: int
    fee: int | None


class Chain:
    """Follows fills in the order in which they happened, account by account, market by market."""

    def __init__(self) -> None:
        """Begin without any position."""
        self._left: dict[tuple[str, str], _Left] = {}

    def follow(self, one: Fill) -> ChainGap | None:
        """Take the next fill; return the gap before it if there is one.

        ``before`` is compared with what the last fill of the account and market left (its own
        ``before`` plus its size, or its ``after``). A fill that tells only ``after`` is compared by
        that.
        """
        key = (one.account, one.market)
        last = self._left.get(key)
        gap = None
        if last is not None:
            before = one.before
            if before is None and one.after is not None:
                before = one.after - one.size
            if before is not None and before != last.position:
                away = before - last.position
                gap = ChainGap(one, away, last.fee is not None and away == -last.fee)
        position = one.after
        if position is None and one.before is not None:
            position = one.before + one.size
        if position is None and last is not None:
            position = last.position + one.size
        if position is not None:
            self._left[key] = _Left(position, one.fee or None)
        return gap


def chain_gaps(fills: Iterable[Fill]) -> list[ChainGap]:
    """Return the gaps between fills, in the order in which they happened."""
    chain = Chain()
    return [gap for gap in map(chain.follow, fills) if gap is not None]


@dataclass(frozen=True, slots=True)
class FillGap:
    """A fill of a file whose position does not follow from the fills before it.

    ``line`` is its line, ``amount`` by how much (exact decimal: the size of what is missing).
    """

    account: str
    market: str
    line: int
    at: datetime
    amount: str
    words: str


class FileChain:
    """Follows the fills of a file in its order, whether its earliest or its latest stand first."""

    def __init__(self) -> None:
        """Begin without any fill."""
        self._forward = _Gaps(Chain().follow)
        self._backward = _Gaps(_Backward().follow)

    def see(self, line: StatementLine) -> None:
        """Take the next line."""
        fill = _fill_of(line)
        if fill is not None:
            self._forward.take(fill)
            self._backward.take(fill)

    def gaps(
        self, order: Literal["ascending", "descending", "one moment"]
    ) -> tuple[list[FillGap], int]:
        """Return the first gaps in the file's order, and how many there are in all."""
        found = self._backward if order == "descending" else self._forward
        return [_told(gap) for gap in found.kept], found.count


class _Gaps:
    """The first gaps of one reading, and their number."""

    def __init__(self, follow: Callable[[Fill], ChainGap | None]) -> None:
        self._follow = follow
        self.kept: list[ChainGap] = []
        self.count = 0

    def take(self, fill: Fill) -> None:
        gap = self._follow(fill)
        if gap is not None:
            self.count += 1
            if len(self.kept) < MOST_GAPS:
                self.kept.append(gap)


class _Backward:
    """Follows fills from the latest to the earliest: two neighbours are a chain of their own."""

    def __init__(self) -> None:
        self._later: dict[tuple[str, str], Fill] = {}

    def follow(self, one: Fill) -> ChainGap | None:
        key = (one.account, one.market)
        later = self._later.get(key)
        self._later[key] = one
        if later is None:
            return None
        pair = Chain()
        pair.follow(one)
        return pair.follow(later)


def _fill_of(line: StatementLine) -> Fill | None:
    leg = line.fill
    if leg is None:
        return None
    return Fill(
        line.line,
        to_microseconds(line.at),
        leg.market,
        scaled(leg.size),
        0 if leg.price is None else scaled(leg.price),
        None if leg.fee is None else scaled(leg.fee),
        leg.fee_asset,
        (),
        line.account,
        None if leg.before is None else scaled(leg.before),
        None if leg.after is None else scaled(leg.after),
    )


def _told(gap: ChainGap) -> FillGap:
    fill = gap.fill
    at = from_microseconds(fill.at)
    return FillGap(fill.account, fill.market, fill.ref, at, decimal_text(gap.amount), gap.words)
