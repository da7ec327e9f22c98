"""The parts that encoding is made of: names to ordinals, decimals to columns, the rest to detail.

What may be said of each kind is in :mod:`encoding`; here is how a name, a number or a reference is
put into a row, and what is refused on the way.
"""

from decimal import Decimal
from typing import Any, Final

from clearing.events.base import EventBase, Reference
from clearing.events.canonical import MAX_DIGITS, canonical_json
from clearing.events.fields import to_microseconds
from clearing.events.kinds import Kind
from clearing.events.refused import EventRefused
from clearing.events.registry import AssetSpec, MarketSpec, Registry
from clearing.events.row import EventRow
from clearing.quantities import NotExact, exact_decimal, to_scaled

VERSION: Final = 1
"""The version of the event schemas written now."""

WIDE: Final = 1 << 63
"""The first integer that no longer fits a column."""

_TOO_LARGE: Final = 10**MAX_DIGITS


class Encoder:
    """One event on its way into a row."""

    __slots__ = ("detail", "registry", "row", "unknown")

    def __init__(self, event: EventBase, kind: int, registry: Registry) -> None:
        self.registry = registry
        self.detail: dict[str, Any] = {}
        self.unknown: dict[str, str] = {}
        source = registry.source_ordinals.get(event.source, 0)
        if not source and kind != Kind.SourceDeclared:
            raise EventRefused("source", event.source, "is not a declared source; declare it first")
        occurred_at = to_microseconds(event.occurred_at)
        self.row = EventRow(
            0,
            kind,
            VERSION,
            0,
            source,
            0,
            0,
            0,
            0,
            occurred_at,
            0,
            0,
            0,
            0,
            event.external_id,
            "",
            "",
        )
        if not source:
            self.detail["source"] = event.source

    def finish(self) -> EventRow:
        """Return the row, with what was gathered for its detail."""
        row, detail = self.row, self.detail
        if self.unknown:
            detail["unknown"] = self.unknown
        widest = max(row.quantity, row.price, row.amount, row.fee)
        if widest >= WIDE or min(row.quantity, row.price, row.amount, row.fee) < -WIDE:
            self._move_wide()
        if detail:
            row.detail = canonical_json(detail)
        return row

    def _move_wide(self) -> None:
        """Keep the numbers that no column can hold in the detail, and 0 in their column."""
        wide = self.detail["wide"] = {}
        for column in ("quantity", "price", "amount", "fee"):
            value = getattr(self.row, column)
            if not -WIDE <= value < WIDE:
                wide[column] = str(value)
                setattr(self.row, column, 0)

    def account(self, field: str, name: str) -> int:
        """Return the ordinal of an account, or 0 and keep the name of one that is not declared."""
        ordinal = self.registry.account_ordinals.get(name, 0)
        if not ordinal:
            self.unknown[field] = name
        return ordinal

    def asset(self, name: str, field: str = "asset") -> AssetSpec:
        """Return the declared asset that ``field`` names."""
        ordinal = self.registry.asset_ordinals.get(name, 0)
        if not ordinal:
            raise EventRefused(field, name, "is not a declared asset; declare it first")
        return self.registry.asset(ordinal)

    def market(self, name: str, field: str = "market") -> MarketSpec:
        """Return the declared market that ``field`` names."""
        ordinal = self.registry.market_ordinals.get(name, 0)
        if not ordinal:
            raise EventRefused(field, name, "is not a declared market; declare it first")
        return self.registry.market(ordinal)

    def scaled(self, field: str, value: Decimal, decimals: int, what: str, owner: str = "") -> int:
        """Return ``value`` as an integer at ``decimals`` decimals, of the owner's ``what``."""
        try:
            scaled = to_scaled(value, decimals)
        except NotExact:
            raise EventRefused(
                field,
                str(value),
                f"has more decimals than {_of(owner, what)}; at most {decimals} are allowed",
            ) from None
        if not -_TOO_LARGE < scaled < _TOO_LARGE:
            raise EventRefused(
                field,
                str(value),
                f"is too large at the {decimals} decimals of {_of(owner, what)}; at most"
                f" {MAX_DIGITS} digits are accepted, decimals included",
            )
        return scaled

    def size(self, field: str, value: Decimal, market: MarketSpec) -> int:
        """Return a size at the market's size decimals; it must be whole lots."""
        size = self.scaled(field, value, market.size_decimals, "sizes", market.name)
        if size % market.lot:
            lot = exact_decimal(market.lot, market.size_decimals)
            raise EventRefused(field, str(value), f"is not a multiple of {market.name}'s lot {lot}")
        return size

    def price(self, field: str, value: Decimal, market: MarketSpec) -> int:
        """Return a price of a fill at the market's price decimals."""
        return self.scaled(field, value, market.price_decimals, "prices", market.name)

    def mark(self, field: str, value: Decimal, market: MarketSpec) -> int:
        """Return a mark or observed price at the market's mark decimals."""
        return self.scaled(field, value, market.mark_decimals, "marks", market.name)

    def amount(self, field: str, value: Decimal, asset: AssetSpec) -> int:
        """Return an amount at the asset's decimals."""
        return self.scaled(field, value, asset.decimals, asset.name)

    def cash(self, value: Decimal, name: str) -> None:
        """Store an amount and its asset."""
        asset = self.asset(name)
        self.row.asset = asset.ordinal
        self.row.amount = self.amount("amount", value, asset)

    def reference(self, field: str, reference: Reference | None) -> None:
        """Keep the identity of another event, if one is named."""
        if reference is not None:
            ordinal = self.registry.source_ordinals.get(reference.source, 0)
            if not ordinal:
                self.unknown[field] = reference.source
            self.detail[field] = [ordinal, reference.external_id]

    def authorised(self, event: Any) -> None:
        """Keep who wanted it, who allowed it, and why."""
        for field in ("author", "approver", "reason"):
            self.detail[field] = getattr(event, field)


def _of(owner: str, what: str) -> str:
    return f"{owner}'s {what}" if owner else what
