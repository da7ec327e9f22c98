"""Commands about funds: what they have, who provides it, and their history."""

from typing import Annotated

from cyclopts import Parameter

from clearing.audit import FundStateView, FundView
from clearing.cli.accounts import position_table
from clearing.cli.moment import Limit, WhenIn, folding, moment_of, named, print_scenario
from clearing.cli.output import amount, clock, out, print_json, short, table
from clearing.cli.where import Where, ledger


def fund(
    fund_account: Annotated[str | None, Parameter(help="only this fund")] = None,
    /,
    *,
    when: WhenIn | None = None,
    history: Annotated[
        bool, Parameter(negative=(), help="each change of them so far, instead")
    ] = False,
    limit: Limit = 1000,
    where: Where | None = None,
) -> None:
    """Show the funds: cash, inventory at mark, equity, positions and who has shares."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        if history:
            lines = opened.fund_history(fund_account, moment, limit=limit)
        else:
            with folding(moment) as progress:
                answer = opened.funds(fund_account, moment, folding=progress)
    if where is not None and where.json:
        print_json(lines if history else answer)
    elif history:
        print_fund(lines)
    else:
        print_scenario(moment.reordered)
        if fund_account is not None and not answer:
            out.print(f"no fund {fund_account!r} had anything {named(moment)}", markup=False)
            return
        _print_state(answer, f"Funds {named(moment)}")


def _print_state(views: list[FundStateView], title: str) -> None:
    rows = [
        (
            view.fund,
            view.asset,
            amount(view.cash),
            short(view.inventory),
            short(view.equity),
            amount(view.shares),
        )
        for view in views
    ]
    columns = ("fund", "asset", ">cash", ">inventory at mark", ">equity", ">shares")
    out.print(table(title, columns, rows))
    for view in views:
        if view.positions:
            out.print(f"{view.fund}, {view.asset}", markup=False)
            out.print(position_table(view.positions))
    provided = [
        (
            share.fund,
            share.provider or "(the venue)",
            amount(share.shares),
            amount(share.total_shares),
            f"{amount(share.worth)} {share.asset}",
            amount(share.leaving),
        )
        for view in views
        for share in view.providers
    ]
    if provided:
        names = ("fund", "provider", ">shares", ">of", ">worth", ">leaving with")
        out.print(table("Providers of funds", names, provided))


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
