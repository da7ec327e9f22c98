"""Who assumes the positions of a takeover and bears its loss: fund, ADL, deficit.

Each layer takes part of a position for its part of the bankruptcy amount. What a part costs its
taker, measured at the mark, is the loss that this layer bears; the layers' losses add up to minus
the equity of the account that was taken over.
"""

from functools import cmp_to_key

from clearing.engine.collateral import collateral_value
from clearing.engine.margin import holds
from clearing.engine.market import Market
from clearing.engine.positions import apply_fill
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of, measure, position_value, unrealised
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import FundLayer, Waterfall


class Estate:
    """A position to be handed over: signed size and the bankruptcy amount, handed over so far."""

    __slots__ = ("amount", "given", "market", "paid", "size")

    def __init__(self, market: Market, size: int, amount: int) -> None:
        self.market = market
        self.size = size
        self.amount = amount
        self.given = 0
        self.paid = 0

    @property
    def rest(self) -> int:
        """How much of |size| is left."""
        return abs(self.size) - self.given

    def part(self, quantity: int) -> int:
        """Return the part of the amount that goes with the next ``quantity``.

        Its share rounded down, which is to the taker's advantage, so that a fund that can afford
        the share exactly can afford the part; what completes the position takes what is left.
        """
        if quantity == self.rest:
            return self.amount - self.paid
        return self.amount * quantity // abs(self.size)

    def signed(self, quantity: int) -> int:
        """Return ``quantity`` with the sign of the position."""
        return quantity if self.size > 0 else -quantity


class _Losses:
    """The loss borne by each layer, at the working scale."""

    __slots__ = ("adl", "deficit", "fund", "rounding")

    def __init__(self) -> None:
        self.fund = 0
        self.adl = 0
        self.deficit = 0
        self.rounding = 0


def hand_over(
    step: Step, scope: Scope, estates: list[Estate], equity: int, waterfall: Waterfall
) -> None:
    """Hand the estates over, market by market, layer by layer, and state the loss."""
    losses = _Losses()
    fund = step.book.scope(waterfall.fund, scope.asset)
    if equity < 0:
        # Whether it can bear any of the loss or not: its history shows how it stood.
        step.funds[fund.key()] = fund
    for estate in estates:
        if equity >= 0:
            losses.fund += _give(step, scope, estate, fund, estate.rest, "fund")
            continue
        for layer in waterfall.layers:
            if not estate.rest:
                break
            if isinstance(layer, FundLayer):
                quantity = estate.rest
                if not layer.unlimited:
                    quantity = _affordable(step, estate, scope, fund)
                losses.fund += _give(step, scope, estate, fund, quantity, "fund")
            elif layer == "adl":
                losses.adl += _deleverage(step, scope, estate)
            else:
                _leave_deficit(step, scope, estate, fund, losses)
    if equity < 0:
        _note_loss(step, scope, equity, losses)


def _note_loss(step: Step, scope: Scope, equity: int, losses: _Losses) -> None:
    working = step.book.assets[scope.asset].working
    parts = (-equity, losses.fund, losses.adl, losses.deficit, losses.rounding)
    texts = [format_exact(part, working) for part in parts]
    step.entries.append(("loss", scope.account, scope.asset, *texts))


def _part_loss(step: Step, estate: Estate, quantity: int) -> int:
    """Return what the next ``quantity`` costs its taker at the mark, at the working scale."""
    market = estate.market
    lift = step.book.assets[market.asset].lift
    return estate.part(quantity) * lift - estate.signed(quantity) * market.worth


def _affordable(step: Step, estate: Estate, scope: Scope, fund: Scope) -> int:
    """Return the most that the fund can assume in whole lots with its equity staying ≥ 0.

    What it holds of the assets that are the scope's collateral counts at full value.
    """
    equity = equity_of(step.book, fund)
    if scope.rules is not None and scope.rules.collateral is not None:
        equity += collateral_value(step.book, fund, scope.rules.collateral)
    rest, market = estate.rest, estate.market
    if equity < 0:
        return 0
    if _part_loss(step, estate, rest) <= equity:
        return rest
    lot = market.spec.lot
    short_of_all = (rest - 1) // lot
    lift = step.book.assets[market.asset].lift
    whole = estate.amount * lift - estate.size * market.worth
    if whole <= 0:
        return short_of_all * lot
    return min(short_of_all, equity * abs(estate.size) // (whole * lot)) * lot


def _give(step: Step, scope: Scope, estate: Estate, taker: Scope, quantity: int, layer: str) -> int:
    """Hand ``quantity`` to ``taker`` for its part of the amount and return the taker's loss."""
    if not quantity:
        return 0
    market = estate.market
    loss = _part_loss(step, estate, quantity)
    amount, size = estate.part(quantity), estate.signed(quantity)
    note_closed(step, scope, market, layer, taker.account, size, amount, loss)
    estate.given += quantity
    estate.paid += amount
    apply_fill(step, market, step.account_holder(scope.account, market), -size, -amount)
    apply_fill(step, market, step.account_holder(taker.account, market), size, amount)
    return loss


def note_closed(
    step: Step,
    scope: Scope,
    market: Market,
    layer: str,
    taker: int,
    size: int,
    amount: int,
    loss: int,
) -> None:
    """Leave the entry of one part closed; ``loss`` is at the working scale."""
    working = step.book.assets[scope.asset].working
    step.entries.append(
        (
            "closed",
            scope.account,
            scope.asset,
            market.ordinal,
            layer,
            taker,
            size,
            amount,
            market.mark,
            format_exact(loss, working),
        )
    )


def _leave_deficit(step: Step, scope: Scope, estate: Estate, fund: Scope, losses: _Losses) -> None:
    """The fund holds the rest at mark; the deficit account pays what that falls short by."""
    market = estate.market
    lift = step.book.assets[scope.asset].lift
    quantity = estate.rest
    amount, size = estate.part(quantity), estate.signed(quantity)
    value = size * market.worth
    at_mark = divide(value, lift, Rounding.HALF_EVEN)
    short = amount - at_mark
    loss = amount * lift - value
    note_closed(step, scope, market, "deficit", fund.account, size, amount, loss)
    step.move(
        "deficit",
        scope.asset,
        "deficit",
        0,
        "clearing",
        market.ordinal,
        short,
        market.ordinal,
    )
    estate.given += quantity
    estate.paid += amount
    apply_fill(step, market, step.account_holder(scope.account, market), -size, -amount)
    apply_fill(step, market, step.account_holder(fund.account, market), size, at_mark)
    losses.deficit += short * lift
    losses.rounding += at_mark * lift - value


class _Candidate:
    """A counterparty for deleveraging: its features at the working scale."""

    __slots__ = ("denominator", "equity", "notional", "numerator", "pnl", "scope", "size")

    def __init__(self, scope: Scope, size: int, pnl: int, notional: int, equity: int) -> None:
        self.scope = scope
        self.size = size
        self.pnl = pnl
        self.notional = notional
        self.equity = equity
        self.numerator = 0
        self.denominator = 1

    def rank_by(self, cost: int) -> None:
        """Set the rank key: profit × leverage if in profit, else loss ÷ leverage."""
        if self.pnl > 0:
            self.numerator = self.pnl * self.notional
            self.denominator = cost * self.equity
        else:
            self.numerator = self.pnl * self.equity
            self.denominator = cost * self.notional


def _ranked(left: _Candidate, right: _Candidate) -> int:
    a = left.numerator * right.denominator
    b = right.numerator * left.denominator
    if a != b:
        return -1 if a > b else 1
    return left.scope.account - right.scope.account


def _candidates(step: Step, estate: Estate, scope: Scope) -> list[_Candidate]:
    book = step.book
    market = estate.market
    asset = book.assets[market.asset]
    found = []
    for account in sorted(market.holders):
        other = market.holders[account]
        position = other.positions[market.ordinal]
        if other is scope or (position.size > 0) == (estate.size > 0) or book.is_fund(account):
            continue
        now = measure(book, other)
        if now.equity <= 0 or _is_due(other, step):
            continue
        pnl = unrealised(asset, market, position)
        notional = abs(position_value(market, position))
        candidate = _Candidate(other, position.size, pnl, notional, now.equity)
        candidate.rank_by(max(abs(position.cost), 1) * asset.lift)
        found.append(candidate)
    return sorted(found, key=cmp_to_key(_ranked))


def _is_due(scope: Scope, step: Step) -> bool:
    """Whether a closing rung's condition holds for the scope."""
    rules = scope.rules
    if rules is None:
        return False
    now = measure(step.book, scope)
    return any(holds(rules, scope, rung, now) for rung in rules.closing)


def _deleverage(step: Step, scope: Scope, estate: Estate) -> int:
    """Close counterparties by rank at the bankruptcy amount and return what they bore."""
    market = estate.market
    working = step.book.assets[scope.asset].working
    rest = estate.rest
    allotted = []
    for rank, candidate in enumerate(_candidates(step, estate, scope), start=1):
        taken = min(abs(candidate.size), rest)
        rest -= taken
        allotted.append((candidate.scope, taken))
        step.entries.append(
            (
                "adl",
                scope.account,
                scope.asset,
                market.ordinal,
                rank,
                candidate.scope.account,
                candidate.size,
                format_exact(candidate.pnl, working),
                format_exact(candidate.notional, working),
                format_exact(candidate.equity, working),
                taken,
            )
        )
    return sum(_give(step, scope, estate, taker, taken, "adl") for taker, taken in allotted)
