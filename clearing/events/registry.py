"""The registry: declared names, their ordinals, and the scales that numbers are read at.

Sources, assets, markets and accounts are declared by events. An ordinal is the place of a
declaration among those of its sort, from 1; what is declared never changes. Rows refer to names by
ordinal, so whoever reads or writes rows carries a registry along.
"""

import json
from decimal import Decimal
from typing import Any, Final, TypeVar

from clearing.events.kinds import Kind
from clearing.events.row import EventRow
from clearing.quantities import to_scaled

_Spec = TypeVar("_Spec")


class SourceSpec:
    """A declared source; ``clock_bound`` is how far ahead of ours its clock may be, in µs."""

    __slots__ = ("clock_bound", "name", "ordinal")

    def __init__(self, ordinal: int, name: str, clock_bound: int) -> None:
        self.ordinal = ordinal
        self.name = name
        self.clock_bound = clock_bound


class AssetSpec:
    """A declared asset; one unit is 10 ** −``decimals``."""

    __slots__ = ("decimals", "name", "ordinal")

    def __init__(self, ordinal: int, name: str, decimals: int) -> None:
        self.ordinal = ordinal
        self.name = name
        self.decimals = decimals


class MarketSpec:
    """A declared market.

    ``multiplier`` is an integer at ``multiplier_decimals``, ``lot`` at ``size_decimals``;
    ``settlement_asset`` and ``base_asset`` (0: it is no spot market) are ordinals, ``expires_at``
    is in microseconds (0: it does not expire).
    """

    __slots__ = (
        "base_asset",
        "expires_at",
        "lot",
        "mark_decimals",
        "multiplier",
        "multiplier_decimals",
        "name",
        "ordinal",
        "payoff",
        "price_decimals",
        "settlement_asset",
        "size_decimals",
    )

    def __init__(
        self,
        ordinal: int,
        name: str,
        payoff: str,
        settlement_asset: int,
        multiplier: int,
        multiplier_decimals: int,
        lot: int,
        price_decimals: int,
        mark_decimals: int,
        size_decimals: int,
        base_asset: int = 0,
        expires_at: int = 0,
    ) -> None:
        self.base_asset = base_asset
        self.expires_at = expires_at
        self.ordinal = ordinal
        self.name = name
        self.payoff = payoff
        self.settlement_asset = settlement_asset
        self.multiplier = multiplier
        self.multiplier_decimals = multiplier_decimals
        self.lot = lot
        self.price_decimals = price_decimals
        self.mark_decimals = mark_decimals
        self.size_decimals = size_decimals


class AccountSpec:
    """An opened account: its class, and its owner and parent if they were named.

    ``isolates`` are the ordinals of the only markets it may trade in; empty: all.
    """

    __slots__ = ("account_class", "isolates", "name", "ordinal", "owner", "parent")

    def __init__(
        self,
        ordinal: int,
        name: str,
        account_class: str,
        owner: str | None,
        parent: int,
        isolates: tuple[int, ...] = (),
    ) -> None:
        self.ordinal = ordinal
        self.name = name
        self.account_class = account_class
        self.owner = owner
        self.parent = parent
        self.isolates = isolates


class Registry:
    """Names to ordinals and ordinals to what was declared.

    :meth:`apply` is the only way in, so ordinals follow the order of the log; whoever looks names
    up must not change the maps.

    ``source_ordinals``, ``asset_ordinals``, ``market_ordinals`` and ``account_ordinals`` map
    names; ``source()``, ``asset()``, ``market()`` and ``account()`` give the declaration of an
    ordinal (:class:`KeyError` if there is none).
    """

    def __init__(self) -> None:
        self.source_ordinals: dict[str, int] = {}
        self.asset_ordinals: dict[str, int] = {}
        self.market_ordinals: dict[str, int] = {}
        self.account_ordinals: dict[str, int] = {}
        self._sources: list[SourceSpec] = []
        self._assets: list[AssetSpec] = []
        self._markets: list[MarketSpec] = []
        self._accounts: list[AccountSpec] = []
        self._rows: list[list[Any]] = []

    def source(self, ordinal: int) -> SourceSpec:
        """Return the source with that ordinal."""
        return _at(self._sources, ordinal, "source")

    def asset(self, ordinal: int) -> AssetSpec:
        """Return the asset with that ordinal."""
        return _at(self._assets, ordinal, "asset")

    def market(self, ordinal: int) -> MarketSpec:
        """Return the market with that ordinal."""
        return _at(self._markets, ordinal, "market")

    def account(self, ordinal: int) -> AccountSpec:
        """Return the account with that ordinal."""
        return _at(self._accounts, ordinal, "account")

    def counts(self) -> tuple[int, int, int, int]:
        """Return how many sources, assets, markets and accounts are declared."""
        return (len(self._sources), len(self._assets), len(self._markets), len(self._accounts))

    def apply(self, row: EventRow) -> None:
        """Take up a declaration: a row of kind 1 to 4, in the order of the log.

        Raises :class:`ValueError` for another kind and for a name that is declared already.
        """
        self._declare(row.kind, row.asset, row.contra, json.loads(row.detail))

    def _declare(self, kind: int, asset: int, contra: int, detail: dict[str, Any]) -> None:
        name = str(detail["name"])
        if kind in _ORDINALS and name in getattr(self, _ORDINALS[kind]):
            raise ValueError(f"{Kind(kind).name} of {name}, which is declared already")
        if kind == Kind.SourceDeclared:
            spec = SourceSpec(
                len(self._sources) + 1, name, detail["clock_bound_seconds"] * 1_000_000
            )
            self._sources.append(spec)
            self.source_ordinals[name] = spec.ordinal
        elif kind == Kind.AssetDeclared:
            self._assets.append(AssetSpec(len(self._assets) + 1, name, detail["decimals"]))
            self.asset_ordinals[name] = len(self._assets)
        elif kind == Kind.MarketDeclared:
            self._markets.append(_market(len(self._markets) + 1, name, asset, contra, detail))
            self.market_ordinals[name] = len(self._markets)
        elif kind == Kind.AccountOpened:
            owner = detail.get("owner")
            ordinal = len(self._accounts) + 1
            isolates = tuple(detail.get("isolates", ()))
            self._accounts.append(
                AccountSpec(ordinal, name, detail["class"], owner, contra, isolates)
            )
            self.account_ordinals[name] = ordinal
        else:
            raise ValueError(f"kind {kind} does not declare a name")
        self._rows.append([kind, asset, contra, detail])

    def copy(self) -> "Registry":
        """Return an independent copy."""
        other = Registry()
        for name in _TABLES:
            setattr(other, name, getattr(self, name).copy())
        return other

    def to_json(self) -> list[list[Any]]:
        """Return the declarations in order, as JSON-ready data: numbers exact, decimals text."""
        return [list(row) for row in self._rows]

    @classmethod
    def from_json(cls, rows: list[list[Any]]) -> "Registry":
        """Return the registry that :meth:`to_json` described."""
        registry = cls()
        for kind, asset, contra, detail in rows:
            registry._declare(kind, asset, contra, detail)
        return registry


_ORDINALS: Final[dict[int, str]] = {
    Kind.SourceDeclared: "source_ordinals",
    Kind.AssetDeclared: "asset_ordinals",
    Kind.MarketDeclared: "market_ordinals",
    Kind.AccountOpened: "account_ordinals",
}

_TABLES: Final = (
    "source_ordinals",
    "asset_ordinals",
    "market_ordinals",
    "account_ordinals",
    "_sources",
    "_assets",
    "_markets",
    "_accounts",
    "_rows",
)


def _at(specs: list[_Spec], ordinal: int, what: str) -> _Spec:
    if not 0 < ordinal <= len(specs):
        raise KeyError(f"{what} {ordinal} is not declared; {len(specs)} are")
    return specs[ordinal - 1]


def _market(
    ordinal: int, name: str, asset: int, base_asset: int, detail: dict[str, Any]
) -> MarketSpec:
    multiplier = Decimal(detail["multiplier"])
    exponent = multiplier.as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    return MarketSpec(
        ordinal,
        name,
        str(detail["payoff"]),
        asset,
        to_scaled(multiplier, decimals),
        decimals,
        to_scaled(Decimal(detail["lot"]), detail["size_decimals"]),
        detail["price_decimals"],
        detail["mark_decimals"],
        detail["size_decimals"],
        base_asset,
        detail.get("expires_at", 0),
    )
