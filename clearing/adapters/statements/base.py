"""What somebody else's statement says, whatever its format: lines, their cash and their fills.

A reader turns a file into lines as told: nothing is computed that the statement does not say, and
every amount has our sign. Whether it agrees with the ledger is for reconciliation to find out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal, NamedTuple, Protocol, get_args

from clearing.adapters.base import Refusal, Setting

MovementKind = Literal[
    "deposit",
    "withdrawal",
    "transfer",
    "trade",
    "realised_pnl",
    "fee",
    "rebate",
    "funding",
    "interest",
    "liquidation",
    "adl",
    "insurance",
    "socialised_loss",
    "settlement",
    "conversion",
    "adjustment",
    "other",
]
"""What moved cash. ``trade``: the cash of a fill in all that is not told apart (profit and loss
less its fee); ``realised_pnl``: profit and loss alone, or of a period; ``fee`` and ``rebate``:
paid and got back; ``settlement``: of a session or an expiry; ``other``: what the venue calls
otherwise, its own word being in the line's ``told``."""

MOVEMENT_KINDS: Final[tuple[str, ...]] = get_args(MovementKind)

Balances = Literal["line", "batch", "none"]
"""What a stated balance is: that after its line; that after all lines of the asset with the same
moment; or the format states none."""


class CashLeg(NamedTuple):
    """What a line did to the balance of an asset: positive amounts raise it.

    ``balance`` is the asset's balance afterwards as the statement says (None: it does not say); of
    several legs of a line in an asset the last has it.
    """

    asset: str
    kind: MovementKind
    amount: Decimal
    balance: Decimal | None = None


class FillLeg(NamedTuple):
    """What a line did to a position: ``size`` is positive where it was bought.

    ``price`` is per unit, None where none is told. ``before`` and ``after`` are the signed position
    around it as told, ``pnl`` the profit and loss that the venue says it realised (positive: won,
    before fees), ``fee`` what it cost in ``fee_asset`` (positive: paid). ``trade_id`` and
    ``order_id`` are the venue's, empty where it tells none.
    """

    market: str
    size: Decimal
    price: Decimal | None
    trade_id: str = ""
    order_id: str = ""
    before: Decimal | None = None
    after: Decimal | None = None
    pnl: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line (or record) of a statement.

    ``line`` counts from 1: the line of a text file, the record of a JSON page. ``at`` is when it
    took effect. ``account`` is the venue's own name of the account, empty where the statement does
    not say. ``native_id`` is the venue's identifier of the line, empty where it has none;
    ``market`` what it is about, empty where nothing. A line that moved nothing has no legs (a
    cancelled withdrawal), and one may have both cash and a fill. ``told`` has every column as it
    stood, so nothing is lost.
    """

    file: str
    line: int
    at: datetime
    account: str
    native_id: str
    market: str
    cash: tuple[CashLeg, ...]
    fill: FillLeg | None
    told: Mapping[str, str]


class StatedBalance(NamedTuple):
    """A balance (or position) that a statement says by itself: what was there at a moment.

    ``what`` is an asset, or a market where ``position``; ``when`` says whether it is what was there
    before or after everything of that moment. ``told`` as of :class:`StatementLine`.
    """

    file: str
    line: int
    at: datetime
    account: str
    what: str
    amount: Decimal
    position: bool
    when: Literal["before", "after"]
    told: Mapping[str, str]


Item = StatementLine | StatedBalance | Refusal
"""What a reader yields."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a file begins, for recognising its format.

    ``text`` is its first 64 KiB (decompressed), ``header`` the fields of its first line that is not
    blank, as CSV.
    """

    text: str
    header: tuple[str, ...]


class StatementReader(Protocol):
    """A reader of one statement format."""

    @property
    def name(self) -> str:
        """The name by which the command line knows the format."""

    @property
    def summary(self) -> str:
        """One line: what the files are."""

    @property
    def venue(self) -> str:
        """Who states: the name of a venue, ``bank`` or ``chain``, or empty where a mapping says."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Every column (or JSON field) and what becomes of it; what is ignored says why."""

    @property
    def balances(self) -> Balances:
        """What the balances of its lines are."""

    @property
    def page_limits(self) -> frozenset[int]:
        """How many lines a full page of the venue has; a page of exactly so many may be cut."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The options that :meth:`read` understands."""

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether a file that begins so is of this format."""

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield what a file says, line by line in the file's order; refusals where they are met.

        Bad content is never raised; a bad option is, as
        :class:`~clearing.adapters.base.OptionRefused`, before anything is read.
        """


@dataclass(slots=True)
class Described:
    """What was seen of one file while it was read.

    ``lines`` counts its lines, ``refused`` those that could not be read. ``first`` and ``last`` are
    the earliest and latest moment, ``first_id`` and ``last_id`` the native ids of the first and
    last line in the file's order, ``accounts`` the account names that it says. ``order`` is how its
    lines follow each other in time; ``misplaced`` are the lines against that order.
    ``saturated``: it has exactly as many records as a full page, however many lines they make and
    whether they could be read. ``cut``: its last line could not be read, as where a file ends
    within a line.
    """

    file: str
    format: str
    lines: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None
    first_id: str = ""
    last_id: str = ""
    accounts: list[str] = field(default_factory=list)
    order: Literal["ascending", "descending", "one moment"] = "one moment"
    misplaced: list[int] = field(default_factory=list)
    saturated: bool = False
    cut: bool = False


def described(
    reader: StatementReader, path: str, items: Iterable[Item]
) -> Iterator[Item | Described]:
    """Yield what a reader yields, and at the end what was seen of the file."""
    seen = Described(path, reader.name)
    moments: list[tuple[datetime, int]] = []
    accounts: dict[str, None] = {}
    records = 0
    record = 0
    for item in items:
        yield item
        if item.line not in (0, record):
            records += 1
            record = item.line
        if isinstance(item, Refusal):
            seen.refused += 1
            seen.cut = True
            continue
        seen.cut = False
        if item.account:
            accounts.setdefault(item.account)
        if isinstance(item, StatedBalance):
            continue
        seen.lines += 1
        seen.first = item.at if seen.first is None else min(seen.first, item.at)
        seen.last = item.at if seen.last is None else max(seen.last, item.at)
        seen.first_id = seen.first_id or item.native_id
        seen.last_id = item.native_id or seen.last_id
        moments.append((item.at, item.line))
    seen.accounts = list(accounts)
    seen.saturated = records in reader.page_limits
    _see_order(seen, moments)
    yield seen


def _see_order(seen: Described, moments: Sequence[tuple[datetime, int]]) -> None:
    """Find how lines follow each other, and which stand against that order.

    The order is that of most neighbours. A line stands against it where it comes before (in that
    order) what has been read already; of two that changed places this is the second.
    """
    steps = [(a[0] < b[0]) - (a[0] > b[0]) for a, b in pairwise(moments)]
    lean = sum(steps)
    if not any(steps):
        return
    seen.order = "ascending" if lean >= 0 else "descending"
    sign = 1 if lean >= 0 else -1
    reached = moments[0][0]
    for at, line in moments[1:]:
        if (at > reached) - (at < reached) == -sign:
            seen.misplaced.append(line)
        else:
            reached = at
