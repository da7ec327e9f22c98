"""The fold itself: event after event, in the order of work that ``docs/semantics.md`` fixes.

:class:`Engine` owns the book, the watch and the digest chain. It does no input or output, knows no
clock, and looks at nothing but the events it is given and, through the resolver, at events that
came before.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final, Literal

from clearing.engine.adoption import adopt, put_scheduled_in_force
from clearing.engine.asset import Asset
from clearing.engine.bands import BandedWatch
from clearing.engine.book import Book
from clearing.engine.breakers import change_state, run_breakers
from clearing.engine.cash import Resolver, apply_cash, confirm_deposit
from clearing.engine.computed_funding import apply_sample, settle_due
from clearing.engine.content import Content
from clearing.engine.entries import GENESIS_HASH, Entry, chain
from clearing.engine.funding import apply_paid, apply_settled
from clearing.engine.impact import move_marks
from clearing.engine.interest import apply_interest, apply_interest_paid
from clearing.engine.ladder import in_order, run_ladder
from clearing.engine.margin import examine, fire
from clearing.engine.market_states import SETTLED
from clearing.engine.observed import apply_observation
from clearing.engine.owed_funding import state_unpaid
from clearing.engine.pools import apply_pool
from clearing.engine.prices import evaluate, mark_told, observe_price, reprice_timed
from clearing.engine.reversal import reverse
from clearing.engine.scope import Scope
from clearing.engine.settlement import settle_market
from clearing.engine.snapshot import book_document, canonical_text, read_snapshot
from clearing.engine.step import NOBODY, Step
from clearing.engine.taking import apply_bid, apply_take
from clearing.engine.trading import apply_carried, apply_execution
from clearing.engine.valuation import Measure, equity_of, measure
from clearing.engine.variation import settle_to_marks
from clearing.engine.volatility import sample_due
from clearing.engine.watch import NaiveWatch, Watch
from clearing.events.kinds import MARKET_STATES, REGISTRY_KINDS, Kind
from clearing.events.row import EventRow
from clearing.quantities import Trace, format_exact

ENGINE_VERSION: Final = "6"
"""Names the arithmetic: it changes whenever the same events could give other entries."""

WatchName = Literal["banded", "naive"]


class OutOfOrder(ValueError):  # noqa: N818 - reads as the statement that it is
    """An event does not follow the last one applied: a hole, or a log read out of order."""


class UnknownKind(ValueError):  # noqa: N818 - reads as the statement that it is
    """An event's kind is not one that this engine knows."""


class Engine:
    """A book and the fold that keeps it.

    ``position`` is the last applied log position, ``entry_hash`` the digest chain up to it. The
    ``resolver`` finds earlier events for reversals and corrections.
    """

    def __init__(self, *, resolver: Resolver, watch: WatchName = "banded") -> None:
        self.book = Book()
        self.position = 0
        self.entry_hash = GENESIS_HASH
        self._resolver = resolver
        self._overridden: list[Scope] = []
        self._watch: Watch = BandedWatch() if watch == "banded" else NaiveWatch()

    def apply(self, row: EventRow) -> list[Entry]:
        """Apply the next event and return its entries.

        Raises :class:`OutOfOrder` unless ``row.position`` is the next one, and
        :class:`UnknownKind`; after either the engine is as it was.
        """
        if row.position != self.position + 1:
            raise OutOfOrder(f"expected log position {self.position + 1}, got {row.position}")
        return self._apply(row, NOBODY)

    def explain(self, row: EventRow) -> tuple[list[Entry], list[tuple[int, Scope, Trace]]]:
        """Apply the next event like :meth:`apply`, and say what rungs acted upon and did.

        Each working comes with the number of entries before it, and the scope: ``margin`` just
        before a rung acted, then each figure of what it did.
        """
        if row.position != self.position + 1:
            raise OutOfOrder(f"expected log position {self.position + 1}, got {row.position}")
        workings: list[tuple[int, Scope, Trace]] = []
        return self._apply(row, NOBODY, workings), workings

    def apply_contested(self, row: EventRow, contested: frozenset[int]) -> list[Entry]:
        """Apply the next event of a scenario, or one more at the present position.

        The sides of the ``contested`` accounts go to the market's contested holder. Raises like
        :meth:`apply`.
        """
        if row.position not in (self.position, self.position + 1):
            raise OutOfOrder(
                f"expected log position {self.position} or the next, got {row.position}"
            )
        return self._apply(row, contested)

    def resolve(self, source: int, external_id: str) -> EventRow | None:
        """Return an earlier event by its identity, as reversals and corrections find theirs."""
        return self._resolver(source, external_id)

    def skip(self) -> None:
        """Go past the next event of the log, which a scenario leaves out: it has no entries."""
        self.position += 1
        self.entry_hash = chain(self.entry_hash, self.position, [])

    def override(self, scopes: Iterable[tuple[int, int]]) -> None:
        """Take scopes, by (account, asset), out of the record: from the next event on, derive.

        They are tested with it, as if it had touched them.
        """
        for key in sorted(set(scopes) - self.book.overridden):
            self.book.overridden.add(key)
            self._overridden.append(self.book.scope(*key))

    def _apply(
        self,
        row: EventRow,
        contested: frozenset[int],
        workings: list[tuple[int, Scope, Trace]] | None = None,
    ) -> list[Entry]:
        if row.kind not in _KINDS:
            raise UnknownKind(f"log position {row.position} has kind {row.kind}, unknown here")
        book = self.book
        step = Step(book, row, contested)
        step.workings = workings
        for scope in self._overridden:
            step.touch(scope)
        self._overridden.clear()
        _note_time(step)
        if book.scheduled:
            put_scheduled_in_force(step, row.position)
        self._apply_fact(step)
        # Contested is what the event tells; what follows from it closes whoever holds a position.
        step.contested = NOBODY
        _note_funds(step)
        if row.kind in _CLOCKS:
            book.time = max(book.time, row.occurred_at)
            if book.priced:
                reprice_timed(step)
        if step.repriced:
            evaluate(step)
        if book.priced:
            run_breakers(step)
        settle_to_marks(step)
        for market, before in step.moved_markets:
            for scope in self._watch.on_mark(market, before):
                step.touched[scope.key()] = scope
        if row.kind in _CLOCKS:
            _pass_time(step)
        self._settle(step)
        self.position = row.position
        self.entry_hash = chain(self.entry_hash, row.position, step.entries)
        return step.entries

    def _apply_fact(self, step: Step) -> None:
        row = step.row
        kind = row.kind
        if kind in REGISTRY_KINDS:
            _declare(step)
            return
        content = Content(row)
        apply_fact = _FACTS.get(kind)
        if apply_fact is not None:
            apply_fact(step, content)
        elif kind == Kind.Marked:
            self._apply_marks(step, content)
        elif kind == Kind.DepositConfirmed:
            confirm_deposit(step, content, self._resolver)
        elif kind == Kind.Reversed:
            reverse(step, content, self._resolver)

    def _apply_marks(self, step: Step, content: Content) -> None:
        amended = self._amended(content)
        for ordinal, price in content.marks():
            mark_told(step, step.book.markets[ordinal], price, amended)

    def _amended(self, content: Content) -> int | None:
        """Return the position of the mark that this one corrects (0: not found), or None."""
        source, external_id = content.reference("amends")
        if not external_id:
            return None
        target = self._resolver(source, external_id) if source else None
        return 0 if target is None else target.position

    def _settle(self, step: Step) -> None:
        """Test what the event touched, act on what is due, test again, until nothing is due."""
        book, watch = step.book, self._watch
        while step.touched:
            tested = sorted(step.touched.values(), key=Scope.key)
            step.touched = {}
            due: list[tuple[Scope, Measure]] = []
            for scope in tested:
                if watch.holds(book, scope):
                    continue
                verdict = examine(step, scope)
                if verdict.due:
                    due.append((scope, verdict.measure))
                watch.examined(book, scope, verdict.measure)
            if due:
                for scope in in_order(step, due):
                    run_ladder(step, scope)
                for market, before in move_marks(step):
                    for scope in watch.on_mark(market, before):
                        step.touched[scope.key()] = scope
            _note_funds(step)

    def snapshot(self) -> str:
        """Return the engine as canonical JSON: position, entry hash and the whole book."""
        return canonical_text(
            {
                "engine": ENGINE_VERSION,
                "position": self.position,
                "entry_hash": self.entry_hash.hex(),
                "book": book_document(self.book),
            }
        )

    @classmethod
    def restore(cls, snapshot: str, *, resolver: Resolver, watch: WatchName = "banded") -> "Engine":
        """Return the engine that :meth:`snapshot` described.

        Raises :class:`ValueError` if it was written by another engine version or is malformed.
        """
        document = read_snapshot(snapshot, ENGINE_VERSION)
        engine = cls(resolver=resolver, watch=watch)
        engine.book = document.book
        engine.position = document.position
        engine.entry_hash = document.entry_hash
        for scope in engine.book.scopes.values():
            # Orders and debts are margined without a position: the watch says who matters.
            if scope.rules is not None:
                engine._watch.examined(engine.book, scope, measure(engine.book, scope))
        return engine

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the book's canonical document."""
        text = canonical_text(book_document(self.book))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


_KINDS: Final = frozenset(int(kind) for kind in Kind)
_CLOCKS: Final = frozenset({int(Kind.Marked), int(Kind.ClockTicked)})


def _note_time(step: Step) -> None:
    """Note a late fact. Declarations neither are late nor make others late."""
    book, row = step.book, step.row
    if row.kind in REGISTRY_KINDS:
        return
    if row.occurred_at < book.latest:
        step.entries.append(("late", book.latest - row.occurred_at))
    else:
        book.latest = row.occurred_at


def _pass_time(step: Step) -> None:
    """Do what fold time alone makes due, once marks are set."""
    book = step.book
    if book.volatile:
        sample_due(step)
    if book.funded:
        settle_due(step)
    if book.owing:
        state_unpaid(step)
    for due_at, scope in book.due_timers():
        fire(step, scope, due_at)


def _declare(step: Step) -> None:
    book, row = step.book, step.row
    book.registry.apply(row)
    sources, assets, markets, _ = book.registry.counts()
    del sources  # the fold knows assets and markets; sources only name who says so
    if row.kind == Kind.AssetDeclared:
        book.add_asset(assets, book.registry.asset(assets).decimals)
    elif row.kind == Kind.MarketDeclared:
        book.add_market(book.registry.market(markets))


def _change_state(step: Step, content: Content) -> None:
    del content  # the row says it all
    market = step.book.markets[step.row.market]
    if market.state == SETTLED:
        step.deviation("settled_market", market=market.ordinal, asset=market.asset)
        return
    change_state(step, market, MARKET_STATES[step.row.flags])


def _note_funds(step: Step) -> None:
    """Leave a line of history for each fund whose cash or positions changed."""
    if not step.funds:
        return
    funds: Iterable[tuple[tuple[int, int], Scope]] = sorted(step.funds.items())
    step.funds = {}
    for _, scope in funds:
        asset = step.book.assets[scope.asset]
        equity = equity_of(step.book, scope)
        _note_short(step, scope, asset, equity)
        step.entries.append(
            (
                "fund",
                scope.account,
                scope.asset,
                scope.cash,
                format_exact(equity - scope.cash * asset.lift, asset.working),
                format_exact(equity, asset.working),
            )
        )


def _note_short(step: Step, scope: Scope, asset: Asset, equity: int) -> None:
    """Say that a fund fell below zero, where the rulebook does not allow it."""
    before, scope.short = scope.short, equity < 0
    forbids = asset.rulebook is not None and asset.rulebook.solvent
    if forbids and scope.short and not before:
        step.deviation(
            "fund_below_zero",
            account=scope.account,
            asset=scope.asset,
            found=format_exact(equity, asset.working),
        )


def _fact(apply_fact: Callable[[Step, Content, int], None]) -> Callable[[Step, Content], None]:
    """Return what applies a fact that can be reversed the way it was told."""
    return lambda step, content: apply_fact(step, content, 1)


_FACTS: Final[dict[int, Callable[[Step, Content], None]]] = {
    Kind.Filled: _fact(apply_execution),
    Kind.Traded: _fact(apply_execution),
    Kind.Deposited: _fact(apply_cash),
    Kind.Withdrawn: _fact(apply_cash),
    Kind.Transferred: _fact(apply_cash),
    Kind.FundContributed: _fact(apply_cash),
    Kind.FundWithdrawn: _fact(apply_cash),
    Kind.Adjusted: _fact(apply_cash),
    Kind.FundingPaid: _fact(apply_paid),
    Kind.FundingSettled: apply_settled,
    Kind.InterestSettled: apply_interest,
    Kind.InterestPaid: _fact(apply_interest_paid),
    Kind.PremiumSampled: apply_sample,
    Kind.MarketSettled: settle_market,
    Kind.PositionCarried: apply_carried,
    Kind.MarketStateChanged: _change_state,
    Kind.RulebookAdopted: adopt,
    Kind.LeverageSet: apply_observation,
    Kind.OrdersObserved: apply_observation,
    Kind.AuctionTaken: apply_take,
    Kind.AuctionBid: apply_bid,
    Kind.OpenInterestObserved: apply_observation,
    Kind.DepthObserved: apply_observation,
    Kind.RiskArrayPublished: apply_observation,
    Kind.RiskScored: apply_observation,
    Kind.DeleveragingRanked: apply_observation,
    Kind.PoolJoined: apply_pool,
    Kind.PoolLeft: apply_pool,
    Kind.PoolLeaveRequested: apply_pool,
    Kind.PoolLeaveCancelled: apply_pool,
    Kind.PriceObserved: observe_price,
}
"""What applies a fact of each kind; the others are the engine's own or move nothing."""
