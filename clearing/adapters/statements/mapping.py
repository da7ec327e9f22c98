"""Mappings: what the columns of a CSV file mean, as people write it down in YAML or JSON.

Nothing is guessed: a mapping says the sign of a positive number, what every word of a kind or a
direction stands for, and of every column either what it is or that it is ignored.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from clearing.adapters.base import OptionRefused
from clearing.adapters.statements.base import MovementKind
from clearing.adapters.statements.values import DecimalMark, ThousandsMark, offset_of
from clearing.events.base import Fact
from clearing.events.documents import MAX_BYTES, DocumentUnreadable, read_text
from clearing.events.fields import ListAsTuple
from clearing.rulebook.problems import problems_of

Column = Annotated[str, Field(max_length=200)]
Words = Annotated[
    tuple[Annotated[str, Field(max_length=200)], ...], ListAsTuple, Field(min_length=1)
]
Decimals = Annotated[int, Field(ge=0, le=18)]

_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES: Final = frozenset("YymBbdHIpMSfz%")


class CsvFile(Fact):
    """How the file is written: what divides columns, and how its numbers look.

    ``header_row`` is the line of the column names, from 1; what stands before it is not read.
    ``thousands`` may stand between groups of three digits, and need not.
    """

    delimiter: Literal["comma", "semicolon", "tab"] = "comma"
    header_row: Annotated[int, Field(ge=1, le=1000)] = 1
    decimal: DecimalMark = "point"
    thousands: ThousandsMark = "none"

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(f"thousands: {self.thousands} is the decimal mark already")
        return self


class Source(Fact):
    """Where a text comes from: a ``column``, or a ``constant`` for every line.

    ``words`` says what the column's words become; it has all of them. Without it they stay.
    """

    column: Column | None = None
    constant: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    words: Annotated[dict[str, str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) is (self.constant is None):
            raise ValueError("names either a column or a constant")
        if self.words is not None and self.column is None:
            raise ValueError("words: a constant has none")
        return self


class KindSource(Fact):
    """Which kind of movement a line is, in one of three ways.

    A ``constant``; a ``column`` and its ``words``, all of them; or by the sign: what ``raises`` our
    balance, and what ``lowers`` it.
    """

    column: Column | None = None
    constant: MovementKind | None = None
    words: Annotated[dict[str, MovementKind], Field(min_length=1)] | None = None
    raises: MovementKind | None = None
    lowers: MovementKind | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        told = {name for name, part in self if part is not None}
        if told not in ({"constant"}, {"column", "words"}, {"raises", "lowers"}):
            raise ValueError("names a constant, or column and words, or raises and lowers")
        return self


class TimeSource(Fact):
    """When a line took effect: ``column``, or that and a second one for the time of day.

    ``iso``: ISO 8601, with an offset unless ``utc_offset`` is given. ``epoch_…``: a number since
    1970-01-01 UTC. ``pattern``: by a ``pattern`` of Python's ``strptime``, with ``utc_offset``
    unless it has ``%z``; where it has no time of day, 00:00 there.
    """

    column: Column
    time_column: Column | None = None
    format: Literal["iso", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds", "pattern"]
    pattern: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    utc_offset: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.format == "pattern") is (self.pattern is None):
            raise ValueError("pattern: belongs to the format 'pattern', which needs it")
        if self.utc_offset is not None:
            try:
                offset_of(self.utc_offset)
            except ValueError as error:
                raise ValueError(f"utc_offset: {error}") from None
        if self.format.startswith("epoch") and (self.utc_offset or self.time_column):
            raise ValueError("utc_offset and time_column: an epoch is one number, and in UTC")
        if self.pattern is not None:
            _check_pattern(self.pattern, self.utc_offset)
        return self


def _check_pattern(pattern: str, utc_offset: str | None) -> None:
    """Raise ``ValueError`` for a pattern by which ``strptime`` would guess."""
    found = [match[1] for match in _DIRECTIVE.finditer(pattern)]
    for one in found:
        if one not in _DIRECTIVES:
            raise ValueError(
                f"pattern: %{one} is not one of %Y %y %m %B %b %d %H %I %p %M %S %f %z"
            )
    known = set(found)
    if not (known & {"Y", "y"} and known & {"m", "B", "b"} and "d" in known):
        raise ValueError("pattern: has no year, month and day, such as %Y-%m-%d")
    if ("I" in known) is not ("p" in known) or ("M" in known and not known & {"H", "I"}):
        raise ValueError("pattern: hours are %H, or %I with %p")
    if ("z" in known) is (utc_offset is not None):
        raise ValueError("utc_offset: is needed, unless the pattern has the offset itself, %z")


class Direction(Fact):
    """A column whose words say which way an amount goes: ``raises`` or ``lowers`` the balance."""

    column: Column
    raises: Words
    lowers: Words

    @model_validator(mode="after")
    def _apart(self) -> Self:
        _check_apart(self.raises, self.lowers)
        return self


class AmountSource(Fact):
    """What a line did to a balance, in one of three ways.

    ``column`` with ``positive`` (what a positive number does to our balance); ``column`` with
    ``direction`` (and no sign of its own); ``debit`` and ``credit`` (one of them empty or zero;
    a credit raises our balance). ``decimals``: numbers are whole, in a unit of 10^-decimals, for
    every asset or by asset. ``empty``: what an empty cell means.
    """

    column: Column | None = None
    positive: Literal["raises", "lowers"] | None = None
    direction: Direction | None = None
    debit: Column | None = None
    credit: Column | None = None
    decimals: Decimals | dict[str, Decimals] | None = None
    empty: Literal["refused", "nothing"] = "refused"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        told = {
            name
            for name in ("column", "positive", "direction", "debit", "credit")
            if getattr(self, name) is not None
        }
        right = ({"column", "positive"}, {"column", "direction"}, {"debit", "credit"})
        if told not in right:
            raise ValueError(
                "names column and positive, or column and direction, or debit and credit"
            )
        return self


class BalanceSource(Fact):
    """The balance afterwards: of each ``line``, or of the ``batch`` of one moment and asset.

    It is in the unit of the amount; what is positive is ours. An empty cell says none.
    """

    column: Column
    of: Literal["line", "batch"]


class FeeSource(Fact):
    """What a line cost, in ``asset``: ``positive`` is what a positive number was, paid or received.

    ``charged`` says whether the amount has it in it (``in_amount``), or it moved the balance beside
    the amount (``beside_amount``), as a movement of its own. An empty cell is no fee. ``decimals``
    as of an amount.
    """

    column: Column
    positive: Literal["paid", "received"]
    asset: Source
    charged: Literal["in_amount", "beside_amount"]
    decimals: Decimals | dict[str, Decimals] | None = None


class Side(Fact):
    """A column whose words say that it was bought or sold."""

    column: Column
    bought: Words
    sold: Words

    @model_validator(mode="after")
    def _apart(self) -> Self:
        _check_apart(self.bought, self.sold)
        return self


class FillSource(Fact):
    """The fill of a line: its ``size`` with a ``side``, or signed (``positive`` is bought or sold).

    ``empty``: what an empty cell of the size means. The market is the line's.
    """

    size: Column
    side: Side | None = None
    positive: Literal["bought", "sold"] | None = None
    price: Column | None = None
    trade_id: Column | None = None
    order_id: Column | None = None
    empty: Literal["refused", "nothing"] = "refused"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.side is None) is (self.positive is None):
            raise ValueError("names either side, or what a positive size is")
        return self


class StatusSource(Fact):
    """A column whose words say whether a line ``counts`` or moved ``nothing``."""

    column: Column
    counts: Words
    nothing: Words

    @model_validator(mode="after")
    def _apart(self) -> Self:
        _check_apart(self.counts, self.nothing)
        return self


def _check_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    both = [word for word in one if word in other]
    if both:
        raise ValueError(f"{both[0]!r} stands on both sides")


class CsvMapping(Fact):
    """What the columns of a file mean; ``mapping`` is the version of this form, 1.

    ``venue`` is who states. ``states`` are the kinds of movement of which the file has all that
    there were (None: every kind): one of these that the ledger alone has is missing there.
    ``amount`` needs ``asset`` and ``kind``; ``fill`` needs ``market``; one
    of the two is there. ``page_limits`` are the numbers of lines at which a page of the venue is
    full. ``ignore`` names every column that is not mapped.
    """

    mapping: Literal[1]
    venue: Annotated[str, Field(min_length=1, max_length=64)]
    file: CsvFile = CsvFile()
    time: TimeSource
    account: Source | None = None
    native_id: Column | None = None
    market: Source | None = None
    asset: Source | None = None
    kind: KindSource | None = None
    amount: AmountSource | None = None
    balance: BalanceSource | None = None
    fee: FeeSource | None = None
    fill: FillSource | None = None
    status: StatusSource | None = None
    states: Annotated[tuple[MovementKind, ...], ListAsTuple, Field(min_length=1)] | None = None
    page_limits: Annotated[tuple[Annotated[int, Field(ge=1)], ...], ListAsTuple] = ()
    ignore: Annotated[tuple[Column, ...], ListAsTuple] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.amount is None and self.fill is None:
            raise ValueError("amount: is missing, and so is fill; lines say one of them or both")
        for name in ("asset", "kind"):
            if (getattr(self, name) is None) is not (self.amount is None):
                raise ValueError(f"{name}: belongs to an amount, which needs it")
        if self.balance is not None and self.amount is None:
            raise ValueError("balance: belongs to an amount")
        if self.fill is not None and self.market is None:
            raise ValueError("market: is missing; a fill needs it")
        if self.states is not None and (beyond := sorted(self.kinds() - set(self.states))):
            raise ValueError(f"states: lacks {beyond[0]}, which lines of this mapping may be")
        for name in self.ignore:
            if name in self.columns():
                raise ValueError(f"ignore: {name!r} is {self.columns()[name]}")
        return self

    def kinds(self) -> frozenset[MovementKind]:
        """Return the kinds of movements that lines may be."""
        found: set[MovementKind] = set()
        if (kind := self.kind) is not None:
            told = (kind.constant, kind.raises, kind.lowers, *(kind.words or {}).values())
            found |= {one for one in told if one is not None}
        if self.fee is not None and self.fee.charged == "beside_amount":
            found |= {"fee", "rebate"}
        return frozenset(found)

    def columns(self) -> dict[str, str]:
        """Return every mapped column and what it is, in the order of the mapping."""
        found: dict[str, list[str]] = {}
        for name, part in self:
            for column, what in _named(name, part):
                found.setdefault(column, []).append(what)
        return {column: ", ".join(whats) for column, whats in found.items()}


_COLUMN_FIELDS: Final = frozenset(
    {"column", "time_column", "debit", "credit", "size", "price", "trade_id", "order_id"}
)


def _named(path: str, part: Any) -> Iterator[tuple[str, str]]:
    """Yield the columns that a part of a mapping names, each with its path."""
    if path == "native_id" and part is not None:
        yield part, path
    if not isinstance(part, Fact):
        return
    for name, value in part:
        if name in _COLUMN_FIELDS and value is not None:
            yield value, path if name == "column" else f"{path}.{name}"
        elif isinstance(value, Fact):
            yield from _named(f"{path}.{name}", value)


def load_mapping(reader: str, path: str) -> CsvMapping:
    """Return the mapping at ``path``.

    Raises :class:`~clearing.adapters.base.OptionRefused` naming the file and every field at fault.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("utf-8")
        document = read_text(text)
    except OSError as error:
        raise OptionRefused(f"{reader}: mapping={path!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OptionRefused(f"{reader}: mapping={path!r}: is not UTF-8: {error}") from error
    except DocumentUnreadable as error:
        raise OptionRefused(f"{reader}: mapping={path!r}: {error}") from error
    try:
        return CsvMapping.model_validate(document)
    except ValidationError as error:
        why = "; ".join(problems_of(error, document))
        raise OptionRefused(f"{reader}: mapping={path!r}: {why}") from error
