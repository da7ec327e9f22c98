"""Commands about accounts: all of them, or one with what it holds."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape
from rich.table import Table

from clearing.audit import AccountView, PositionView, ScopeView
from clearing.cli.chart import equity_chart
from clearing.cli.moment import WhenIn, folding, moment_of, named, print_scenario
from clearing.cli.output import amount, out, print_json, short, shown_time, table
from clearing.cli.where import Where, ledger


def accounts(*, when: WhenIn | None = None, where: Where | None = None) -> None:
    """List every account with equity, requirements and status, in order of opening."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with folding(moment) as progress:
            answer = opened.accounts(moment, folding=progress)
    if where is not None and where.json:
        print_json(answer)
        return
    rows = [
        (
            view.account,
            view.account_class,
            scope.asset,
            amount(scope.cash),
            short(scope.equity),
            short(scope.initial),
            short(scope.maintenance),
            scope.status,
        )
        for view in answer
        for scope in view.scopes
    ]
    print_scenario(moment.reordered)
    title = f"Accounts {named(moment)}"
    columns = (
        "account",
        "class",
        "asset",
        ">cash",
        ">equity",
        ">initial",
        ">maintenance",
        "status",
    )
    out.print(table(title, columns, rows))


def account(
    account_id: Annotated[str, Parameter(help="the account's name")],
    /,
    *,
    when: WhenIn | None = None,
    where: Where | None = None,
) -> None:
    """Show one account as it was, and its equity against maintenance margin so far.

    Accounts that name it as their parent (isolated positions, for instance) are shown below it.
    """
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with folding(moment) as progress:
            view = opened.account(account_id, moment, folding=progress)
        stories = {}
        if moment.reordered is None:  # a scenario has one moment, not a course
            for scope in view.scopes:
                stories[scope.asset] = opened.account_story(account_id, scope.asset, moment)
    if where is not None and where.json:
        print_json({"account": view, "story": stories})
        return
    print_account(view, named(moment))
    for asset, story in stories.items():
        out.print(f"[bold]Equity against maintenance, {asset}[/bold]")
        out.print(equity_chart(story), markup=False)


def print_account(view: AccountView, at: str) -> None:
    """Print an account, and those below it, as tables, every digit of its amounts kept.

    ``at`` says which moment it is of.
    """
    print_scenario(view.reordered)
    if not view.exists:
        out.print(f"{view.account} did not exist {at}.")
        return
    _print_one(view, at)
    for part in view.parts:
        _print_one(part, at)


def _print_one(view: AccountView, at: str) -> None:
    title = f"[bold]{escape(view.account)}[/bold] ({escape(view.account_class)}) {at}"
    if view.parent:
        title += f", part of {escape(view.parent)}"
    if view.isolates:
        title += f", for {escape(', '.join(view.isolates))} alone"
    out.print(title)
    if not view.scopes:
        out.print("It never held anything: every balance is 0.")
    for scope in view.scopes:
        out.print(table("", ("", ">"), _lines(scope)))
        if scope.positions:
            out.print(position_table(scope.positions))


def _lines(scope: ScopeView) -> list[tuple[str, str]]:
    """Return what is shown of a scope; what it has nothing of is left out where that is plain."""
    call = scope.margin_call
    told = [
        ("asset", scope.asset),
        ("cash", amount(scope.cash)),
        ("pending deposits", amount(scope.pending) if Decimal(scope.pending) else ""),
        ("unrealised PnL", amount(scope.unrealised)),
        ("accrued funding", amount(scope.accrued_funding)),
        ("collateral", amount(scope.collateral) if scope.collateral != "0" else ""),
        ("equity", amount(scope.equity)),
        ("initial margin", amount(scope.initial)),
        ("maintenance margin", amount(scope.maintenance)),
        *(
            (level, amount(asked))
            for level, asked in scope.levels.items()
            if level not in ("initial", "maintenance")
        ),
        ("free margin", amount(scope.free_margin)),
        ("withdrawable", amount(scope.withdrawable)),
        ("margin level, %", scope.margin_level),
        ("margin ratio", scope.margin_ratio),
        ("health factor", scope.health_factor),
        ("collateralisation", scope.collateralisation),
        ("effective leverage", scope.effective_leverage),
        ("status", scope.status),
        ("margin call", "" if call is None else f"{amount(call.amount_due)} to {call.level}"),
        ("due", "" if call is None else shown_time(call.due_at)),
        ("rulebook", scope.rulebook),
    ]
    return [(name, text) for name, text in told if text]


def position_table(positions: Sequence[PositionView]) -> Table:
    """Return a table of positions."""
    rows = [
        (
            p.market,
            amount(p.size),
            amount(p.average_entry) + ("" if p.entry_known else " ?"),
            amount(p.mark),
            short(p.notional),
            short(p.unrealised),
            short(p.maintenance),
            amount(p.liquidation_price),
        )
        for p in positions
    ]
    columns = (
        "market",
        ">size",
        ">average entry",
        ">mark",
        ">notional",
        ">unrealised",
        ">maintenance",
        ">liquidation price",
    )
    beside = {
        ">deviations away": [p.distance for p in positions],
        ">risk score": [p.risk_score for p in positions],
        ">seconds to breach": [p.time_to_breach for p in positions],
        "auction ends": [
            "" if p.auction_ends_at is None else shown_time(p.auction_ends_at) for p in positions
        ],
    }
    shown = {name: values for name, values in beside.items() if any(values)}
    longer = [(*row, *more) for row, *more in zip(rows, *shown.values(), strict=True)]
    return table("positions", (*columns, *shown), longer)
