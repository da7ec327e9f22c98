"""The statement of an account over a period: what it had, what moved, what it has, and its margin.

Amounts are exact decimals as text. What a statement says of itself is asserted while it is made:
opening and movements are closing, in every asset; equity is the sum of what makes it up; and sizes
are what was held, bought and sold. :class:`~clearing.books.attribution.BooksDoNotAddUp` says where
that does not hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from clearing.audit import (
    AccountView,
    NameUnknown,
    PeriodView,
    PositionView,
    PostedView,
    ScopeView,
    account,
    account_period,
    exact_text,
    rulebooks,
)
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress
from clearing.books.attribution import ZERO, BooksDoNotAddUp, PartView, attribution
from clearing.books.calendar import iso
from clearing.books.cuts import Cut
from clearing.books.kinds import PURPOSES
from clearing.log import Connection, load_registry


@dataclass(frozen=True, slots=True)
class Balances:
    """What an account has in an asset; equity is cash, unrealised PnL, accrued funding, collateral.

    ``pending`` are deposits that are not final; they count for nothing. ``collateral`` is what
    balances in other assets count for here, at full value.
    """

    cash: str = "0"
    pending: str = "0"
    unrealised: str = "0"
    accrued_funding: str = "0"
    collateral: str = "0"
    equity: str = "0"


@dataclass(frozen=True, slots=True)
class Movement:
    """What was posted of one kind, ``count`` times; positive: the account got it."""

    kind: str
    amount: str
    count: int


@dataclass(frozen=True, slots=True)
class MarketLine:
    """A market in which the account held, traded, paid or was paid something.

    Sizes are signed where held, unsigned where bought and sold. ``cost`` has the sign of the
    closing size. ``realised``, ``funding`` and ``fees`` are what was posted in the statement's
    asset (fees that are charged in another stand there).
    """

    market: str
    opening_size: str
    bought: str
    sold: str
    closing_size: str
    average_entry: str
    cost: str
    opening_mark: str
    closing_mark: str
    opening_unrealised: str
    closing_unrealised: str
    opening_accrued: str
    closing_accrued: str
    realised: str
    funding: str
    fees: str


@dataclass(frozen=True, slots=True)
class MarginState:
    """How the account stood against what is asked of it, at the end.

    ``levels`` are the requirements by name, ``counted`` the equity that counts for each.
    ``margin_call`` is empty, or what is due, to which level, by when.
    """

    status: str
    levels: dict[str, str]
    counted: dict[str, str]
    free_margin: str
    withdrawable: str
    margin_level: str
    margin_call: str
    rulebook: str
    rulebook_sha256: str


@dataclass(frozen=True, slots=True)
class AssetStatement:
    """An account in one asset over the period.

    ``opening`` and ``closing`` are at its two ends; ``movements`` are of cash, ``pending`` of
    deposits that are not final; ``parts`` make up ``change``, that of equity.
    """

    asset: str
    opening: Balances
    movements: tuple[Movement, ...]
    pending: tuple[Movement, ...]
    closing: Balances
    change: str
    parts: tuple[PartView, ...]
    markets: tuple[MarketLine, ...]
    margin: MarginState


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """An account over a period. Those below it (``below``) have statements of their own.

    ``exists`` is false where it was not opened by the end.
    """

    account: str
    account_class: str
    owner: str
    parent: str
    below: tuple[str, ...]
    exists: bool
    calendar: str
    period: str
    begins: str
    ends: str
    assets: tuple[AssetStatement, ...]


def account_statement(
    connection: Connection, name: str, made: Cut, progress: Progress | None = None
) -> AccountStatement:
    """Return the statement of an account over a period that was cut.

    Raises :class:`~clearing.audit.NameUnknown` for one that was not opened by the position at which
    facts were known.
    """
    if name not in load_registry(connection, made.drawn.known_at).account_ordinals:
        raise NameUnknown(f"no account {name!r} was opened by log position {made.drawn.known_at:,}")
    opening = account(connection, name, made.opening, progress)
    closing = account(connection, name, made.closing, progress)
    period = account_period(connection, name, made.opening, made.closing, progress)
    hashes = _hashes(connection, made)
    return AccountStatement(
        name,
        closing.account_class,
        closing.owner,
        closing.parent,
        tuple(part.account for part in closing.parts),
        closing.exists,
        made.period.calendar,
        made.period.name,
        iso(made.period.begins),
        iso(made.period.ends),
        tuple(_assets(name, opening, closing, period, hashes)),
    )


Hashes = dict[tuple[str, str], str]
"""The SHA-256 of rulebooks' documents by settlement asset and ``name@version``."""


def _hashes(connection: Connection, made: Cut) -> Hashes:
    """Return the document's SHA-256 of every rulebook that was adopted by the end."""
    known = Moment(made.closing.generation, made.drawn.known_at)
    return {
        (view.settlement_asset, f"{view.name}@{view.version}"): view.document_sha256
        for view in rulebooks(connection, known)
        if view.occurred_at < made.period.ends
    }


def _assets(
    name: str,
    opening: AccountView,
    closing: AccountView,
    period: PeriodView,
    hashes: Hashes,
) -> Iterable[AssetStatement]:
    before = {scope.asset: scope for scope in opening.scopes}
    after = {scope.asset: scope for scope in closing.scopes}
    moved = {posted.asset for posted in period.posted} | {fills.asset for fills in period.fills}
    for asset in sorted({*before, *after}):
        scopes = (before.get(asset), after.get(asset))
        if asset in moved or any(map(_has_anything, scopes)):
            yield _asset(name, asset, *scopes, period, hashes)


def _has_anything(scope: ScopeView | None) -> bool:
    """Whether a scope is worth a line: which empty ones there are is of no meaning."""
    if scope is None:
        return False
    amounts = (scope.cash, scope.pending, scope.equity, scope.initial)
    return bool(scope.positions) or any(map(Fraction, amounts)) or scope.status != "flat"


def _asset(
    name: str,
    asset: str,
    before: ScopeView | None,
    after: ScopeView | None,
    period: PeriodView,
    hashes: Hashes,
) -> AssetStatement:
    posted = [each for each in period.posted if each.asset == asset]
    found = attribution(asset, before, after, period)
    statement = AssetStatement(
        asset,
        _balances(before),
        movements_of(each for each in posted if each.ledger == "account"),
        movements_of(each for each in posted if each.ledger == "pending"),
        _balances(after),
        found.change,
        found.parts,
        tuple(_markets(asset, before, after, period)),
        _margin(after, hashes),
    )
    _check(name, statement)
    return statement


def _balances(scope: ScopeView | None) -> Balances:
    if scope is None:
        return Balances()
    names = ("cash", "pending", "unrealised", "accrued_funding", "collateral", "equity")
    return Balances(*(exact_text(Fraction(str(getattr(scope, name)))) for name in names))


def movements_of(posted: Iterable[PostedView]) -> tuple[Movement, ...]:
    """Return what was posted by kind, in the order of a statement."""
    sums: dict[str, Fraction] = {}
    counts: dict[str, int] = {}
    for each in posted:
        kind = PURPOSES[each.purpose].kind
        sums[kind] = sums.get(kind, ZERO) + Fraction(each.amount)
        counts[kind] = counts.get(kind, 0) + each.count
    order = list(dict.fromkeys(purpose.kind for purpose in PURPOSES.values()))
    return tuple(
        Movement(kind, exact_text(sums[kind]), counts[kind])
        for kind in sorted(sums, key=order.index)
    )


def _markets(
    asset: str, before: ScopeView | None, after: ScopeView | None, period: PeriodView
) -> Iterable[MarketLine]:
    opening, closing = _positions(before), _positions(after)
    posted = [
        each
        for each in period.posted
        if each.asset == asset and each.ledger == "account" and each.market
    ]
    filled = [fills for fills in period.fills if fills.asset == asset]
    names = {*opening, *closing, *(x.market for x in posted), *(fills.market for fills in filled)}
    for market in sorted(names):
        old, new = opening.get(market), closing.get(market)

        def paid(*kinds: str, of: str = market) -> str:
            return exact_text(
                sum(
                    (
                        Fraction(each.amount)
                        for each in posted
                        if each.market == of and PURPOSES[each.purpose].kind in kinds
                    ),
                    ZERO,
                )
            )

        bought, sold = (
            sum((Fraction(getattr(f, side)) for f in filled if f.market == market), ZERO)
            for side in ("bought", "sold")
        )
        yield MarketLine(
            market,
            _at(old, "size"),
            exact_text(bought),
            exact_text(sold),
            _at(new, "size"),
            "" if new is None else new.average_entry,
            _at(new, "cost"),
            "" if old is None else old.mark,
            "" if new is None else new.mark,
            _at(old, "unrealised"),
            _at(new, "unrealised"),
            _at(old, "accrued_funding"),
            _at(new, "accrued_funding"),
            paid("realised PnL", "rounding of entries"),
            paid("funding", "funding residual"),
            paid("fees"),
        )


def _positions(scope: ScopeView | None) -> dict[str, PositionView]:
    return {} if scope is None else {position.market: position for position in scope.positions}


def _at(position: PositionView | None, name: str) -> str:
    return "0" if position is None else exact_text(Fraction(str(getattr(position, name))))


def _margin(scope: ScopeView | None, hashes: Hashes) -> MarginState:
    if scope is None:
        return MarginState("flat", {}, {}, "0", "0", "", "", "", "")
    call = scope.margin_call
    told = "" if call is None else f"{call.amount_due} to {call.level} by {iso(call.due_at)}"
    return MarginState(
        scope.status,
        scope.levels,
        scope.counted,
        scope.free_margin,
        scope.withdrawable,
        scope.margin_level,
        told + (", missed" if call is not None and call.missed else ""),
        scope.rulebook,
        hashes.get((scope.asset, scope.rulebook), ""),
    )


def _check(name: str, statement: AssetStatement) -> None:
    """Raise :class:`BooksDoNotAddUp` where the statement contradicts itself."""
    opening, closing = statement.opening, statement.closing
    for what, before, moved, after in (
        ("cash", opening.cash, statement.movements, closing.cash),
        ("pending deposits", opening.pending, statement.pending, closing.pending),
    ):
        check_sum(f"{name}, {statement.asset}: {what}", before, moved, after)
    for when, balances in (("opening", opening), ("closing", closing)):
        made = (balances.cash, balances.unrealised, balances.accrued_funding, balances.collateral)
        _equal(f"{name}, {statement.asset}: {when} equity", balances.equity, made)
        names = (f"{when}_unrealised", f"{when}_accrued")
        for total, field in zip(
            (balances.unrealised, balances.accrued_funding), names, strict=True
        ):
            lines = [getattr(line, field) for line in statement.markets]
            _equal(f"{name}, {statement.asset}: {field} of markets", total, lines)
    for line in statement.markets:
        sizes = (line.opening_size, line.bought, f"-{line.sold}" if line.sold != "0" else "0")
        _equal(f"{name}, {line.market}: closing size", line.closing_size, sizes)
    _equal(
        f"{name}, {statement.asset}: change of equity",
        statement.change,
        [part.amount for part in statement.parts],
    )


def check_sum(what: str, before: str, moved: Sequence[Movement], after: str) -> None:
    """Raise :class:`BooksDoNotAddUp` unless opening and movements are closing."""
    _equal(what, after, [before, *(each.amount for each in moved)])


def _equal(what: str, total: str, parts: Iterable[Any]) -> None:
    found = sum(map(Fraction, parts), ZERO)
    if found != Fraction(total):
        raise BooksDoNotAddUp(f"{what} is {total}, and what makes it up is {exact_text(found)}")
