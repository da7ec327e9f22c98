"""The scenario venue with what reference rows need: single fills, exact readings, one source."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from clearing.engine import Entry, Trace
from clearing.engine.asset import Asset
from clearing.engine.computed_funding import payment_of, price_of
from clearing.engine.funding_period import Ended
from clearing.engine.liquidation_price import liquidation_price
from clearing.engine.market import Market
from clearing.engine.scope import Position, Scope
from clearing.engine.valuation import Measure, accrued_funding, measure, position_value, unrealised
from clearing.quantities import Rounding, divide, exact_decimal
from tests.engine.venue import Venue, deviations, of_kind
from tests.vectors.rows import WIDE


class RefusedError(AssertionError):
    """A rulebook document that the engine did not take."""


def text(value: Decimal) -> str:
    """Write a decimal as events do."""
    return format(value, "f")


def shown(value: int, decimals: int, places: int, rounding: Rounding) -> Decimal:
    """Return ``value`` at ``decimals`` decimals as a source prints it, at ``places``."""
    if places < decimals:
        value = divide(value, 10 ** (decimals - places), rounding)
        decimals = places
    return exact_decimal(value, decimals)


def quotient(value: Fraction) -> Decimal:
    """Return a fraction as a decimal of many digits."""
    return WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))


class Stage(Venue):
    """A venue whose facts are told side by side, as the sources of the rows tell them."""

    def perpetual(self, name: str = "PERP", *, finest: int = 8, **fields: Any) -> None:
        """Declare a market whose sizes and prices have ``finest`` decimals."""
        declared = {"price_decimals": finest, "mark_decimals": finest, "size_decimals": finest}
        lot = text(Decimal(1).scaleb(-int(fields.get("size_decimals", finest))))
        self.market(name, **{"lot": lot, **declared, **fields})

    def fill(
        self, account: str, market: str, size: Decimal, price: str, **more: Any
    ) -> list[Entry]:
        """Tell of one side of an execution; ``size`` is signed (a purchase positive)."""
        side = "buy" if size > 0 else "sell"
        told = {"side": side, "size": text(abs(size)), "price": price, **more}
        return self("Filled", account=account, market=market, **told)

    def pay(self, account: str, amount: Decimal) -> None:
        """Let an amount arrive, or leave if it is negative."""
        if amount:
            kind = "Deposited" if amount > 0 else "Withdrawn"
            self(kind, account=account, asset="USD", amount=text(abs(amount)))

    def adopt(self, document: dict[str, Any], **fields: Any) -> list[Entry]:
        """Adopt a rulebook, which has to be in force afterwards."""
        entries = super().adopt(document, **fields)
        if deviations(entries):
            raise RefusedError(str(of_kind(entries, "deviation")[0]["detail"]))
        return entries

    def coming(self, market: str) -> Ended:
        """Return what the funding period that runs would come to if it ended now."""
        at = self.of_market(market)
        assert at.period is not None, f"{market} has no funding rule"
        return at.period.conclude(price_of(at))

    def ended(self, market: str) -> Ended:
        """Return the last funding period that ended and is not paid yet."""
        at = self.of_market(market)
        assert at.period is not None, f"{market} has no funding rule"
        return at.period.ended[-1]

    def averages(self, market: str) -> list[Decimal]:
        """Return the two averages of the funding period that runs."""
        at = self.of_market(market)
        assert at.period is not None, f"{market} has no funding rule"
        rule, price = at.period.rule, price_of(at)
        pairs = zip(at.period.averages, rule.roles, strict=True)
        return [quotient(average.value(rule, price(role))) for average, role in pairs]

    def payment(self, market: str, ended: Ended) -> Decimal:
        """Return what a unit of size pays for a funding period."""
        at = self.of_market(market)
        return exact_decimal(payment_of(at, ended), at.index_decimals)

    def of_market(self, name: str) -> Market:
        """Return the book's market."""
        return self.engine.book.markets[self.registry.market_ordinals[name]]

    @property
    def asset(self) -> Asset:
        """Return the settlement asset."""
        return self.engine.book.assets[self.registry.asset_ordinals["USD"]]

    def of_account(self, name: str) -> Scope:
        """Return the account's scope in the settlement asset."""
        return self.engine.book.scope(self.ordinal(name), self.asset.ordinal)

    def position(self, account: str, market: str) -> Position:
        """Return what the account holds, which may be nothing."""
        held = self.of_account(account).positions.get(self.of_market(market).ordinal)
        return Position() if held is None else held

    def holds(self, account: str, market: str) -> Decimal:
        """Return the signed size that the account holds."""
        return Decimal(self.size(account, market))

    def balance(self, account: str) -> Decimal:
        """Return the account's cash."""
        return Decimal(self.cash(account))

    def average_entry(self, account: str, market: str) -> Decimal:
        """Return the average entry of what the account holds."""
        at = self.of_market(market)
        held = self.position(account, market)
        scaled, unit = at.payoff.entry(held.size, held.cost)
        return quotient(Fraction(scaled, unit * 10**at.spec.price_decimals))

    def measured(self, account: str, trace: Trace | None = None) -> Measure:
        """Return what the account is worth and what is asked of it."""
        return measure(self.engine.book, self.of_account(account), trace)

    def money(
        self, value: int, places: int | None = None, rounding: Rounding = Rounding.HALF_EVEN
    ) -> Decimal:
        """Return an amount at the working scale as a decimal, at ``places`` if they are named."""
        working = self.asset.working
        return shown(value, working, working if places is None else places, rounding)

    def gain(self, account: str, market: str) -> int:
        """Return the unrealised PnL, at the working scale."""
        return unrealised(self.asset, self.of_market(market), self.position(account, market))

    def worth(self, account: str, market: str) -> int:
        """Return the position's value, at the working scale."""
        return position_value(self.of_market(market), self.position(account, market))

    def accrued(self, account: str, market: str) -> Decimal:
        """Return accrued funding, exactly."""
        at = self.of_market(market)
        owed = accrued_funding(at, self.position(account, market))
        return exact_decimal(owed, at.accrued_decimals)

    def liquidates_at(self, account: str, market: str) -> Decimal | None:
        """Return the mark at which the account would be liquidated."""
        price = liquidation_price(
            self.engine.book, self.of_account(account), self.of_market(market)
        )
        return None if price is None else quotient(price)
