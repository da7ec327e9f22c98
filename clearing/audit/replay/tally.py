"""What a run comes to: liquidations, deleveraging, losses by layer, penalties, funds."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeVar

from clearing.engine import ENTRY_FIELDS, Entry
from clearing.engine.book import Book
from clearing.engine.valuation import equity_of
from clearing.quantities import exact_decimal

Key = tuple[int, int]
"""A scope: (account, asset) ordinals."""

LOSS: Final = ("loss", "fund", "adl", "socialised", "deficit")
"""The parts of a ``loss`` entry that are added up."""

_Name = TypeVar("_Name")

_PEOPLE: Final = ("account", "taker", "candidate", "provider")


class Tally:
    """What is counted of the entries of one run.

    By scope: ``steps`` of ladders, ``told`` liquidations, ``calls`` that were opened, ``adl``
    (how often it was deleveraged), and ``first``, the position of the first step or told
    liquidation. ``events`` are the positions with any of these steps. ``amounts`` are exact
    amounts by (asset, name), names being those of :data:`LOSS` and ``penalties``; ``lows`` the
    least equity that each fund's history shows; ``deviations`` counts by code.
    """

    def __init__(self) -> None:
        self.steps: dict[Key, int] = {}
        self.told: dict[Key, int] = {}
        self.calls: dict[Key, int] = {}
        self.adl: dict[Key, int] = {}
        self.first: dict[Key, int] = {}
        self.events: set[int] = set()
        self.amounts: dict[tuple[int, str], Fraction] = {}
        self.lows: dict[Key, Decimal] = {}
        self.deviations: dict[str, int] = {}

    def begin(self, book: Book) -> None:
        """Let the funds' lows begin with what they have now."""
        for key, scope in sorted(book.scopes.items()):
            if book.is_fund(scope.account):
                asset = book.assets[scope.asset]
                self.lows[key] = exact_decimal(equity_of(book, scope), asset.working)

    def note(self, book: Book, position: int, entries: Iterable[Entry]) -> None:
        """Count the entries of the event at ``position``."""
        for entry in entries:
            match entry[0]:
                case "liquidation":
                    self._step(self.steps, position, entry)
                case "venue_liquidation":
                    self._step(self.told, position, entry)
                case "margin_call" if entry[3] == "opened":
                    _count(self.calls, _key(entry[1], entry[2]))
                case "closed" if entry[4] == "adl":
                    _count(self.adl, _key(entry[5], entry[2]))
                case "loss":
                    for name, value in zip(LOSS, entry[3:], strict=False):
                        self._add(int(entry[2]), name, Fraction(str(value)))
                case "fund":
                    key, equity = _key(entry[1], entry[2]), Decimal(str(entry[5]))
                    self.lows[key] = min(equity, self.lows.get(key, equity))
                case "posting" if entry[1] == "penalty":
                    asset = int(entry[2])
                    decimals = book.assets[asset].decimals
                    self._add(asset, "penalties", Fraction(int(entry[7]), 10**decimals))
                case "deviation":
                    _count(self.deviations, str(entry[1]))

    def _step(self, counts: dict[Key, int], position: int, entry: Entry) -> None:
        key = _key(entry[1], entry[2])
        _count(counts, key)
        self.first.setdefault(key, position)
        self.events.add(position)

    def _add(self, asset: int, name: str, amount: Fraction) -> None:
        key = (asset, name)
        self.amounts[key] = self.amounts.get(key, Fraction(0)) + amount


def scopes_of(book: Book, entry: Entry) -> set[Key]:
    """Return the scopes that an entry is about, by (account, asset) ordinals."""
    fields = dict(zip(ENTRY_FIELDS[str(entry[0])], entry[1:], strict=True))
    asset = fields.get("asset", 0)
    market = fields.get("market", 0)
    if not asset and market:
        asset = book.markets[int(market)].asset
    if entry[0] == "posting":
        sides = ((fields["payer_kind"], fields["payer"]), (fields["payee_kind"], fields["payee"]))
        return {_key(who, asset) for kind, who in sides if kind == "account"}
    if entry[0] in ("funding", "short_index"):  # whoever holds the market accrues by it
        return {scope.key() for scope in book.markets[int(market)].holders.values()}
    named = {fields.get(name, 0) for name in _PEOPLE}
    if entry[0] == "haircut":
        named.add(fields["payer"])
    if fields.get("holder_kind") == "account":
        named.add(fields["holder"])
    return {_key(who, asset) for who in named if who and asset}


def _key(account: str | int, asset: str | int) -> Key:
    return int(account), int(asset)


def _count(counts: dict[_Name, int], name: _Name) -> None:
    counts[name] = counts.get(name, 0) + 1
