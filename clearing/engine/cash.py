"""Facts that move cash: deposits, withdrawals, transfers, fund movements, adjustments, fees."""

from collections.abc import Callable

from clearing.engine.content import Content
from clearing.engine.pools import note_house
from clearing.engine.ratios import withdrawable
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.events.kinds import FINALITIES, Kind
from clearing.events.row import EventRow
from clearing.quantities import format_exact

Resolver = Callable[[int, str], EventRow | None]
"""Finds the stored event of a (source ordinal, external id) that lies before the present one."""


def apply_cash(step: Step, content: Content, sign: int) -> None:
    """Apply a cash fact; with ``sign`` −1 its opposite, without checks (a reversal)."""
    row = content.row
    kind = row.kind
    account = content.account
    amount = content.amount * sign
    payer = ("account", account) if account else ("suspense", 0)
    if sign > 0:
        _check(step, content)
        _came_in(step, content)
    if kind == Kind.Deposited:
        _deposit(step, content, payer, amount)
    elif kind == Kind.Withdrawn:
        step.move("withdrawal", row.asset, *payer, "external", 0, amount)
    elif kind == Kind.Transferred:
        contra = content.contra
        payee = ("account", contra) if contra else ("suspense", 0)
        step.move("transfer", row.asset, *payer, *payee, amount)
    elif kind in (Kind.FundContributed, Kind.FundWithdrawn):
        _fund(step, content, payer, amount)
    else:
        contra = content.contra
        other = ("account", contra) if contra else ("adjustment", 0)
        if content.unknown("contra_account"):
            other = ("suspense", 0)
        step.move("adjustment", row.asset, *other, *payer, amount)


def _fund(step: Step, content: Content, fund: tuple[str, int], amount: int) -> None:
    """Post what a fund was given, or what was taken out of it; the house's shares go along."""
    row = content.row
    given = amount if row.kind == Kind.FundContributed else -amount
    if content.account:
        note_house(step, content.account, row.asset, given)
    if row.kind == Kind.FundContributed:
        step.move("fund_contribution", row.asset, "external", 0, *fund, amount)
    else:
        step.move("fund_withdrawal", row.asset, *fund, "external", 0, amount)


def _deposit(step: Step, content: Content, holder: tuple[str, int], amount: int) -> None:
    """Post a deposit, or take one back: from where its money stands, which may still be pending."""
    row, pending = content.row, step.book.pending
    if amount > 0 and FINALITIES[row.flags] == "pending" and content.account:
        pending.add(row.position)
    if row.position in pending:
        holder = ("pending", content.account)
    if amount < 0:
        pending.discard(row.position)
    step.move("deposit", row.asset, "external", 0, *holder, amount)


def confirm_deposit(step: Step, content: Content, resolver: Resolver) -> None:
    """Apply ``DepositConfirmed``: the deposit's money becomes its account's."""
    source, external_id = content.reference("deposit")
    target = resolver(source, external_id) if source else None
    if target is None or target.position not in step.book.pending:
        step.deviation("not_pending", found=external_id)
        return
    original = Content(target)
    account, amount = original.account, original.amount
    step.book.pending.discard(target.position)
    _restore(step.book.scope(account, target.asset))
    step.move("confirmation", target.asset, "pending", account, "account", account, amount)


def charge_fee(step: Step, account: int, asset: int, fee: int, market: int) -> None:
    """Charge a positive fee to the account (0: suspense), or pay it a negative one."""
    step.move("fee", asset, *step.payer(account, market), "fees", 0, fee, market)


def _came_in(step: Step, content: Content) -> None:
    """Note who received money: a scope that was taken over may trade again with it."""
    row = content.row
    receiver = 0
    if (row.kind == Kind.Deposited and FINALITIES[row.flags] == "confirmed") or (
        row.kind == Kind.Adjusted and content.amount > 0
    ):
        receiver = content.account
    elif row.kind == Kind.Transferred:
        receiver = content.contra
    if receiver:
        _restore(step.book.scope(receiver, row.asset))


def _restore(scope: Scope) -> None:
    """Let a scope that was taken over trade again, and the one whose collateral this is."""
    scope.taken_over = False
    if scope.secures is not None:
        scope.secures.taken_over = False


def _check(step: Step, content: Content) -> None:
    row, book = content.row, step.book
    for field in ("account", "fund", "to_account", "contra_account"):
        name = content.unknown(field)
        if name:
            step.deviation("unknown_account", asset=row.asset, found=name)
    account = content.account
    if not account:
        return
    if row.kind in (Kind.Withdrawn, Kind.Transferred):
        _check_withdrawable(step, book.scope(account, row.asset), content.amount)
    elif row.kind in (Kind.FundContributed, Kind.FundWithdrawn):
        if not book.is_fund(account):
            step.deviation("not_a_fund", account=account, asset=row.asset)
        cash = book.scope(account, row.asset).cash
        if row.kind == Kind.FundWithdrawn and content.amount > cash:
            decimals = book.assets[row.asset].decimals
            step.deviation(
                "fund_overdrawn",
                account=account,
                asset=row.asset,
                expected=format_exact(cash, decimals),
                found=format_exact(content.amount, decimals),
            )


def _check_withdrawable(step: Step, scope: Scope, amount: int) -> None:
    limit = withdrawable(step.book, scope)
    if amount > limit:
        decimals = step.book.assets[scope.asset].decimals
        step.deviation(
            "withdrawn_too_much",
            account=scope.account,
            asset=scope.asset,
            expected=format_exact(limit, decimals),
            found=format_exact(amount, decimals),
        )
