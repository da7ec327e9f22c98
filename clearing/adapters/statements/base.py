"""What somebody else's statement says, whatever its format: lines, their cash and their fills.

A reader turns a file into lines as told: nothing is computed that the statement does not say, and
every amount has our sign. Whether it agrees with the ledger is for reconciliation to find out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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

MAX_DECIMALS: Final = 40
"""The most decimals of an amount, size or price: reconciliation reckons with so many."""

MAX_DIGITS: Final = 30
"""The most digits of an amount, size or price before its point."""

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
    ``order_id`` are the venue's, empty where it tells none. ``fee_of`` is what the fee is a rate
    of: the value in money, or the size itself, where the fee is in what was traded.
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
    fee_of: Literal["value", "size"] = "value"


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
    def kinds(self) -> frozenset[MovementKind] | None:
        """Which kinds of cash movement it states; None: every kind.

        One of these kinds that the account had stands in it, so one that is missing is a break. Of
        others it may have some, such as the fee of a withdrawal where fees of trades are not told.
        """

    @property
    def fills(self) -> bool:
        """Whether it states fills: those that the account had stand in it."""

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
