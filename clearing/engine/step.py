"""One event in the making: its entries so far, and what it has touched.

Everything that changes money goes through :meth:`Step.move`, which takes from a payer what it gives
to a payee: no event can create or lose any. Everything that changes a position ends in
:meth:`Step.note_position`. Whatever they touch is tested afterwards.
"""

from typing import Final

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.entries import Entry
from clearing.engine.market import Market
from clearing.engine.scope import KNOWN, Position, Scope
from clearing.events.row import EventRow
from clearing.quantities import Trace, format_exact

NOBODY: Final[frozenset[int]] = frozenset()


END: Final = "end"
"""The name of what stands among the workings where a rung has done its work."""


class Holder:
    """Who holds a position in a market: an account, or the market's control, suspense or contested.

    ``kind`` and ``ordinal`` name it in ``position`` entries, ``ledger_kind`` and
    ``ledger_ordinal`` its ledger account. ``scope`` is None unless it is an account.
    """

    __slots__ = ("kind", "ledger_kind", "ledger_ordinal", "ordinal", "scope")

    def __init__(
        self, kind: str, ordinal: int, ledger_kind: str, ledger_ordinal: int, scope: Scope | None
    ) -> None:
        self.kind = kind
        self.ordinal = ordinal
        self.ledger_kind = ledger_kind
        self.ledger_ordinal = ledger_ordinal
        self.scope = scope


class Step:
    """The work of one event on the book.

    ``touched`` are scopes to test, ``funds`` fund scopes whose history gets a line, by key.
    ``repriced`` are markets whose price trees are to be evaluated, ``moved_markets`` those whose
    mark changed, with the mark before. ``sold`` is what was closed since marks last moved by it,
    by market, signed as it was held. ``contested`` are accounts that a scenario takes the event's
    fill or payment from: their side goes to the market's ``contested`` holder. ``workings``, where
    somebody asks for them, are how rungs came to act and to what they did: how many entries there
    were, the scope, and a working; that of the margin that a rung acted upon is the first of its.
    ``acting`` is the scope whose rung is at work, None between them.
    """

    __slots__ = (
        "acting",
        "book",
        "contested",
        "entries",
        "funds",
        "moved_markets",
        "repriced",
        "row",
        "sold",
        "touched",
        "workings",
    )

    def __init__(self, book: Book, row: EventRow, contested: frozenset[int] = NOBODY) -> None:
        self.book = book
        self.row = row
        self.contested = contested
        self.entries: list[Entry] = []
        self.touched: dict[tuple[int, int], Scope] = {}
        self.funds: dict[tuple[int, int], Scope] = {}
        self.repriced: dict[int, Market] = {}
        self.moved_markets: list[tuple[Market, int]] = []
        self.sold: dict[int, int] = {}
        self.workings: list[tuple[int, Scope, Trace]] | None = None
        self.acting: Scope | None = None

    def working(self, name: str, scope: Scope, market: int = 0) -> Trace | None:
        """Return a working to be filled in, if somebody asks for workings."""
        if self.workings is None:
            return None
        working = Trace(name, account=scope.account, asset=scope.asset, market=market)
        self.leave(working, scope)
        return working

    def leave(self, working: Trace, scope: Scope) -> None:
        """Leave a working that was filled in before, if somebody asks for workings."""
        if self.workings is not None:
            self.workings.append((len(self.entries), scope, working))

    def posting(self, purpose: str, whose: str, account: int, market: int = 0) -> Trace | None:
        """Return the working of the posting that a rung is about to make, if somebody asks for it.

        Its name is the posting's purpose and ``whose`` it is: the working at a posting's own place
        among the entries whose name begins with its purpose is that posting's. ``account`` (0: no
        account's) is what its facts are about.
        """
        if self.acting is None:
            return None
        working = self.working(f"{purpose} {whose}".rstrip(), self.acting, market)
        if working is not None and account:
            working.account = account
        return working

    def touch(self, scope: Scope) -> None:
        """Have ``scope`` tested, and noted in the fund history if it is a fund's."""
        key = (scope.account, scope.asset)
        self.touched[key] = scope
        if scope.secures is not None:
            self.touched[scope.secures.key()] = scope.secures
        if scope.rules is None and self.book.is_fund(scope.account):
            self.funds[key] = scope

    def move(
        self,
        purpose: str,
        asset: int,
        payer_kind: str,
        payer: int,
        payee_kind: str,
        payee: int,
        amount: int,
        market: int = 0,
    ) -> None:
        """Post ``amount`` units from payer to payee; a negative amount goes the other way."""
        if amount == 0:
            return
        if amount < 0:
            payer_kind, payer, payee_kind, payee = payee_kind, payee, payer_kind, payer
            amount = -amount
        self._credit(payer_kind, payer, asset, -amount)
        self._credit(payee_kind, payee, asset, amount)
        self.entries.append(
            ("posting", purpose, asset, payer_kind, payer, payee_kind, payee, amount, market)
        )

    def _credit(self, kind: str, ordinal: int, asset: int, amount: int) -> None:
        book = self.book
        if kind == "account":
            scope = book.scope(ordinal, asset)
            scope.cash += amount
            self.touch(scope)
        else:
            key = (kind, ordinal, asset)
            book.balances[key] = book.balances.get(key, 0) + amount

    def remainder(
        self, operation: str, market: Market, holder: Holder, amount: int, decimals: int
    ) -> None:
        """State what a rounding left: ``amount`` (exact − rounded) at ``decimals`` decimals."""
        if amount:
            self.entries.append(
                (
                    "remainder",
                    operation,
                    market.ordinal,
                    market.asset,
                    holder.kind,
                    holder.ordinal,
                    format_exact(amount, decimals),
                )
            )

    def deviation(
        self,
        code: str,
        *,
        account: int = 0,
        market: int = 0,
        asset: int = 0,
        expected: str = "",
        found: str = "",
        detail: str = "",
    ) -> None:
        """State that the facts contradict the rules: what was expected and what was found."""
        self.entries.append(("deviation", code, account, market, asset, expected, found, detail))

    def account_holder(self, account: int, market: Market) -> Holder:
        """Return the holder for an account ordinal (0: the market's suspense holder)."""
        if account == 0:
            return Holder("suspense", 0, "suspense", 0, None)
        if account in self.contested:
            return Holder("contested", 0, "contested", market.ordinal, None)
        scope = self.book.scope(account, market.asset)
        return Holder("account", account, "account", account, scope)

    def payer(self, account: int, market: int) -> tuple[str, int]:
        """Return the ledger account of an event's account (0: suspense), contested or not."""
        if account in self.contested:
            return ("contested", market)
        return ("account", account) if account else ("suspense", 0)

    def all_holders(self, market: Market) -> list[Holder]:
        """Return everybody who may hold a position: accounts, control, suspense, contested."""
        holders = [self.account_holder(account, market) for account in sorted(market.holders)]
        contested = Holder("contested", 0, "contested", market.ordinal, None)
        return [*holders, self.control_holder(market), self.account_holder(0, market), contested]

    def control_holder(self, market: Market) -> Holder:
        """Return the market's control holder."""
        return Holder("control", 0, "control", market.ordinal, None)

    def position(self, market: Market, holder: Holder) -> Position:
        """Return the holder's position, a flat one at the present index if it has none."""
        if holder.scope is not None:
            position = holder.scope.positions.get(market.ordinal)
            if position is None:
                position = Position(index_at=market.index)
            return position
        return market.houses[holder.kind]

    def note_position(self, market: Market, holder: Holder, position: Position) -> None:
        """Store the holder's position, drop it when flat, and leave its entry."""
        scope = holder.scope
        if scope is not None:
            if position.size:
                scope.positions[market.ordinal] = position
                market.holders[scope.account] = scope
            else:
                if scope.positions.pop(market.ordinal, None) is not None:
                    scope.ended_in = market.ordinal
                market.holders.pop(scope.account, None)
            self.touch(scope)
        self.entries.append(
            (
                "position",
                holder.kind,
                holder.ordinal,
                market.ordinal,
                position.size,
                position.cost,
                1 if position.entry == KNOWN else 0,
                market.index_text(position.index_at),
                format_exact(position.accrued, market.accrued_decimals),
            )
        )


def asset_of(step: Step, market: Market) -> Asset:
    """Return the settlement asset of ``market``."""
    return step.book.assets[market.asset]
