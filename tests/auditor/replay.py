"""What a book looks like to somebody who reads the entries alone, and computes nothing else."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from clearing.events import AccountOpened, AssetDeclared, Event, MarketDeclared


@dataclass(frozen=True)
class Held:
    """A position as its last entry stated it; ``index`` and ``accrued`` in whole units."""

    size: int
    cost: int
    index: Fraction
    accrued: Fraction


@dataclass(frozen=True)
class Terms:
    """What of a market's declaration turns size × price into money."""

    asset: int
    multiplier: Fraction
    mark_decimals: int
    size_decimals: int


class Replay:
    """Declarations, and balances, positions, marks and indices as the entries state them."""

    def __init__(self) -> None:
        self.units: list[int] = []
        self.terms: list[Terms] = []
        self.assets: dict[str, int] = {}
        self.funds: set[int] = set()
        self.accounts = 0
        self.balances: Counter[tuple[str, int, int]] = Counter()
        self.positions: dict[tuple[str, int, int], Held] = {}
        self.marks: dict[int, Fraction] = {}
        self.indices: dict[int, Fraction] = {}

    def declared(self, event: Event) -> None:
        """Take up a declaration; ordinals are the order of declaration."""
        if isinstance(event, AssetDeclared):
            self.units.append(int(10**event.decimals))
            self.assets[event.name] = len(self.units)
        elif isinstance(event, MarketDeclared):
            asset = self.assets[event.settlement_asset]
            scales = event.mark_decimals, event.size_decimals
            self.terms.append(Terms(asset, Fraction(event.multiplier), *scales))
        elif isinstance(event, AccountOpened):
            self.accounts += 1
            if event.account_class == "fund":
                self.funds.add(self.accounts)

    def price(self, market: int, mark: int) -> Fraction:
        """A mark at its market's decimals, in whole units."""
        return Fraction(mark, 10 ** self.terms[market - 1].mark_decimals)

    def cash(self, account: int, asset: int) -> int:
        return self.balances["account", account, asset]

    def position(self, account: int, market: int) -> Held:
        return self.positions["account", account, market]

    def holds(self, account: int, asset: int) -> bool:
        """Whether an account has a position in a market of ``asset``."""
        return any(
            held.size and kind == "account" and who == account and self.terms[m - 1].asset == asset
            for (kind, who, m), held in self.positions.items()
        )

    def value(self, market: int, size: int) -> Fraction:
        """Fine value at the mark, in smallest units."""
        terms = self.terms[market - 1]
        whole = Fraction(size, 10**terms.size_decimals) * self.marks[market] * terms.multiplier
        return whole * self.units[terms.asset - 1]

    def pnl(self, market: int, held: Held) -> Fraction:
        """Unrealised PnL in smallest units; nothing without a mark."""
        return self.value(market, held.size) - held.cost if market in self.marks else Fraction(0)

    def inventory(self, account: int, asset: int) -> Fraction:
        """Unrealised PnL and accrued funding of a scope, in smallest units."""
        total = Fraction(0)
        for (kind, ordinal, market), held in self.positions.items():
            terms = self.terms[market - 1]
            if kind == "account" and ordinal == account and terms.asset == asset and held.size:
                size = Fraction(held.size, 10**terms.size_decimals)
                growth = self.indices.get(market, Fraction(0)) - held.index
                accrued = (held.accrued - size * growth) * self.units[asset - 1]
                total += self.pnl(market, held) + accrued
        return total

    def equity(self, account: int, asset: int) -> Fraction:
        return self.cash(account, asset) + self.inventory(account, asset)
