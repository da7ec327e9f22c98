"""Commands about what went wrong: liquidations, and fills against their source."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from clearing.audit import DeviationView, FillReport, LiquidationView, ToldLiquidationView
from clearing.cli.moment import Limit, When, WhenIn, moment_of
from clearing.cli.output import amount, clock, out, print_json, short, table
from clearing.cli.where import Where, ledger

_LISTED = 30


def liquidations(
    *,
    account: Annotated[str | None, Parameter(help="only this account's")] = None,
    when: WhenIn | None = None,
    told: Annotated[
        bool, Parameter(negative=(), help="what the venue says it liquidated, instead")
    ] = False,
    limit: Limit = 1000,
    where: Where | None = None,
) -> None:
    """List the steps of liquidation ladders: the inequality, what was closed, who bore a loss."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        if told:
            _told(opened.told_liquidations(moment, account=account, limit=limit), where)
            return
        answer = opened.liquidations(moment, account=account, limit=limit)
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


def fills(*, when: When | None = None, where: Where | None = None) -> None:
    """Compare recorded fills with their source's own figures: sides, sizes before, closed PnL."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        answer = opened.fill_report(moment)
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
