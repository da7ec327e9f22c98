"""Facts that move cash: deposits, withdrawals, transfers, fund movements, adjustments, fees."""

from clearing.engine.book import Scope
from clearing.engine.content import Content
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.events.kinds import Kind
from clearing.quantities import format_exact


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
        step.move("deposit", row.asset, "external", 0, *payer, amount)
    elif kind == Kind.Withdrawn:
        step.move("withdrawal", row.asset, *payer, "external", 0, amount)
    elif kind == Kind.Transferred:
        contra = content.contra
        payee = ("account", contra) if contra else ("suspense", 0)
        step.move("transfer", row.asset, *payer, *payee, amount)
    elif kind == Kind.FundContributed:
        step.move("fund_contribution", row.asset, "external", 0, *payer, amount)
    elif kind == Kind.FundWithdrawn:
        step.move("fund_withdrawal", row.asset, *payer, "external", 0, amount)
    else:
        contra = content.contra
        other = ("account", contra) if contra else ("adjustment", 0)
        if content.unknown("contra_account"):
            other = ("suspense", 0)
        step.move("adjustment", row.asset, *other, *payer, amount)


def charge_fee(step: Step, account: int, asset: int, fee: int, market: int) -> None:
    """Charge a positive fee to the account (0: suspense), or pay it a negative one."""
    payer = ("account", account) if account else ("suspense", 0)
    step.move("fee", asset, *payer, "fees", 0, fee, market)


def _came_in(step: Step, content: Content) -> None:
    """Note who received money: a scope that was taken over may trade again with it."""
    row = content.row
    receiver = 0
    if row.kind == Kind.Deposited or (row.kind == Kind.Adjusted and content.amount > 0):
        receiver = content.account
    elif row.kind == Kind.Transferred:
        receiver = content.contra
    if receiver:
        step.book.scope(receiver, row.asset).taken_over = False


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


def withdrawable(step: Step, scope: Scope) -> int:
    """Return what the scope may take out: max(0, min(cash, equity − initial)), rounded down."""
    asset = step.book.assets[scope.asset]
    if not scope.positions:
        return max(0, scope.cash)
    now = measure(step.book, scope)
    return max(0, min(scope.cash, (now.equity - now.initial) // asset.lift))


def _check_withdrawable(step: Step, scope: Scope, amount: int) -> None:
    limit = withdrawable(step, scope)
    if amount > limit:
        decimals = step.book.assets[scope.asset].decimals
        step.deviation(
            "withdrawn_too_much",
            account=scope.account,
            asset=scope.asset,
            expected=format_exact(limit, decimals),
            found=format_exact(amount, decimals),
        )
