"""Bank statements as SWIFT MT940 (and MT950) messages.

Bank dates have no clock: a line takes effect at 00:00 UTC of its entry date, which is the value
date where none is told. Final balances are stated; an intermediate one (``:60M:``, ``:62M:``) holds
between two pages and so between two lines of a day, which no moment names: it is kept as told.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from clearing.adapters.base import Refusal, Setting, refuse, settle
from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    CashLeg,
    Item,
    MovementKind,
    StatedBalance,
    StatementLine,
)
from clearing.adapters.statements.mt940_fields import Message, Tagged, read_messages
from clearing.adapters.statements.values import negated, written_field

_SNIFFED: Final = re.compile(r"^:20:.*\n(?:.*\n){0,12}?:60[FM]:", re.MULTILINE)
_BALANCE: Final = re.compile(
    r"(?P<mark>[CD])(?P<date>[0-9]{6})(?P<currency>[A-Z]{3})(?P<amount>[0-9]{1,14},[0-9]{0,14})",
    re.ASCII,
)
_LINE: Final = re.compile(
    r"(?P<value_date>[0-9]{6})(?P<entry_date>[0-9]{4})?(?P<mark>RC|RD|C|D)(?P<funds_code>[A-Z])?"
    r"(?P<amount>[0-9]{1,14},[0-9]{0,14})(?P<type>[SNF][A-Z0-9]{3})"
    r"(?P<reference>.*?)(?://(?P<bank_reference>.*))?",
    re.ASCII,
)
_LINE_FORM: Final = (
    "value date YYMMDD, entry date MMDD or none, one of C D RC RD, funds code or none, amount with"
    " a comma, type such as NTRF, reference, and perhaps // and the bank's reference"
)
_RAISES: Final = ("C", "RD")
_KINDS: Final[Mapping[str, MovementKind]] = {
    "CHG": "fee",
    "COM": "fee",
    "INT": "interest",
    "FEX": "conversion",
}
"""Types that say what a line is; by all others money came (deposit) or went (withdrawal)."""


class Mt940:
    """The statement format ``mt940``."""

    name: Final = "mt940"
    summary: Final = "SWIFT MT940 and MT950: bank statements"
    venue: Final = "bank"
    columns: Final[Mapping[str, str]] = {
        ":20:": "ignored: the message's reference",
        ":21:": "ignored: a related message's reference",
        ":25:": "the account; :25P: as well, its first line",
        ":28C:": "ignored: the numbers of the statement and its page; :28: as well",
        ":13D:": "ignored: when it was made",
        ":60F:": "the opening balance, and the currency of the lines",
        ":60M:": "the currency of the lines; the balance between pages is kept as told",
        ":61:": "a line: dates, sign, amount, type, references",
        ":86:": "ignored: words about a line, or about the statement",
        ":62F:": "the closing balance",
        ":62M:": "ignored: the balance between pages",
        ":64:": "ignored: available balance",
        ":65:": "ignored: available balance of a later day",
        ":NS:": "ignored: a bank's own words",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = False
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether ``:20:`` begins a line, and ``:60F:`` or ``:60M:`` soon after it."""
        return _SNIFFED.search(beginning.text) is not None

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield balances and lines in the file's order."""
        settle(self.name, self.settings, settings)
        return self._read(path)

    def _read(self, path: str) -> Iterator[Item]:
        for message in read_messages(path):
            if isinstance(message, Refusal):
                yield message
            else:
                yield from _Page(path, message).items()


class _Balance(NamedTuple):
    """A balance: its field, the day that it is of, and the amount."""

    field: Tagged
    at: datetime
    currency: str
    amount: Decimal


class _Page:
    """A message, which is a statement or a page of one, on its way to items."""

    def __init__(self, path: str, message: Message) -> None:
        self._path = path
        self._fields = message.fields
        self._refusals = list(message.refusals)
        self._head: dict[str, str] = {}
        self._account = ""
        self._currency = ""
        self._opening: _Balance | None = None
        self._closing: _Balance | None = None
        self._lines: list[StatementLine] = []

    def items(self) -> Iterator[Item]:
        """Yield the opening balance, lines and the closing balance, and refusals where they are."""
        for place, tagged in enumerate(self._fields):
            try:
                self._take(tagged, self._words(place))
            except FieldRefused as error:
                where = {"field": error.field, "value": error.value, "raw": tagged.text()}
                self._refusals.append(refuse(self._path, tagged.line, error.reason, **where))
        self._missing()
        closing = self._closing
        if closing is not None and closing.field.tag == "62M" and self._lines:
            last = self._lines[-1]
            self._lines[-1] = replace(last, told={**last.told, ":62M:": closing.field.text()})
        found: list[Item] = [*self._refusals, *self._lines]
        if self._opening is not None and self._opening.field.tag == "60F":
            found.append(self._stated(self._opening, self._when(self._opening)))
        if closing is not None and closing.field.tag == "62F":
            found.append(self._stated(closing, "after"))
        yield from sorted(found, key=lambda item: (item.line, isinstance(item, Refusal)))

    def _words(self, place: int) -> str:
        """Return the words (``:86:``) that follow a field directly, or none."""
        after = self._fields[place + 1 : place + 2]
        return after[0].text() if after and after[0].tag == "86" else ""

    def _take(self, tagged: Tagged, words: str) -> None:
        tag = tagged.tag
        if tag in ("25", "25P"):
            self._account = tagged.texts[0].strip()
        if tag in ("60F", "60M"):
            if self._opening is not None:
                raise FieldRefused(tag, tagged.text(), "is a second opening balance of a message")
            self._opening = _balance(tagged)
            self._currency = self._opening.currency
        elif tag in ("62F", "62M"):
            if self._closing is not None:
                raise FieldRefused(tag, tagged.text(), "is a second closing balance of a message")
            closing = _balance(tagged)
            if self._currency not in ("", closing.currency):
                reason = f"is in {closing.currency}, where the opening balance is in"
                raise FieldRefused(tag, tagged.text(), f"{reason} {self._currency}")
            self._closing = closing
        elif tag == "61":
            if not self._currency:
                raise FieldRefused(tag, tagged.text(), "stands before an opening balance, :60F:")
            self._lines.append(self._line(tagged, words))
            return
        if tag == "86" and self._lines and self._closing is None:
            return  # a line's words
        before = self._head.get(f":{tag}:")
        self._head[f":{tag}:"] = tagged.text() if before is None else f"{before}\n{tagged.text()}"

    def _line(self, tagged: Tagged, words: str) -> StatementLine:
        text = tagged.texts[0]
        match = _LINE.fullmatch(text)
        if match is None:
            raise FieldRefused("61", text, f"{text[:60]!r} is not a statement line: {_LINE_FORM}")
        value_date = _date("61", match["value_date"])
        entry_date = _entry_date(match["entry_date"], value_date)
        amount = _amount("61", match["amount"])
        raises = match["mark"] in _RAISES
        kind = _kind(match["type"][1:], match["mark"], raises)
        told = {name: value or "" for name, value in match.groupdict().items()}
        told["value_date"] = value_date.date().isoformat()
        told["entry_date"] = entry_date.date().isoformat() if match["entry_date"] else ""
        return StatementLine(
            self._path,
            tagged.line,
            entry_date,
            self._account,
            "" if told["bank_reference"] == "NONREF" else told["bank_reference"],
            "",
            (CashLeg(self._currency, kind, amount if raises else negated(amount)),),
            None,
            {**self._head, ":61:": tagged.text(), **told, ":86:": words},
        )

    def _missing(self) -> None:
        """Refuse a message that does not say its account, or one of its two balances."""
        first, last = self._fields[0].line, self._fields[-1].line
        for missing, line, tag in (
            (not self._account, first, "25"),
            (self._opening is None, first, "60F"),
            (self._closing is None, last, "62F"),
        ):
            if missing and not any(f.field.startswith(tag[:2]) for f in self._refusals):
                reason = f"the message from line {first} to {last} has no :{tag}:; is it cut?"
                self._refusals.append(refuse(self._path, line, reason, field=tag))

    def _when(self, opening: _Balance) -> Literal["before", "after"]:
        """Return whether an opening balance is of the beginning of its day, or of its end.

        Its date is that of the closing balance before, whose day is over, unless lines of the
        statement are of that day already.
        """
        days = [line.at for line in self._lines]
        if not days and self._closing is not None:
            days = [self._closing.at]
        return "before" if any(day <= opening.at for day in days) else "after"

    def _stated(self, balance: _Balance, when: Literal["before", "after"]) -> StatedBalance:
        return StatedBalance(
            self._path,
            balance.field.line,
            balance.at,
            self._account,
            balance.currency,
            balance.amount,
            False,
            when,
            dict(self._head),
        )


def _balance(tagged: Tagged) -> _Balance:
    text = tagged.texts[0]
    match = _BALANCE.fullmatch(text)
    if match is None:
        reason = f"{text[:60]!r} is not a balance such as 'C240501EUR1234,56'"
        raise FieldRefused(tagged.tag, text, reason)
    amount = _amount(tagged.tag, match["amount"])
    at = _date(tagged.tag, match["date"])
    signed = amount if match["mark"] == "C" else negated(amount)
    return _Balance(tagged, at, match["currency"], signed)


def _amount(tag: str, text: str) -> Decimal:
    """Return an amount, which has a comma even where nothing follows."""
    return written_field(tag, text.removesuffix(","), "comma")


def _date(tag: str, text: str) -> datetime:
    """Return 00:00 UTC of YYMMDD; years from 80 on are of the century before."""
    century = "19" if text >= "80" else "20"
    try:
        moment = datetime.strptime(f"{century}{text}", "%Y%m%d")  # noqa: DTZ007 - UTC comes next
    except ValueError:
        raise FieldRefused(tag, text, f"{text!r} is not a date YYMMDD") from None
    return moment.replace(tzinfo=UTC)


def _entry_date(text: str | None, value_date: datetime) -> datetime:
    """Return the day of MMDD that is nearest to the value date, in the year before or after too."""
    if text is None:
        return value_date
    near = []
    for year in (value_date.year - 1, value_date.year, value_date.year + 1):
        try:
            near.append(datetime(year, int(text[:2]), int(text[2:]), tzinfo=UTC))
        except ValueError:  # no such day in that year
            continue
    if not near:
        raise FieldRefused("61", text, f"{text!r} is not an entry date MMDD")
    return min(near, key=lambda day: abs(day - value_date))


def _kind(code: str, mark: str, raises: bool) -> MovementKind:
    if mark in ("RC", "RD"):
        return "adjustment"
    kind = _KINDS.get(code)
    if kind is None:
        return "deposit" if raises else "withdrawal"
    return "rebate" if kind == "fee" and raises else kind


MT940: Final = Mt940()
