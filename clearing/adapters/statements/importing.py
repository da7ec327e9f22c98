"""Statements as events: a wallet's history becomes the history of an account in the ledger.

What a line moved in cash is told again as a deposit, a withdrawal or an adjustment of the line's
kind; fills are not (an importer of fills knows markets and their scales). The event is known by the
line's native id and what it is, so the statement that made it matches it, and importing again
changes nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from clearing.adapters.base import ImportOptions, Located, Refusal, Setting, refuse, settle
from clearing.adapters.fields import FieldRefused, check_names, decimals_of, name_field
from clearing.adapters.statements.base import (
    Beginning,
    CashLeg,
    Item,
    StatedBalance,
    StatementLine,
    StatementReader,
)
from clearing.adapters.statements.describing import Described, described
from clearing.adapters.statements.sniffing import settled_reader
from clearing.events import (
    AccountOpened,
    Adjusted,
    AssetDeclared,
    Deposited,
    Event,
    EventRefused,
    SourceDeclared,
    Withdrawn,
    parse_event,
)
from clearing.events.fields import to_microseconds
from clearing.events.registry import Registry
from clearing.quantities import MAX_DECIMALS

MAX_LINES: Final = 2_000_000
"""The most lines of one run: they are sorted in memory."""


class _Leg(NamedTuple):
    line: StatementLine
    leg: CashLeg
    external_id: str


class StatementImporter:
    """The importer of a statement format: its name is the format's."""

    takes_book: Final = False

    def __init__(self, reader: StatementReader) -> None:
        self._reader = reader
        self._own = frozenset(reader.settings)
        self.name = reader.name
        self.summary = f"{reader.summary}; its movements of cash, told as events"
        self.settings: Mapping[str, Setting] = {
            "account": Setting("", (), "the ledger account that the statement is of"),
            "source": Setting(reader.venue, (), "name of the source that the events belong to"),
            "author": Setting("importer", (), "who tells adjustments"),
            "approver": Setting("statement", (), "who stands for them"),
            **reader.settings,
        }

    def sniff(self, header: Sequence[str]) -> bool:
        """Return whether the header is the format's."""
        return self._reader.sniff(Beginning(",".join(header), tuple(header)))

    def read(self, paths: Sequence[str], options: ImportOptions) -> Iterator[Located | Refusal]:
        """Yield refusals as met, then declarations, then movements in order of moment."""
        settings = settle(self.name, self.settings, options.settings)
        check_names(self.name, settings, "account", "source")
        # What was not given stays so: a file may say by itself what a default would contradict.
        own = {name: text for name, text in options.settings.items() if name in self._own}
        reader = settled_reader(self._reader, own)
        # Asked for here, so that a wrong option is refused before anything is read.
        files = [(path, described(reader, path, reader.read(path, own))) for path in paths]
        return self._read(files, settings, options.registry)

    def _read(
        self,
        files: Sequence[tuple[str, Iterator[Item | Described]]],
        settings: Mapping[str, str],
        registry: Registry | None,
    ) -> Iterator[Located | Refusal]:
        lines: list[StatementLine] = []
        for path, items in files:
            of_file: list[StatementLine] = []
            for item in items:
                match item:
                    case Refusal():
                        yield item
                    case StatementLine():
                        problem = _unfit(item)
                        if problem is None:
                            of_file.append(item)
                        else:
                            yield problem
                    case Described():
                        lines += of_file[::-1] if item.order == "descending" else of_file
                    case StatedBalance():
                        pass  # what was there is for reconciliation to compare
                if len(lines) + len(of_file) > MAX_LINES:
                    yield refuse(path, 0, f"more than {MAX_LINES} lines; split the run")
                    return
        # Stable: lines of one moment keep their order.
        lines.sort(key=lambda line: to_microseconds(line.at))
        legs = _legs(lines, settings["account"])
        if legs:
            yield from _declare(legs, settings, registry or Registry())
            for leg in legs:
                yield _event(leg, settings)


def _unfit(line: StatementLine) -> Refusal | None:
    """Return the refusal of a line whose assets or amounts the ledger cannot hold."""
    for leg in line.cash:
        try:
            name_field("asset", leg.asset)
        except FieldRefused as error:
            return refuse(line.file, line.line, error.reason, field="asset", value=error.value)
        for field, amount in (("amount", leg.amount), ("balance", leg.balance)):
            if amount is not None and decimals_of(amount) > MAX_DECIMALS:
                reason = f"{amount:f} is finer than the ledger: at most {MAX_DECIMALS} decimals"
                return refuse(line.file, line.line, reason, field=field, value=amount)
    return None


def _legs(lines: Sequence[StatementLine], account: str) -> list[_Leg]:
    """Return what moved something, each with the identity of its event."""
    seen: Counter[str] = Counter()
    legs = []
    for line in lines:
        for leg in line.cash:
            if not leg.amount:
                continue
            native = line.native_id or _unnamed(line, leg)
            name = f"{native}:{account}.{leg.kind}.{leg.asset}"
            content = f"{name} {to_microseconds(line.at)} {leg.amount}"
            seen[name] += not seen[content]
            seen[content] = seen[content] or seen[name]
            # The same line again is the same event; another one under its id is another.
            nth = seen[content]
            legs.append(_Leg(line, leg, name if nth == 1 else f"{name}.{nth}"))
    return legs


def _unnamed(line: StatementLine, leg: CashLeg) -> str:
    """Return an identity for a line without one: what it says, and where it stands."""
    text = f"{to_microseconds(line.at)} {leg.asset} {leg.kind} {leg.amount} {line.line}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _declare(
    legs: Sequence[_Leg], settings: Mapping[str, str], known: Registry
) -> Iterator[Located]:
    first = legs[0].line
    base: dict[str, Any] = {"source": settings["source"], "occurred_at": first.at}
    source, account = settings["source"], settings["account"]
    if source not in known.source_ordinals:
        told = f"Statements of {source}"
        yield _located(
            first,
            SourceDeclared(**base, external_id=f"source:{source}", name=source, description=told),
        )
    decimals: dict[str, int] = {}
    for leg in legs:
        needed = decimals_of(leg.leg.amount)
        stated = 0 if leg.leg.balance is None else decimals_of(leg.leg.balance)
        decimals[leg.leg.asset] = max(decimals.get(leg.leg.asset, 0), needed, stated)
    for asset, needed in decimals.items():
        if asset not in known.asset_ordinals:
            declared = AssetDeclared(
                **base, external_id=f"asset:{asset}", name=asset, decimals=needed
            )
            yield _located(first, declared)
    if account not in known.account_ordinals:
        opened = AccountOpened(**base, external_id=f"account:{account}", account=account)
        yield _located(first, opened)


def _event(one: _Leg, settings: Mapping[str, str]) -> Located | Refusal:
    line, leg = one.line, one.leg
    document: dict[str, Any] = {
        "source": settings["source"],
        "external_id": one.external_id,
        "occurred_at": line.at.isoformat(),
        "account": settings["account"],
        "asset": leg.asset,
        "amount": f"{abs(leg.amount):f}",
    }
    into, out = ("deposit", "transfer"), ("withdrawal", "transfer")
    if leg.kind in into and leg.amount > 0:
        document["kind"] = Deposited.__name__
    elif leg.kind in out and leg.amount < 0:
        document["kind"] = Withdrawn.__name__
    else:
        document |= {
            "kind": Adjusted.__name__,
            "amount": f"{leg.amount:f}",
            "category": leg.kind,
            "author": settings["author"],
            "approver": settings["approver"],
            "reason": "as the statement tells it",
        }
    try:
        return _located(line, parse_event(document))
    except EventRefused as error:
        return refuse(line.file, line.line, error.message, field=error.path, value=error.value)


def _located(line: StatementLine, event: Event) -> Located:
    return Located(event, line.file, line.line)
