"""The waterfall: who assumes the positions of a takeover and who bears its loss.

Each layer takes part of a position for its part of the bankruptcy amount. A layer that assumes it
bears what the part costs beyond its value at the mark. Layers that pay leave the part to the
waterfall's fund at the mark, and pay the difference among them. The layers' losses add up to minus
the equity of the account that was taken over.
"""

from collections.abc import Iterable

from clearing.engine.backstop import commitments
from clearing.engine.deleveraging import Allotment, allot
from clearing.engine.estate import Estate
from clearing.engine.loss_bearing import (
    capacity_of,
    claim_key,
    fund_equity,
    market_of_loss,
    note_borne,
    note_claimed,
    pay,
)
from clearing.engine.market import Market
from clearing.engine.parts import note_closed
from clearing.engine.positions import apply_fill
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import unrealised
from clearing.engine.waterfall_lines import LossLines
from clearing.quantities import Rounding, Trace, divide, format_exact
from clearing.rulebook import RATE_SCALE, AdlLayer, BackstopLayer, FundLayer, Layer, Waterfall


class HandOver:
    """The hand-over of one scope's estates; ``equity`` (working scale) is what it had before.

    ``taker`` is the ordinal of the account that takes everything where there is no loss.
    """

    def __init__(
        self, step: Step, scope: Scope, equity: int, waterfall: Waterfall, taker: int
    ) -> None:
        self._step = step
        self._scope = scope
        self._equity = equity
        self._waterfall = waterfall
        self._taker = taker
        self._asset = step.book.assets[scope.asset]
        self._borne = dict.fromkeys(("fund", "adl", "haircut", "per_unit", "deficit"), 0)
        self._rounding = 0
        self._paid = False
        self._lines = LossLines(step, scope, waterfall.layers)

    def run(self, estates: list[Estate], deleverages: bool) -> None:
        """Hand the estates over, market by market, layer by layer, and state the loss."""
        layers = self._waterfall.layers
        if self._equity < 0:
            self._note_funds()
        if deleverages:
            first = next(i for i, layer in enumerate(layers) if isinstance(layer, AdlLayer))
            layers = layers[first:]
        for estate in estates:
            if self._equity >= 0 and not deleverages:
                name = "fund" if self._taker == self._waterfall.fund else "backstop"
                self._give(estate, self._taker, estate.rest, name)
            else:
                self._go_down(estate, layers)
        self._pay_what_is_missing(layers)
        if self._equity < 0 or self._paid:
            self._note_loss(self._scope.cash * self._asset.lift)

    def _note_funds(self) -> None:
        """Have every fund's history show how it stood, whether it can bear any of it or not."""
        for account in self._waterfall.funds:
            fund = self._step.book.scope(account, self._scope.asset)
            self._step.funds[fund.key()] = fund

    def _go_down(self, estate: Estate, layers: list[Layer]) -> None:
        for group in _groups(layers, estate.market):
            if not estate.rest:
                return
            layer = group[0]
            if isinstance(layer, AdlLayer):
                self._deleverage(estate, layer)
            elif isinstance(layer, BackstopLayer):
                clause = self._lines.clause(layer)
                found = commitments(self._step, self._scope, estate, layer, clause)
                for account, quantity in found:
                    self._give(estate, account, quantity, "backstop")
            elif isinstance(layer, FundLayer) and layer.assumes:
                fund = self._step.book.scope(layer.account, self._scope.asset)
                quantity = self._affordable(estate, layer, fund)
                loss = self._give(estate, fund.account, quantity, "fund")
                self._note_borne(fund, loss, estate.market)
            else:
                self._pay(estate, group)

    def _loss(self, estate: Estate, quantity: int) -> int:
        """Return what the next ``quantity`` costs beyond its value, at the working scale."""
        value = estate.signed(quantity) * estate.market.worth
        return estate.part(quantity) * self._asset.lift - value

    def _affordable(self, estate: Estate, layer: FundLayer, fund: Scope) -> int:
        """Return the most whole lots that the layer's fund can assume, or all that is left."""
        rest = estate.rest
        if layer.notional and estate.market.worth:
            equity = max(0, fund_equity(self._step.book, self._scope, fund))
            most = equity * layer.notional // (RATE_SCALE * abs(estate.market.worth))
            rest = min(rest, most if most >= rest else _lots(most, estate.market))
            self._lines.by_notional(estate, layer, equity, rest)
        lines = self._lines.capacity(layer)
        capacity = capacity_of(self._step, self._scope, layer, estate.market, trace=lines)
        quantity = rest if capacity is None else self._within(estate, rest, capacity)
        self._lines.taken(
            estate, f"fund {self._name(fund.account)}", rest, quantity, capacity, lines
        )
        return quantity

    def _name(self, account: int) -> str:
        return self._step.book.registry.account(account).name

    def _within(self, estate: Estate, rest: int, capacity: int) -> int:
        """Return the most of ``rest`` whose loss is at most ``capacity`` (working scale).

        All of it, or whole lots.
        """
        if capacity < 0:
            return 0
        if self._loss(estate, rest) <= capacity:
            return rest
        lot = estate.market.spec.lot
        most = (rest - 1) // lot
        whole = estate.amount * self._asset.lift - estate.size * estate.market.worth
        if whole > 0:
            most = min(most, capacity * abs(estate.size) // (whole * lot))
        return most * lot

    def _give(self, estate: Estate, taker: int, quantity: int, name: str) -> int:
        """Hand ``quantity`` to an account for its part of the amount; return its loss."""
        if not quantity:
            return 0
        loss = self._loss(estate, quantity)
        self._exchange(estate, taker, quantity, estate.part(quantity), name, loss)
        self._bear("adl" if name == "adl" else "fund", taker, loss)
        return loss

    def _bear(self, layer: str, account: int, loss: int) -> None:
        """Note who bore a part of the loss (working scale); account 0: no one account did."""
        self._borne[layer] += loss
        self._lines.borne(layer, self._name(account) if account else layer, loss)

    def _exchange(
        self,
        estate: Estate,
        taker: int,
        quantity: int,
        amount: int,
        name: str,
        loss: int,
        price: int | None = None,
    ) -> None:
        """Close ``quantity`` against ``taker`` for ``amount``, and leave the entry.

        ``price`` is what made the amount, if not the bankruptcy amount.

        Where variation margin is paid a position is assumed at the mark, and the rest in cash.
        """
        step, market, size = self._step, estate.market, estate.signed(quantity)
        self._lines.closed(estate, taker, quantity, amount, name, loss, price)
        note_closed(step, self._scope, market, name, taker, size, amount, loss)
        estate.take(quantity)
        apply_fill(step, market, step.account_holder(self._scope.account, market), -size, -amount)
        cost = amount
        if market.variation is not None and name != "adl":
            cost = divide(size * market.worth, self._asset.lift, Rounding.HALF_EVEN)
        apply_fill(step, market, step.account_holder(taker, market), size, cost)
        here = market.ordinal
        if amount != cost:
            self._lines.at_mark_in_cash(market, taker, size, amount, amount - cost)
        step.move(
            "variation", market.asset, "account", taker, "clearing", here, amount - cost, here
        )

    def _deleverage(self, estate: Estate, layer: AdlLayer) -> None:
        for allotment in allot(self._step, self._scope, estate, layer):
            self._take_from(estate, allotment)

    def _take_from(self, estate: Estate, allotment: Allotment) -> None:
        """Close one counterparty: at the bankruptcy amount, or at its layer's price.

        At a price, what the account gets less than its bankruptcy amount stays missing.
        """
        if not allotment.taken:
            return
        if allotment.price is None:
            self._give(estate, allotment.account, allotment.taken, "adl")
            return
        market = estate.market
        size = estate.signed(allotment.taken)
        amount = divide(size * market.worth_at(allotment.price), self._asset.lift, Rounding.DOWN)
        loss = amount * self._asset.lift - size * market.worth
        taker, taken = allotment.account, allotment.taken
        self._exchange(estate, taker, taken, amount, "adl", loss, allotment.price)
        self._bear("adl", taker, loss)

    def _pay(self, estate: Estate, group: list[Layer]) -> None:
        """Leave as much to the fund, at the mark, as the group can pay the difference of."""
        step, scope, market = self._step, self._scope, estate.market
        lift = self._asset.lift
        capacities, lines = self._capacities(group, estate)
        limits = [capacity for capacity in capacities if capacity is not None]
        unlimited = len(limits) < len(capacities)
        quantity = estate.rest
        if not unlimited:
            quantity = self._within(estate, estate.rest, sum(limits))
            self._lines.taken_by_group(estate, group, quantity, sum(limits), lines)
        if not quantity:
            return
        name, fund, size = group[-1].name, self._waterfall.fund, estate.signed(quantity)
        amount, loss, value = (
            estate.part(quantity),
            self._loss(estate, quantity),
            size * market.worth,
        )
        if loss <= 0 and name not in ("fund", "deficit"):
            self._give(estate, fund, quantity, "fund")
            return
        # Rounded up where capacity is limited, so that what is short never exceeds it.
        at_mark = divide(value, lift, Rounding.HALF_EVEN if unlimited else Rounding.UP)
        self._lines.closed(estate, fund, quantity, amount, name, loss)
        self._lines.at_mark(market, size, at_mark, "half_even" if unlimited else "up")
        note_closed(step, scope, market, name, fund, size, amount, loss)
        estate.take(quantity)
        apply_fill(step, market, step.account_holder(scope.account, market), -size, -amount)
        apply_fill(step, market, step.account_holder(fund, market), size, at_mark)
        self._share_out(group, capacities, lines, amount - at_mark, market)
        self._rounding += at_mark * lift - value

    def _share_out(
        self,
        group: list[Layer],
        capacities: list[int | None],
        lines: list[Trace | None],
        short: int,
        market: Market | None,
    ) -> None:
        """Have the layers of a group pay ``short`` units, each as much as it can, in order."""
        lift = self._asset.lift
        for layer, capacity, line in zip(group, capacities, lines, strict=True):
            last = layer is group[-1]
            part = short if capacity is None or last else min(short, capacity // lift)
            if part < 0 and not last:
                continue
            limited = capacity is not None and not last
            self._lines.pays(layer, short, part, line if limited else None, market)
            short -= part
            pay(self._step, self._scope, layer, part, market)
            account = layer.account if isinstance(layer, FundLayer) else 0
            self._bear(layer.name, account, part * lift)
            self._paid = self._paid or part > 0
            if isinstance(layer, FundLayer):
                fund = self._step.book.scope(layer.account, self._scope.asset)
                self._note_borne(fund, part * lift, market)

    def _pay_what_is_missing(self, layers: list[Layer]) -> None:
        """Have paying layers make up for a balance below zero that closes at a price left."""
        missing = -self._scope.cash
        if not self._scope.positions and missing > 0:
            self._pay_account(layers, missing)

    def _pay_account(self, layers: list[Layer], missing: int) -> None:
        paying = [layer for layer in layers if not layer.assumes and not layer.markets]
        self._share_out(paying, *self._capacities(paying, None), missing, None)

    def _capacities(
        self, layers: list[Layer], estate: Estate | None
    ) -> tuple[list[int | None], list[Trace | None]]:
        """Return what each layer can bear; what a fund bears in one it has no more in the next.

        With the workings, if anybody asks for them.
        """
        found: list[int | None] = []
        lines: list[Trace | None] = []
        used: dict[int, int] = {}
        for layer in layers:
            account = layer.account if isinstance(layer, FundLayer) else 0
            realises = self._realises(account, estate)
            market = None if estate is None else estate.market
            line = self._lines.capacity(layer)
            capacity = capacity_of(self._step, self._scope, layer, market, realises, line)
            if account and capacity is not None:
                before = used.get(account, 0)
                capacity = max(0, capacity - before)
                used[account] = before + capacity
                self._lines.left_of(line, before, capacity)
            found.append(capacity)
            lines.append(line)
        return found, lines

    def _realises(self, account: int, estate: Estate | None) -> int:
        """Return what of its cash a fund may lose by taking an estate (working scale): at most.

        It realises the loss of a position of the other side that it has.
        """
        if estate is None or account != self._waterfall.fund:
            return 0
        market, fund = estate.market, self._step.book.scope(account, self._scope.asset)
        position = fund.positions.get(market.ordinal)
        if position is None or (position.size > 0) == (estate.size > 0):
            return 0
        lost = max(0, -unrealised(self._asset, market, position))
        size = abs(position.size)
        return -(-lost * min(estate.rest, size) // size)

    def _note_borne(self, fund: Scope, loss: int, market: Market | None) -> None:
        """Note a fund's loss wherever a waterfall limits it: in a period, by its claim."""
        book = self._step.book
        layers = [
            layer
            for layer in self._waterfall.layers
            if isinstance(layer, FundLayer) and layer.account == fund.account
        ]
        periods = {layer.period for layer in layers if layer.period}
        periods |= {period for *key, period in book.borne if (*key,) == fund.key()}
        note_borne(self._step, sorted(periods), fund, loss)
        where = market_of_loss(book, self._scope, market)
        limited = any(layer.claim is not None for layer in layers)
        if limited or claim_key(fund, where) in book.claimed:
            note_claimed(self._step, fund, where, loss)

    def cover(self, missing: int, *, told: bool) -> None:
        """Have layers that pay give the account ``missing`` units, and state the loss."""
        self._note_funds()
        self._pay_account(self._waterfall.layers, missing)
        lift, scope = self._asset.lift, self._scope
        beyond = missing * lift - self._borne["fund"]
        if told and beyond:
            self._step.deviation(
                "shortfall_beyond_funds",
                account=scope.account,
                asset=scope.asset,
                found=format_exact(beyond, self._asset.working),
            )
        self._note_loss(0)

    def _note_loss(self, kept: int) -> None:
        """State the loss, who bore it, and what the account keeps beyond it."""
        borne, working = self._borne, self._asset.working
        socialised = borne["haircut"] + borne["per_unit"]
        parts = (-self._equity, borne["fund"], borne["adl"], socialised, borne["deficit"])
        figures = (*parts, self._rounding, kept)
        self._lines.loss(*figures)
        texts = [format_exact(part, working) for part in figures]
        self._step.entries.append(("loss", self._scope.account, self._scope.asset, *texts))


def cover(step: Step, scope: Scope, waterfall: Waterfall, missing: int, *, told: bool) -> None:
    """Have the layers that pay make up for ``missing`` units of what a part fetched.

    Where others than funds have to for a fill that a venue ``told``, a deviation says so: the venue
    would not have made it.
    """
    hand = HandOver(step, scope, -missing * step.book.assets[scope.asset].lift, waterfall, 0)
    hand.cover(missing, told=told)


def _groups(layers: Iterable[Layer], market: Market) -> list[list[Layer]]:
    """Return the layers that stand for a market; those that pay and follow each other together."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.markets and market.ordinal not in layer.markets:
            continue
        if groups and not layer.assumes and not groups[-1][-1].assumes:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return groups


def _lots(size: int, market: Market) -> int:
    return size // market.spec.lot * market.spec.lot
