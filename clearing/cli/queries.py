"""Commands that ask: status, accounts, account, liquidations, fund, trial-balance, fills."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from cyclopts import Parameter, validators
from rich.table import Table

from clearing.audit import (
    AccountView,
    DeviationView,
    FillReport,
    FundView,
    LedgerStatus,
    LiquidationView,
    PositionView,
    ProviderView,
    ToldLiquidationView,
    TrialBalanceLine,
)
from clearing.cli.chart import equity_chart
from clearing.cli.output import amount, clock, out, print_json, short, shown_time, table
from clearing.cli.where import Where, ledger, parse_at
from clearing.events.fields import parse_time

_LISTED = 30

At = Annotated[
    str | None,
    Parameter(help="a log position, or a time with an offset (2026-05-11T14:00:00Z)"),
]
Recorded = Annotated[
    str | None, Parameter(help="what the ledger said by this time of its own, with an offset")
]
Limit = Annotated[
    int,
    Parameter(help="the latest so many lines", validator=validators.Number(gte=1, lte=1_000_000)),
]


def status(*, where: Where | None = None) -> None:
    """Show how far log and read models are, and which protections are active."""
    with ledger(where) as opened:
        answer, database = opened.status(), opened.describe()
    if where is not None and where.json:
        print_json({"ledger": answer, "database": database})
        return
    rows = [
        ("log position", f"{answer.log_position:,}"),
        ("log root", answer.log_root),
        ("batches", f"{answer.batches:,}"),
        ("recorded", shown_time(answer.recorded_at)),
        ("sources · assets · markets · accounts", _counts(answer)),
        ("live generation", f"{answer.generation} (engine {answer.engine_version or '-'})"),
        ("projected position", f"{answer.projected_position:,}"),
        ("behind", f"{answer.log_position - answer.projected_position:,}"),
        ("quarantined lines", f"{answer.quarantined:,}"),
        *(
            (name.replace("_", " "), "yes" if on else "no")
            for name, on in answer.protections.items()
        ),
        *((name.replace("_", " "), str(value)) for name, value in database.items()),
    ]
    out.print(table("Ledger", ("", ""), rows))


def _counts(answer: LedgerStatus) -> str:
    counts = (answer.sources, answer.assets, answer.markets, answer.accounts)
    return " · ".join(f"{count:,}" for count in counts)


def accounts(*, at: At = None, recorded: Recorded = None, where: Where | None = None) -> None:
    """List every account with equity, requirements and status, in order of opening."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at), recorded=_time(recorded))
        answer = opened.accounts(moment.position)
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
    title = f"Accounts at log position {moment.position:,}"
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
    at: At = None,
    recorded: Recorded = None,
    where: Where | None = None,
) -> None:
    """Show one account as it was, and its equity against maintenance margin so far."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at), recorded=_time(recorded))
        view = opened.account(account_id, moment.position)
        stories = {
            scope.asset: opened.account_story(account_id, scope.asset, moment.position)
            for scope in view.scopes
        }
    if where is not None and where.json:
        print_json({"account": view, "story": stories})
        return
    print_account(view)
    for asset, story in stories.items():
        out.print(f"[bold]Equity against maintenance, {asset}[/bold]")
        out.print(equity_chart(story), markup=False)


def print_account(view: AccountView) -> None:
    """Print an account as tables, every digit of its amounts kept."""
    if not view.exists:
        out.print(f"{view.account} did not exist at log position {view.log_position:,}.")
        return
    out.print(
        f"[bold]{view.account}[/bold] ({view.account_class}) at log position {view.log_position:,}"
    )
    if not view.scopes:
        out.print("It never held anything: every balance is 0.")
    for scope in view.scopes:
        rows = [
            ("asset", scope.asset),
            ("cash", amount(scope.cash)),
            ("unrealised PnL", amount(scope.unrealised)),
            ("accrued funding", amount(scope.accrued_funding)),
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
            *(
                (name, figure)
                for name, figure in (
                    ("margin level, %", scope.margin_level),
                    ("margin ratio", scope.margin_ratio),
                    ("health factor", scope.health_factor),
                    ("collateralisation", scope.collateralisation),
                    ("effective leverage", scope.effective_leverage),
                )
                if figure
            ),
            ("status", scope.status),
        ]
        if scope.collateral != "0":
            rows.insert(4, ("collateral", amount(scope.collateral)))
        if Decimal(scope.pending):
            rows.insert(2, ("pending deposits", amount(scope.pending)))
        out.print(table("", ("", ">"), rows))
        if scope.positions:
            out.print(_positions(scope.positions))


def _positions(positions: Sequence[PositionView]) -> Table:
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


def liquidations(
    *,
    account: Annotated[str | None, Parameter(help="only this account's")] = None,
    at: At = None,
    told: Annotated[
        bool, Parameter(negative=(), help="what the venue says it liquidated, instead")
    ] = False,
    limit: Limit = 1000,
    where: Where | None = None,
) -> None:
    """List the steps of liquidation ladders: the inequality, what was closed, who bore a loss."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        if told:
            _told(opened.told_liquidations(moment.position, account=account, limit=limit), where)
            return
        answer = opened.liquidations(moment.position, account=account, limit=limit)
    if where is not None and where.json:
        print_json(answer)
        return
    print_liquidations(answer)


def _told(views: list[ToldLiquidationView], where: Where | None) -> None:
    if where is not None and where.json:
        print_json(views)
        return
    rows = [
        (
            f"{view.log_position:,}",
            clock(view.occurred_at),
            view.account,
            view.market,
            amount(view.size),
            amount(view.price),
            amount(view.mark),
            view.method,
            short(view.equity),
            short(view.maintenance),
            ", ".join(view.deviations),
        )
        for view in views
    ]
    columns = (
        ">position",
        "occurred",
        "account",
        "market",
        ">size",
        ">price",
        ">mark",
        "method",
        ">equity",
        ">maintenance",
        "deviations",
    )
    out.print(table("Liquidations as told", columns, rows))


def print_liquidations(views: list[LiquidationView], title: str = "Liquidations") -> None:
    """Print liquidation steps as a table."""
    rows = [
        (
            f"{view.log_position:,}",
            clock(view.occurred_at),
            view.account,
            view.action,
            f"{short(view.equity)} {view.comparator} {short(view.threshold)}",
            *((short(view.loss), _borne(view)) if view.loss else ("", "")),
        )
        for view in views
    ]
    columns = (
        ">position",
        "occurred",
        "account",
        "action",
        ">equity < threshold",
        ">loss",
        "borne by",
    )
    out.print(table(title, columns, rows))


def _borne(view: LiquidationView) -> str:
    """Say which layers bore a loss; what is below a hundredth is not worth the width here."""
    layers = (
        ("fund", view.fund),
        ("ADL", view.adl),
        ("socialised", view.socialised),
        ("deficit", view.deficit),
    )
    return ", ".join(f"{name} {short(borne)}" for name, borne in layers if borne != "0")


def fund(
    fund_account: Annotated[str | None, Parameter(help="only this fund")] = None,
    /,
    *,
    at: At = None,
    providers: Annotated[
        bool, Parameter(negative=(), help="who has shares of the funds, instead")
    ] = False,
    limit: Limit = 1000,
    where: Where | None = None,
) -> None:
    """Show the funds' history: cash, inventory at mark, equity."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        if providers:
            _providers(opened.providers(fund_account, moment.position), where)
            return
        answer = opened.fund(fund_account, moment.position, limit=limit)
    if where is not None and where.json:
        print_json(answer)
        return
    print_fund(answer)


def _providers(views: list[ProviderView], where: Where | None) -> None:
    if where is not None and where.json:
        print_json(views)
        return
    rows = [
        (
            view.fund,
            view.provider or "(the venue)",
            amount(view.shares),
            amount(view.total_shares),
            f"{amount(view.worth)} {view.asset}",
            amount(view.leaving),
        )
        for view in views
    ]
    columns = ("fund", "provider", ">shares", ">of", ">worth", ">leaving with")
    out.print(table("Providers of funds", columns, rows))


def print_fund(views: list[FundView], title: str = "Fund history") -> None:
    """Print lines of fund history as a table."""
    rows = [
        (
            f"{view.log_position:,}",
            clock(view.occurred_at),
            view.fund,
            amount(view.cash),
            short(view.inventory),
            f"{short(view.equity)} {view.asset}",
        )
        for view in views
    ]
    columns = (">position", "occurred", "fund", ">cash", ">inventory at mark", ">equity")
    out.print(table(title, columns, rows))


def trial_balance(*, at: At = None, where: Where | None = None) -> None:
    """Show every ledger account's balance; each asset sums to zero."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        answer = opened.trial_balance(moment.position)
    if where is not None and where.json:
        print_json(answer)
        return
    print_trial_balance(answer, f"Trial balance at log position {moment.position:,}")


def print_trial_balance(lines: list[TrialBalanceLine], title: str) -> None:
    """Print a trial balance as a table."""
    for heading, memo in ((title, False), ("What the funding balances are made of", True)):
        rows = [
            (line.asset, line.ledger, line.account, amount(line.balance))
            for line in lines
            if line.memo is memo
        ]
        if rows:
            out.print(table(heading, ("asset", "ledger", "of", ">balance"), rows))


def fills(*, at: At = None, where: Where | None = None) -> None:
    """Compare recorded fills with their source's own figures: sides, sizes before, closed PnL."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        answer = opened.fill_report(moment.position)
    if where is not None and where.json:
        print_json(answer)
        return
    print_fill_report(answer)


def print_fill_report(report: FillReport) -> None:
    """Print how recorded fills compare with what their source reported."""
    rows = [
        ("fills", f"{report.fills:,}"),
        ("trades with both sides", f"{report.matched:,}"),
        ("trades with one side or unequal sides", f"{len(report.unmatched):,}"),
        ("positions carried in", f"{report.carried:,}"),
        ("closed PnL compared", f"{report.pnl_compared:,}"),
        ("· equal to the digit", f"{report.pnl_equal:,}"),
        ("· equal once the average entry is rounded", f"{report.pnl_equal_rounded:,}"),
        ("· different", f"{len(report.pnl_different):,}"),
        ("fills whose size before differs from ours", f"{len(report.unchained):,}"),
    ]
    out.print(table("Fills against their source", ("", ">"), rows))
    if report.unmatched:
        out.print(f"unmatched: {', '.join(report.unmatched[:_LISTED])}", markup=False)
    _print_differences("Closed PnL that differs", report.pnl_different)
    _print_differences("Sizes before that differ", report.unchained)


def _print_differences(title: str, found: Sequence[DeviationView]) -> None:
    if not found:
        return
    rows = [
        (f"{d.log_position:,}", d.account, d.market, d.expected, d.found) for d in found[:_LISTED]
    ]
    more = f" (the first {_LISTED} of {len(found)}; --json has all)" if len(found) > _LISTED else ""
    columns = (">position", "account", "market", ">ours", ">theirs")
    out.print(table(title + more, columns, rows))


def quarantine(*, limit: Limit = 1000, where: Where | None = None) -> None:
    """List input that could not become an event: file, line, field, reason."""
    with ledger(where) as opened:
        answer = opened.quarantined(limit)
    if where is not None and where.json:
        print_json(answer)
        return
    rows = [
        (shown_time(item.recorded_at), item.file, f"{item.line:,}", item.field, item.reason)
        for item in answer
    ]
    out.print(table("Quarantine", ("recorded", "file", ">line", "field", "reason"), rows))


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
