"""Pooled funds: who holds how many shares of a fund, and what joining and leaving move.

Losses and gains of a fund are its providers' pro rata, because shares are of its equity. The venue
is a provider like any other once there is one: what the fund had before, and what is contributed or
withdrawn since, are the house's shares (provider 0).
"""

from typing import Final

from clearing.engine.content import Content
from clearing.engine.pool_shares import burnt, forfeited, issued, worth
from clearing.engine.ratios import withdrawable
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of
from clearing.events.kinds import Kind
from clearing.quantities import format_exact

HOUSE: Final = 0
"""The venue, among a fund's providers."""


class _Pool:
    """A fund that an event is about, as it stands: its scope, total shares, equity, a unit."""

    __slots__ = ("equity", "lift", "scope", "total")

    def __init__(self, step: Step, scope: Scope) -> None:
        self.scope = scope
        self.total = sum(scope.shares.values())
        self.equity = equity_of(step.book, scope)
        self.lift = step.book.assets[scope.asset].lift


def apply_pool(step: Step, content: Content) -> None:
    """Apply ``PoolJoined``, ``PoolLeft``, or a request to leave or its end."""
    row, book = content.row, step.book
    for field in ("account", "fund"):
        name = content.unknown(field)
        if name:
            step.deviation("unknown_account", asset=row.asset, found=name)
    if not content.account or not content.contra:
        _move_unknown(step, content)
        return
    if not book.is_fund(content.contra):
        step.deviation("not_a_fund", account=content.contra, asset=row.asset)
    pool = _Pool(step, book.scope(content.contra, row.asset))
    match row.kind:
        case Kind.PoolJoined:
            _join(step, pool, content.account, content.amount)
        case Kind.PoolLeft:
            _leave(step, pool, content.account, content.quantity)
        case Kind.PoolLeaveRequested:
            _request(step, pool, content.account, content.quantity)
        case _:
            _cancel(step, pool, content.account)


def note_house(step: Step, fund: int, asset: int, amount: int) -> None:
    """Give or take the house's shares for what it is about to contribute, or withdraw (negative).

    Only where the fund has providers. What it takes out beyond its shares is its providers' loss.
    """
    pool = _Pool(step, step.book.scope(fund, asset))
    if not pool.total:
        return
    held = pool.scope.shares.get(HOUSE, 0)
    if amount > 0:
        _hold(step, pool, HOUSE, held + issued(amount, pool.total, pool.equity, pool.lift))
        return
    wanted = burnt(-amount, pool.total, pool.equity, pool.lift)
    if wanted > held:
        _short(step, pool, HOUSE, held, wanted)
    _hold(step, pool, HOUSE, held - min(held, wanted))


def _move_unknown(step: Step, content: Content) -> None:
    """Post what a provider or fund that is not declared was told to put in; shares are nobody's."""
    if content.row.kind == Kind.PoolJoined:
        who, whom = (
            ("account", ordinal) if ordinal else ("suspense", 0)
            for ordinal in (content.account, content.contra)
        )
        if content.account:
            scope = step.book.scope(content.account, content.row.asset)
            _check_withdrawable(step, scope, content.amount)
        step.move("pool_joined", content.row.asset, *who, *whom, content.amount)


def _join(step: Step, pool: _Pool, provider: int, amount: int) -> None:
    fund, lift = pool.scope, pool.lift
    _check_withdrawable(step, step.book.scope(provider, fund.asset), amount)
    if not pool.total and pool.equity >= lift:
        # What was there before is the house's, a share a unit as for anybody who comes first.
        _hold(step, pool, HOUSE, pool.equity // lift)
    if pool.total and pool.equity <= 0:
        _deviate(step, pool, "pool_worthless", provider, 0, amount)
    bought = issued(amount, pool.total, pool.equity, lift)
    step.move("pool_joined", fund.asset, "account", provider, "account", fund.account, amount)
    _hold(step, pool, provider, fund.shares.get(provider, 0) + bought)


def _leave(step: Step, pool: _Pool, provider: int, shares: int) -> None:
    fund = pool.scope
    held = fund.shares.get(provider, 0)
    if shares > held:
        _short(step, pool, provider, held, shares)
        shares = held
    if not shares:
        return
    amount = worth(shares, pool.total, pool.equity, pool.lift)
    if provider in fund.requests:
        asked, value = fund.requests[provider]
        amount = min(amount, value * shares // asked)
        _note_request(step, pool, provider, None)
    if amount > fund.cash:
        _deviate(step, pool, "fund_overdrawn", fund.account, fund.cash, amount)
    step.move("pool_left", fund.asset, "account", fund.account, "account", provider, amount)
    _hold(step, pool, provider, held - shares)


def _request(step: Step, pool: _Pool, provider: int, shares: int) -> None:
    held = pool.scope.shares.get(provider, 0)
    if shares > held:
        _short(step, pool, provider, held, shares)
        shares = held
    if shares:
        value = worth(shares, pool.total, pool.equity, pool.lift)
        _note_request(step, pool, provider, (shares, value))


def _cancel(step: Step, pool: _Pool, provider: int) -> None:
    fund = pool.scope
    if provider not in fund.requests:
        step.deviation("no_request", account=provider, asset=fund.asset)
        return
    shares, value = fund.requests[provider]
    lost = forfeited(shares, value, pool.total, pool.equity, pool.lift)
    _note_request(step, pool, provider, None)
    if lost:
        _hold(step, pool, provider, fund.shares[provider] - lost)


def _hold(step: Step, pool: _Pool, provider: int, shares: int) -> None:
    """Let a provider have so many shares from now on, and leave the entry."""
    fund = pool.scope
    if shares:
        fund.shares[provider] = shares
    else:
        fund.shares.pop(provider, None)
    pool.total = sum(fund.shares.values())
    step.entries.append(("shares", fund.account, fund.asset, provider, shares, pool.total))


def _note_request(step: Step, pool: _Pool, provider: int, request: tuple[int, int] | None) -> None:
    fund = pool.scope
    if request is None:
        fund.requests.pop(provider, None)
    else:
        fund.requests[provider] = request
    told = request or (0, 0)
    step.entries.append(("leave_request", fund.account, fund.asset, provider, *told))


def _short(step: Step, pool: _Pool, provider: int, held: int, wanted: int) -> None:
    """Say that somebody has fewer shares than it was said to give back."""
    _deviate(step, pool, "beyond_shares", provider or pool.scope.account, held, wanted)


def _check_withdrawable(step: Step, scope: Scope, amount: int) -> None:
    """Say that a provider puts in more than it may take out, whoever gets it."""
    limit = withdrawable(step.book, scope)
    if amount > limit:
        _differ(step, scope.asset, "withdrawn_too_much", scope.account, limit, amount)


def _deviate(step: Step, pool: _Pool, code: str, account: int, expected: int, found: int) -> None:
    _differ(step, pool.scope.asset, code, account, expected, found)


def _differ(step: Step, asset: int, code: str, account: int, expected: int, found: int) -> None:
    decimals = step.book.assets[asset].decimals
    texts = (format_exact(expected, decimals), format_exact(found, decimals))
    step.deviation(code, account=account, asset=asset, expected=texts[0], found=texts[1])
