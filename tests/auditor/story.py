"""A third reading: what the entries alone say must hang together, whatever the rules are.

Nothing here folds events. Balances, positions and marks are replayed from the entries, and what the
entries state of equity, of funds, of candidates and of losses is computed again from that replay.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from clearing.events import Event, RulebookAdopted
from tests.auditor.numbers import floor
from tests.auditor.replay import Held, Replay
from tests.auditor.state import Entry

Scope = tuple[int, int]
"""Account and asset, by ordinal."""
HASH_OF_NOTHING = bytes(32)


@dataclass
class Handed:
    """A scope being taken over: what its positions go for, what they are worth, and to whom."""

    amounts: dict[int, int] = field(default_factory=dict)
    values: dict[int, Fraction] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    """Of the amounts, what no taker has paid for yet."""
    losses: dict[str, Fraction] = field(default_factory=dict)
    returned: int = 0
    """Residual and penalties that reached the account since, less what left it."""

    def worth(self) -> Fraction:
        """What takers gain at mark: the equity that the scope had."""
        return sum(self.values.values(), Fraction(0)) - sum(self.amounts.values())


class Story(Replay):
    """Takes every event's entries in order; :attr:`problems` says in words what does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.hash = HASH_OF_NOTHING
        self.events = 0
        self.status: dict[Scope, str] = {}
        self.handed: dict[Scope, Handed] = {}
        self.reduced: tuple[int, int] | None = None
        self.weighed = False
        """Whether any rulebook has said that some of what there is counts for less."""
        self.indebted = False
        """Whether any has said that a reduction may leave a debt."""
        self.covered: tuple[Scope, int] | None = None
        """Who is about to be given what it lacks, and the cash that it has."""
        self.sold: Scope | None = None
        """Whose position was the last to be sold at auction in this event."""
        self.cut: Counter[int] = Counter()
        """By asset: what was cut from gains, less what losers got of it."""

    def tell(self, event: Event, entries: list[Entry], entry_hash: bytes) -> None:
        """Take up one event's entries and the digest that the engine says they lead to."""
        self.declared(event)
        if isinstance(event, RulebookAdopted):
            self.weighed |= "collateral" in event.document
            self.indebted |= '"floor":"none"' in json.dumps(event.document, separators=(",", ":"))
        self.events += 1
        words = json.dumps([self.events, entries], sort_keys=True, separators=(",", ":"))
        self.hash = hashlib.sha256(self.hash + words.encode()).digest()
        self._expect("entry hash", entry_hash.hex(), self.hash.hex())
        self.sold = None
        for entry in entries:
            if entry[0] == "liquidation":
                self.sold = None
            reader = getattr(self, f"_{entry[0]}", None)
            if reader is not None:
                reader(*entry[1:])
        self._rest()

    def _expect(self, what: str, stated: object, found: object) -> None:
        if stated != found:
            self.problems.append(f"{what}: stated {stated}, from the entries {found}")

    def _states(self, what: str, asset: int, stated: str, amount: Fraction) -> None:
        """Expect an amount of smallest units to be ``stated`` in whole units."""
        self._expect(what, Fraction(stated), amount / self.units[asset - 1])

    # What each entry adds, or must agree with.

    def _posting(
        self,
        purpose: str,
        asset: int,
        payer_kind: str,
        payer: int,
        payee_kind: str,
        payee: int,
        amount: int,
        market: int,
    ) -> None:
        if amount <= 0:
            self._expect(f"{purpose} of {market}", amount, "more than nothing")
        scope = self.handed.get((payee, asset))
        if purpose == "residual" and scope is not None:
            self._expect("cash before the residual", 0, self.cash(payee, asset))
            self._expect("residual", amount, floor(scope.worth()))
        self.balances[payer_kind, payer, asset] -= amount
        self.balances[payee_kind, payee, asset] += amount
        if purpose in ("residual", "penalty"):
            for account, change in ((payer, -amount), (payee, amount)):
                if (account, asset) in self.handed:
                    self.handed[account, asset].returned += change
        if purpose == "penalty" and self.equity(payer, asset) < 0:
            self.problems.append(f"a penalty of {amount} left account {payer} below nothing")

    def _position(
        self,
        kind: str,
        holder: int,
        market: int,
        size: int,
        cost: int,
        known: int,
        index: str,
        accrued: str,
    ) -> None:
        if size == 0:
            self._expect(f"cost, entry and accrual of nothing in {market}", (cost, known), (0, 1))
            self._expect(f"accrual of nothing in {market}", accrued, "0")
        now = Held(size, cost, Fraction(index), Fraction(accrued))
        self.positions[kind, holder, market] = now
        if kind == "account" and (holder, market) == self.reduced:
            self.reduced = None
            broke = self.equity(holder, self.terms[market - 1].asset) < 0
            if broke and not self.indebted:
                self.problems.append(f"account {holder} conceded more than it had")

    def _mark(self, market: int, price: int, effective: int) -> None:
        if effective:
            self.marks[market] = self.price(market, price)

    def _funding(
        self, market: int, rate: int, price: int, seconds: int, index: str, moved: int
    ) -> None:
        after = Fraction(index)
        growth = Fraction(rate, 10**12) * self.terms[market - 1].multiplier
        growth *= self.price(market, price)
        before = self.indices.get(market, Fraction(0))
        if after != before:
            self._expect(f"index of {market}", (after, moved), (before + growth, 1))
        self._expect("interval", seconds > 0, True)
        self.indices[market] = after

    def _transition(
        self,
        account: int,
        asset: int,
        before: str,
        after: str,
        equity: str,
        initial: str,
        maintenance: str,
    ) -> None:
        self._finish()
        self._expect(f"status of {account}", before, self.status.get((account, asset), "flat"))
        self.status[account, asset] = after
        self._states(f"equity of {account}", asset, equity, self.equity(account, asset))
        if Fraction(initial) < Fraction(maintenance):
            self._expect("initial", initial, f"at least {maintenance}")

    def _margin_call(self, account: int, asset: int, outcome: str, *more: object) -> None:
        self._finish()
        equity = str(more[3])
        self._states(f"equity at {outcome}", asset, equity, self.equity(account, asset))

    def _liquidation(self, account: int, asset: int, *more: object) -> None:
        self._finish()
        stated, comparator, threshold = str(more[2]), more[3], Fraction(str(more[6]))
        whole = self.equity(account, asset)
        if self.weighed:
            counts = Fraction(stated) * self.units[asset - 1]
            self._expect(f"{counts} of {account} is at most {whole}", counts <= whole, True)
        else:
            self._states(f"equity of {account}", asset, stated, whole)
        true = Fraction(stated) < threshold or (
            comparator == "<=" and Fraction(stated) == threshold
        )
        self._expect(f"inequality of {account}", true, True)
        if more[1] == "takeover":
            self.handed[account, asset] = Handed()
        holds = self.holds(account, asset)
        if more[1] == "cover":
            self._expect(f"{account} has no position", holds, False)
        if more[1] in ("cover", "takeover") and not holds:
            self.covered = ((account, asset), self.cash(account, asset))

    def _fund(self, account: int, asset: int, cash: int, inventory: str, equity: str) -> None:
        self._finish()
        self._expect("a fund", account in self.funds, True)
        self._expect(f"cash of {account}", cash, self.cash(account, asset))
        inside = self.inventory(account, asset)
        self._states(f"inventory of {account}", asset, inventory, inside)
        self._states(f"equity of {account}", asset, equity, cash + inside)

    def _bankruptcy(
        self, account: int, asset: int, market: int, size: int, mark: int, amount: int, *_: object
    ) -> None:
        held, scope = self.position(account, market), self.handed[account, asset]
        self._expect(f"size of {market}", size, held.size)
        self._expect("mark", self.price(market, mark), self.marks.get(market))
        scope.sizes[market], scope.amounts[market], scope.left[market] = size, amount, amount
        scope.values[market] = self.value(market, size)

    def _closed(
        self,
        account: int,
        asset: int,
        market: int,
        layer: str,
        taker: int,
        size: int,
        amount: int,
        mark: int,
        loss: str,
    ) -> None:
        fine = amount - self.value(market, size)
        self._states(f"loss of {layer} in {market}", asset, loss, fine)
        self._expect("mark", self.price(market, mark), self.marks.get(market))
        if layer in ("reduce", "fund", "deficit"):
            self._expect(f"taker {taker} is a fund", taker in self.funds, True)
        if layer == "reduce":
            self.reduced = (account, market)
            return
        if layer == "auction":
            self.sold = (account, asset)
            return
        scope = self.handed[account, asset]
        if not scope.losses:
            cash = self.cash(account, asset)
            costs = sum(self.position(account, m).cost for m in scope.amounts)
            self._expect("all amounts", sum(scope.amounts.values()), costs - cash)
        scope.losses[layer] = scope.losses.get(layer, Fraction(0)) + fine
        scope.sizes[market] -= size
        scope.left[market] -= amount

    def _adl(
        self,
        account: int,
        asset: int,
        market: int,
        rank: int,
        candidate: int,
        size: int,
        pnl: str,
        notional: str,
        equity: str,
        taken: int,
    ) -> None:
        held = self.position(candidate, market)
        self._expect(f"size of {candidate}", size, held.size)
        self._states(f"PnL of {candidate}", asset, pnl, self.pnl(market, held))
        self._states(f"notional of {candidate}", asset, notional, abs(self.value(market, size)))
        self._states(f"equity of {candidate}", asset, equity, self.equity(candidate, asset))
        other = self.position(account, market).size
        fit = size * other < 0 < Fraction(equity) and candidate not in self.funds
        self._expect(f"candidate {candidate} fits", (fit, rank >= 1), (True, True))
        self._expect(f"taken from {candidate}", 0 <= taken <= abs(size), True)

    def _loss(
        self,
        account: int,
        asset: int,
        loss: str,
        fund: str,
        adl: str,
        socialised: str,
        deficit: str,
        rounding: str,
        kept: str,
    ) -> None:
        if self.sold == (account, asset):
            parts = sum(map(Fraction, (fund, socialised, deficit)))
            self._expect("what a sale lacked is made up for", (Fraction(loss), adl), (parts, "0"))
            self.cut[asset] -= int(Fraction(socialised) * self.units[asset - 1])
            return
        if self.covered is not None:
            self._covered(account, asset, loss, [fund, adl, socialised, deficit, rounding, kept])
            return
        if (account, asset) not in self.handed:
            self._lacked(account, asset, loss, [fund, socialised], [adl, deficit, rounding, kept])
            return
        scope = self.handed[account, asset]
        layers = [Fraction(part) for part in (fund, adl, deficit, rounding)]
        self._expect("loss is the sum of its layers", Fraction(loss), sum(layers))
        self._expect("nothing is socialised or kept", Fraction(socialised) + Fraction(kept), 0)
        none = Fraction(0)
        self._states("loss", asset, loss, -scope.worth())
        self._states("loss of the fund", asset, fund, scope.losses.get("fund", none))
        self._states("loss by ADL", asset, adl, scope.losses.get("adl", none))
        rest = (layers[2] + layers[3]) * self.units[asset - 1]
        self._expect("deficit and rounding", rest, scope.losses.get("deficit", none))

    def _covered(self, account: int, asset: int, loss: str, parts: list[str]) -> None:
        """An account without positions got all that its loss says: of a fund, gains, the house."""
        if self.covered is None:
            return
        scope, before = self.covered
        self.covered = None
        got = Fraction(self.cash(account, asset) - before, self.units[asset - 1])
        fund, adl, socialised, deficit, rounding, kept = parts
        self._expect("who is covered", (account, asset), scope)
        self._expect(f"what {account} got", Fraction(loss), got)
        self._expect("who bore it", got, sum(map(Fraction, (fund, socialised, deficit))))
        self._expect("who does not bear it", {adl, rounding, kept}, {"0"})
        self.cut[asset] -= int(Fraction(socialised) * self.units[asset - 1])
        self.handed.pop(scope, None)

    def _haircut(
        self, account: int, asset: int, market: int, payer: int, gain: int, paid: int
    ) -> None:
        covered = account if self.covered is None else self.covered[0][0]
        self._expect("who loses is many, or the one that is covered", account in (0, covered), True)
        self._expect(f"cut of {payer}", 0 <= paid <= gain, True)
        self._expect(f"a fund's gain in {market}", payer in self.funds, False)
        self.cut[asset] += paid

    def _lacked(
        self, account: int, asset: int, loss: str, parts: list[str], others: list[str]
    ) -> None:
        """What losers at a mark got of the fund and of what was cut; they still have no more."""
        self._expect("who else bears it", set(others), {"0"})
        self._expect("loss", Fraction(loss), sum(map(Fraction, parts)))
        self._expect(f"{account} has nothing over", self.cash(account, asset) <= 0, True)
        self.cut[asset] -= int(Fraction(parts[1]) * self.units[asset - 1])

    # What must hold when a part, or all, of an event is done.

    def _finish(self) -> None:
        """A takeover is over: nothing is held, and no cash but what was returned."""
        for (account, asset), scope in self.handed.items():
            cash = self.cash(account, asset)
            self._expect(f"cash of {account} taken over", cash, scope.returned)
            self._expect(f"rest of {account}", {*scope.sizes.values(), *scope.left.values()}, {0})
            for market in scope.amounts:
                size = self.position(account, market).size
                self._expect(f"size of {account} taken over in {market}", size, 0)
        self.handed.clear()

    def _rest(self) -> None:
        """An event is over: sizes cancel in every market, and who holds nothing is flat."""
        self._finish()
        self._expect("what was cut and not given", {*self.cut.values()} - {0}, set())
        sizes: Counter[int] = Counter()
        holding: set[Scope] = set()
        for (kind, holder, market), held in self.positions.items():
            sizes[market] += held.size
            if kind == "account" and held.size:
                holding.add((holder, self.terms[market - 1].asset))
        for market, total in sizes.items():
            self._expect(f"sizes in {market}", total, 0)
        for scope in holding | set(self.status):
            flat = self.status.get(scope, "flat") == "flat"
            owes = self.weighed and self.cash(*scope) < 0
            self._expect(f"{scope} is flat", flat, scope not in holding and not (owes and not flat))
