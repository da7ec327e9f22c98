"""Bank statements as ISO 20022 XML: camt.053, versions .02 to .14.

Bank dates have no clock: a date is 00:00 UTC, and a line takes effect at its booking date. A time
of day that is told is kept. What is not booked moves nothing. An entry of several transactions is
a line for each, where they say their amounts and these add up to the entry's; otherwise one line.
An interim balance (``ITBD``) holds within a day, at no moment that is told, and is kept as told.

A line has the number of its element's line; of several that begin on one line (XML may be one long
line), each has a number more than the one before, so that numbers tell them apart.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from clearing.adapters.base import Refusal, Setting, refuse, settle
from clearing.adapters.fields import FieldRefused, choice_field, decimal_field
from clearing.adapters.statements.base import (
    MAX_DECIMALS,
    Balances,
    Beginning,
    CashLeg,
    Item,
    MovementKind,
    StatedBalance,
    StatementLine,
)
from clearing.adapters.statements.values import (
    UTC_OFFSET,
    negated,
    offset_setting,
    total,
    unsigned,
)
from clearing.adapters.xml_pages import Element, read_parts
from clearing.events.fields import parse_time

_NAMESPACE: Final = re.compile(
    r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(?:0[2-9]|1[0-4])", re.ASCII
)
_SNIFFED: Final = re.compile(r"<[A-Za-z0-9_.:-]*BkToCstmrStmt[\s>]", re.ASCII)
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)[0-9]{0,3}"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_STATES: Final = ("BOOK", "PDNG", "INFO", "FUTR")
_OPENING: Final = ("OPBD", "PRCD")
_HEAD: Final = ("Id", "ElctrncSeqNb", "LglSeqNb", "StmtPgntn", "CpyDplctInd")
"""What of a statement is told with every line; its balances have all of it."""

_KINDS: Final[Mapping[str, MovementKind]] = {
    "CHRG": "fee",
    "COMM": "fee",
    "FEES": "fee",
    "INTR": "interest",
    "ADJT": "adjustment",
}
"""Sub-families that say what a line is; by all others money came (deposit) or went."""


class Camt053:
    """The statement format ``camt053``."""

    name: Final = "camt053"
    summary: Final = "ISO 20022 camt.053 (XML): bank statements"
    venue: Final = "bank"
    columns: Final[Mapping[str, str]] = {
        "Stmt/Id": "part of the native id, where only NtryRef is told",
        "Stmt/Acct/Id": "the account: its IBAN, or its other identifier",
        "Stmt/Bal": "the balances OPBD, PRCD and CLBD; others are kept as told",
        "Stmt/TxsSummry": "ignored: sums of the entries",
        "Ntry/Amt": "the amount, and as its attribute Ccy the asset",
        "Ntry/CdtDbtInd": "the sign: CRDT raises the balance, DBIT lowers it",
        "Ntry/RvslInd": "true: an adjustment; the sign is told already",
        "Ntry/Sts": "BOOK counts; PDNG, INFO and FUTR move nothing",
        "Ntry/BookgDt": "when it took effect; where it is missing, ValDt",
        "Ntry/ValDt": "ignored: the value date, where there is a booking date",
        "Ntry/AcctSvcrRef": "the native id",
        "Ntry/NtryRef": "the native id, with Stmt/Id before it, where there is no AcctSvcrRef",
        "Ntry/BkTxCd": "the kind",
        "Ntry/NtryDtls/TxDtls": "a line for each of several, where their amounts add up",
        "Ntry/*": "ignored: kept as told",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = False
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {"utc_offset": UTC_OFFSET}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the element of these statements begins."""
        return _SNIFFED.search(beginning.text) is not None

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield balances and lines in the file's order, statement by statement."""
        given = settle(self.name, self.settings, settings)
        return _apart(self._read(path, offset_setting(self.name, given["utc_offset"])))

    def _read(self, path: str, offset: timedelta) -> Iterator[Item]:
        statement, number = _Statement(path, offset), 0
        for part in read_parts(path, "Stmt", _NAMESPACE):
            if isinstance(part, Refusal):
                yield from statement.items()
                yield part
                return
            if part.number != number:
                yield from statement.items()
                statement, number = _Statement(path, offset), part.number
            statement.take(part.element)
        yield from statement.items()


def _apart(items: Iterator[Item]) -> Iterator[Item]:
    """Yield items, lines with numbers that rise."""
    last = 0
    for item in items:
        if isinstance(item, StatementLine):
            last = max(item.line, last + 1)
            yield item if item.line == last else replace(item, line=last)
        else:
            yield item


class _Wrong(FieldRefused):
    """A field at fault, with the line of its element."""

    def __init__(self, element: Element, field: str, value: str, reason: str) -> None:
        super().__init__(field, value, reason)
        self.line = element.line


class _Balance(NamedTuple):
    """A booked balance: its code, its element's line, moment, currency and amount."""

    code: str
    line: int
    at: datetime
    currency: str
    amount: Decimal


class _Statement:
    """A statement on its way to items."""

    def __init__(self, path: str, offset: timedelta) -> None:
        self._path = path
        self._zone = timezone(offset)
        self._account = ""
        self._head: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        self._balances: list[_Balance] = []
        self._lines: list[StatementLine] = []
        self._refusals: list[Refusal] = []
        self._first = 0
        self._named = False

    def take(self, element: Element) -> None:
        """Take in one child of the statement."""
        self._first = self._first or element.line
        try:
            if element.name == "Ntry":
                self._lines += self._entry(element)
                return
            told = {
                f"Stmt/{element.name}{'@' if path.startswith('@') else '/'}{path}": text
                for path, text in element.leaves().items()
            } or {f"Stmt/{element.name}": element.text}
            if element.name == "Bal":
                self._balance(element)
                code = _text(element, "Tp", "CdOrPrtry", "Cd") or "Prtry"
                told = {f"{path}[{code}]": text for path, text in told.items()}
            elif element.name == "Acct":
                self._named = True
                self._account = _text(element, "Id", "IBAN") or _text(element, "Id", "Othr", "Id")
                if not self._account:
                    raise _Wrong(element, "Stmt/Acct/Id", "", "has neither IBAN nor Othr/Id")
            elif element.name in _HEAD:
                self._head |= told
            for path, text in told.items():
                before = self._whole.get(path)
                self._whole[path] = text if before is None else f"{before}\n{text}"
        except FieldRefused as error:
            line = error.line if isinstance(error, _Wrong) else element.line
            self._refusals.append(
                refuse(self._path, line, error.reason, field=error.field, value=error.value)
            )

    def items(self) -> Iterator[Item]:
        """Yield what the statement says, by the lines of the file."""
        if self._first and not self._named:
            reason = "the statement that begins here has no account, Acct"
            self._refusals.append(refuse(self._path, self._first, reason, field="Stmt/Acct"))
        if not self._balances and self._lines:
            # A page within a statement: what it says of balances stands with its last line.
            last = self._lines[-1]
            self._lines[-1] = replace(last, told={**self._whole, **last.told})
        found: list[Item] = [*self._lines, *self._refusals]
        for balance in self._balances:
            if balance.code in _OPENING:
                found.append(self._stated(balance, self._when(balance)))
            else:
                found.append(self._stated(balance, "after"))
        yield from sorted(found, key=lambda item: (item.line, isinstance(item, Refusal)))

    def _when(self, opening: _Balance) -> Literal["before", "after"]:
        """Return whether an opening balance is of the beginning of its day, or of its end.

        Some banks give the day of the statement, others that of the closing balance before, whose
        day is over: it is the former where lines are of that day already.
        """
        days = [line.at for line in self._lines if line.cash]
        days = days or [balance.at for balance in self._balances if balance.code == "CLBD"]
        return "before" if any(day <= opening.at for day in days) else "after"

    def _stated(self, balance: _Balance, when: Literal["before", "after"]) -> StatedBalance:
        return StatedBalance(
            self._path,
            balance.line,
            balance.at,
            self._account,
            balance.currency,
            balance.amount,
            False,
            when,
            self._whole,
        )

    def _balance(self, element: Element) -> None:
        code = _text(element, "Tp", "CdOrPrtry", "Cd")
        if code not in (*_OPENING, "CLBD"):
            return
        currency, amount = _money(element, "Stmt/Bal")
        date = element.find("Dt")
        if date is None:
            raise _Wrong(element, "Stmt/Bal/Dt", "", "is missing; a balance has a date")
        at = self._moment(date, "Stmt/Bal/Dt")
        signed = amount if _raises(element, "Stmt/Bal") else negated(amount)
        self._balances.append(_Balance(code, element.line, at, currency, signed))

    def _entry(self, entry: Element) -> list[StatementLine]:
        currency, amount = _money(entry, "Ntry")
        signed = amount if _raises(entry, "Ntry") else negated(amount)
        state = entry.find("Sts", "Cd") or entry.find("Sts")
        if state is None:
            raise _Wrong(entry, "Ntry/Sts", "", "is missing; an entry has a status")
        counts = _chosen(state, "Ntry/Sts", _STATES) == "BOOK"
        date = entry.find("BookgDt") or entry.find("ValDt")
        if date is None:
            raise _Wrong(entry, "Ntry/BookgDt", "", "is missing, and so is ValDt")
        at = self._moment(date, f"Ntry/{date.name}")
        details = [one for group in entry.all("NtryDtls") for one in group.all("TxDtls")]
        native_id = _text(entry, "AcctSvcrRef")
        if not native_id and len(details) == 1:
            native_id = _text(details[0], "Refs", "AcctSvcrRef")
        if not native_id and _text(entry, "NtryRef"):
            native_id = f"{self._head.get('Stmt/Id', '')}/{_text(entry, 'NtryRef')}"
        amounts = _amounts(details, currency, signed) if len(details) > 1 else None
        if amounts is None:
            told = {f"Ntry/{path}": text for path, text in entry.leaves().items()}
            kind = _kind(entry, None, signed)
            legs = (CashLeg(currency, kind, signed),) if counts else ()
            return [self._line(entry.line, at, native_id, legs, told)]
        told = {f"Ntry/{path}": text for path, text in entry.leaves("NtryDtls").items()}
        lines = []
        for place, (detail, part) in enumerate(zip(details, amounts, strict=True), 1):
            own = {f"Ntry/NtryDtls/TxDtls/{path}": text for path, text in detail.leaves().items()}
            kind = _kind(entry, detail, part)
            legs = (CashLeg(currency, kind, part),) if counts else ()
            reference = _text(detail, "Refs", "AcctSvcrRef")
            if not reference and native_id:
                reference = f"{native_id}/{place}"
            lines.append(self._line(detail.line, at, reference, legs, {**told, **own}))
        return lines

    def _line(
        self,
        line: int,
        at: datetime,
        native_id: str,
        legs: tuple[CashLeg, ...],
        told: dict[str, str],
    ) -> StatementLine:
        told = {**self._head, **told}
        return StatementLine(self._path, line, at, self._account, native_id, "", legs, None, told)

    def _moment(self, date: Element, field: str) -> datetime:
        """Return the moment of a date (00:00 UTC) or of a date and time."""
        day, time = date.find("Dt"), date.find("DtTm")
        found = day or time
        value = found.text if found is not None else ""
        match = (_DATE if day is not None else _TIME).fullmatch(value)
        if match is None:
            reason = f"{value[:60]!r} is not a date such as 2024-05-01 (Dt) or with a time (DtTm)"
            raise _Wrong(date, field, value, reason)
        try:
            if day is not None:
                return parse_time(f"{match[1]}T00:00:00Z")
            if match[2]:
                return parse_time(f"{match[1]}{match[2]}")
            return parse_time(datetime.fromisoformat(match[1]).replace(tzinfo=self._zone))
        except ValueError as error:
            raise _Wrong(date, field, value, str(error)) from None


def _text(element: Element, *names: str) -> str:
    found = element.find(*names)
    return found.text if found is not None else ""


def _chosen(element: Element, field: str, choices: tuple[str, ...]) -> str:
    try:
        return choice_field(field, element.text, choices)
    except FieldRefused as error:
        raise _Wrong(element, field, error.value, error.reason) from None


def _raises(element: Element, field: str) -> bool:
    mark = element.find("CdtDbtInd")
    if mark is None:
        raise _Wrong(element, f"{field}/CdtDbtInd", "", "is missing; it is CRDT or DBIT")
    return _chosen(mark, f"{field}/CdtDbtInd", ("CRDT", "DBIT")) == "CRDT"


def _money(element: Element, field: str) -> tuple[str, Decimal]:
    """Return the currency and the amount, which is not negative, of an element's ``Amt``."""
    found = element.find("Amt")
    if found is None:
        raise _Wrong(element, f"{field}/Amt", "", "is missing")
    currency = found.attributes.get("Ccy", "")
    if not currency:
        raise _Wrong(found, f"{field}/Amt@Ccy", "", "is missing; an amount has a currency")
    try:
        amount = decimal_field(f"{field}/Amt", found.text, decimals=MAX_DECIMALS)
        unsigned(f"{field}/Amt", found.text, amount, "CdtDbtInd is its sign")
    except FieldRefused as error:
        raise _Wrong(found, error.field, error.value, error.reason) from None
    return currency, amount


def _amounts(details: list[Element], currency: str, entry: Decimal) -> list[Decimal] | None:
    """Return the signed amounts of an entry's transactions where they add up to it, else None."""
    found = []
    for detail in details:
        money = detail if detail.find("Amt") is not None else detail.find("AmtDtls", "TxAmt")
        if money is None:
            return None
        told, amount = _money(money, "Ntry/NtryDtls/TxDtls")
        if told != currency:
            return None
        raises = entry >= 0
        if detail.find("CdtDbtInd") is not None:
            raises = _raises(detail, "Ntry/NtryDtls/TxDtls")
        found.append(amount if raises else negated(amount))
    return found if total(*found) == entry else None


def _kind(entry: Element, detail: Element | None, amount: Decimal) -> MovementKind:
    if _text(entry, "RvslInd") in ("true", "1"):
        return "adjustment"
    code = detail.find("BkTxCd", "Domn") if detail is not None else None
    code = code or entry.find("BkTxCd", "Domn")
    if code is not None and _text(code, "Cd") == "FORX":
        return "conversion"
    kind = _KINDS.get(_text(code, "Fmly", "SubFmlyCd")) if code is not None else None
    if kind is None:
        return "deposit" if amount >= 0 else "withdrawal"
    return "rebate" if kind == "fee" and amount > 0 else kind


CAMT053: Final = Camt053()
