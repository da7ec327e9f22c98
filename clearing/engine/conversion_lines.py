"""The workings of collateral that changes hands: how much of it, for how much, at which marks.

Each is named as its posting's purpose (:meth:`~clearing.engine.step.Step.posting`). Nothing is
computed here but the text of it; figures are those that are posted.
"""

from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.working import face_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact
from clearing.rulebook import RATE_SCALE, CollateralRule, RepayAndSeizeRung


class SaleLines:
    """The workings of one sale of collateral, made before it: what is sold, and for how much.

    ``discount`` (at RATE_SCALE) is what the price leaves off the value. ``limited``: no more is
    sold than repays what the account owes in its settlement asset.
    """

    def __init__(
        self, step: Step, scope: Scope, rule: CollateralRule, discount: int = 0, *, limited: bool
    ) -> None:
        self._step = step
        self._scope = scope
        self._rule = rule
        self._discount = discount
        self._limited = limited
        self._asset = step.book.assets[scope.asset]
        self._other = step.book.registry.asset(rule.asset)
        self._balance = step.book.scopes[scope.account, rule.asset].cash
        self._owed = -scope.cash

    def _lines(self, asset: int) -> Trace | None:
        spec, market = self._step.book.registry.asset(asset), self._step.book.markets
        whose = f"{spec.name} at {market[self._rule.market].spec.name}"
        lines = self._step.posting("conversion", whose, 0, self._rule.market)
        if lines is not None:
            lines.asset = self._rule.asset
        return lines

    def _full(self) -> Trace:
        """Return what all of it would fetch."""
        market = self._step.book.markets[self._rule.market]
        full = Trace("full price", market=self._rule.market, asset=self._rule.asset)
        full.formula = f"down(balance * abs(value_of_one) * (1 - discount), {self._asset.decimals})"
        full.value("balance", self._balance, self._other.decimals)
        face_lines(full, market, market.price("collateral"))
        full.value("discount", self._discount, RATE_DECIMALS, "rung.discount")
        return full

    def sold(self, quantity: int, price: int) -> None:
        """State how much is sold, where all of it would fetch ``price`` units."""
        lines = self._lines(self._rule.asset)
        if lines is None:
            return
        lines.formula = "balance"
        lines.value("balance", self._balance, self._other.decimals)
        if self._limited and price > self._owed:
            lines.formula = f"min(balance, up(balance * owed / full_price, {self._other.decimals}))"
            lines.value("owed", self._owed, self._asset.decimals, "in the settlement asset")
            full = self._full()
            full.finish(price, self._asset.decimals)
            lines.inputs.append(full)
        lines.finish(quantity, self._other.decimals)

    def paid(self, full_price: int, price: int) -> None:
        """State for how much it is sold."""
        lines = self._lines(self._scope.asset)
        if lines is None:
            return
        full = self._full()
        full.finish(full_price, self._asset.decimals, "rounded in the taker's favour")
        lines.formula = "min(full_price, owed)" if self._limited else "full_price"
        lines.inputs.append(full)
        if self._limited:
            lines.value("owed", self._owed, self._asset.decimals, "in the settlement asset")
        lines.finish(price, self._asset.decimals)


class SeizureLines:
    """The workings of a debt repaid for collateral, each made just before its posting.

    Of the ``debt`` and the ``collateral``: (asset, units, what one unit is worth at the working
    scale).
    """

    def __init__(
        self,
        step: Step,
        scope: Scope,
        rung: RepayAndSeizeRung,
        debt: tuple[int, int, int],
        collateral: tuple[int, int, int],
    ) -> None:
        self._step = step
        self._scope = scope
        self._rung = rung
        self._debt = debt
        self._collateral = collateral

    def _amount(self, name: str, side: tuple[int, int, int], note: str) -> Trace:
        asset, units, _ = side
        lines = fact(name, units, self._step.book.registry.asset(asset).decimals, note)
        lines.asset = asset
        return lines

    def _worth(self, name: str, side: tuple[int, int, int]) -> Trace:
        """Return what a whole one of an asset is worth in the settlement asset."""
        asset, _, unit = side
        working = self._step.book.assets[self._scope.asset].working
        one = unit * 10 ** self._step.book.registry.asset(asset).decimals
        rule = self._rule(asset)
        if rule is None:
            return fact(name, one, working, "of the settlement asset")
        market: Market = self._step.book.markets[rule.market]
        lines = Trace(name, "abs(value_of_one)", market=rule.market, asset=asset)
        face_lines(lines, market, market.price("collateral"))
        lines.finish(one, working)
        return lines

    def _rule(self, asset: int) -> CollateralRule | None:
        rules = self._scope.rules
        policy = None if rules is None else rules.collateral
        found = [] if policy is None else [rule for rule in policy.rules if rule.asset == asset]
        return found[0] if found else None

    def _wanted(self) -> Trace:
        """Return how much of the debt may be repaid: by the close factor, or all of a small one."""
        asset, units, unit = self._debt
        places = self._step.book.registry.asset(asset).decimals
        settlement = self._step.book.assets[self._scope.asset]
        lines = Trace("may repay")
        share = f"up(debt * close_factor, {places})"
        lines.formula = f"choose(below(debt * worth_of_debt, minimum_value), debt, {share})"
        lines.inputs.append(self._amount("debt", self._debt, "the largest by value"))
        lines.inputs.append(self._worth("worth of debt", self._debt))
        lines.value("close factor", self._rung.close_factor, RATE_DECIMALS, "rung.close_factor")
        minimum = self._rung.minimum_value
        lines.value("minimum value", minimum, settlement.decimals, "rung.minimum_value")
        small = units * unit < minimum * settlement.lift
        may = units if small else -(-units * self._rung.close_factor // RATE_SCALE)
        lines.finish(may, places)
        return lines

    def _seized(self, seized: int) -> Trace:
        """Return how much collateral goes: worth what is repaid and the bonus, at most all."""
        asset = self._collateral[0]
        places = self._step.book.registry.asset(asset).decimals
        worth = "may_repay * worth_of_debt * (1 + bonus) / worth_of_collateral"
        lines = Trace("seized", f"min(collateral, down({worth}, {places}))")
        lines.inputs.append(self._amount("collateral", self._collateral, "the most by value"))
        lines.inputs.append(self._wanted())
        lines.inputs.append(self._worth("worth of debt", self._debt))
        lines.inputs.append(self._worth("worth of collateral", self._collateral))
        lines.value("bonus", self._rung.bonus, RATE_DECIMALS, "rung.bonus")
        lines.finish(seized, places)
        return lines

    def repaid(self, owed: int, seized: int, *, all_of_it: bool) -> None:
        """State how much of the debt the keeper repays.

        ``all_of_it``: all of the collateral goes, for as much of the debt as it pays for.
        """
        name = self._step.book.registry.asset(self._debt[0]).name
        lines = self._step.posting("repayment", name, 0)
        if lines is None:
            return
        places = self._step.book.registry.asset(self._debt[0]).decimals
        lines.formula = "may_repay"
        lines.inputs.append(self._wanted())
        if all_of_it:
            worth = "seized * worth_of_collateral / (worth_of_debt * (1 + bonus))"
            lines.formula = f"min(may_repay, up({worth}, {places}))"
            lines.inputs.append(self._seized(seized))
            lines.inputs.append(self._worth("worth of debt", self._debt))
            lines.inputs.append(self._worth("worth of collateral", self._collateral))
            lines.value("bonus", self._rung.bonus, RATE_DECIMALS, "rung.bonus")
        lines.finish(owed, places)

    def given(self, who: int, seized: int, amount: int, *, protocol: bool) -> None:
        """State how much of what is seized goes to the keeper, or to the protocol."""
        registry = self._step.book.registry
        asset = self._collateral[0]
        whose = f"{registry.asset(asset).name} {registry.account(who).name}"
        lines = self._step.posting("seizure", whose, 0)
        if lines is None:
            return
        places = registry.asset(asset).decimals
        extra = f"(seized - down(seized / (1 + bonus), {places}))"
        share = f"down({extra} * protocol_share, {places})"
        lines.formula = share if protocol else f"seized - {share}"
        lines.inputs.append(self._seized(seized))
        lines.value("bonus", self._rung.bonus, RATE_DECIMALS, "rung.bonus")
        share_rate = self._rung.protocol_share
        lines.value("protocol share", share_rate, RATE_DECIMALS, "rung.protocol_share")
        lines.finish(amount, places)
