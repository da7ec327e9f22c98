"""Commands about the whole: a market, the house, the trial balance."""

from typing import Annotated

from cyclopts import Parameter

from clearing.audit import HouseAssetView, HouseView, MarketView, TrialBalanceLine
from clearing.cli.moment import WhenIn, folding, moment_of, named, print_scenario
from clearing.cli.output import amount, out, print_json, short, shown_time, table
from clearing.cli.where import Where, ledger


def market(
    market_name: Annotated[str, Parameter(name="market", help="the market's name")],
    /,
    *,
    when: WhenIn | None = None,
    where: Where | None = None,
) -> None:
    """Show a market as it was: prices and their age, funding, who holds how much, its rulebook."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with folding(moment) as progress:
            view = opened.market(market_name, moment, folding=progress)
    if where is not None and where.json:
        print_json(view)
        return
    print_scenario(view.reordered)
    if not view.exists:
        out.print(f"{view.market} was not declared {named(moment)}.", markup=False)
        return
    _print_market(view, named(moment))


def _print_market(view: MarketView, at: str) -> None:
    last = view.last_funding
    rows = [
        ("payoff", f"{view.payoff}, settled in {view.settlement_asset}"),
        ("state", view.state),
        ("rulebook", view.rulebook),
        ("mark is", view.price_status),
        ("open interest as told", amount(view.open_interest_told)),
        ("holders", f"{view.holders:,}"),
        ("funding index of longs", amount(view.funding_index)),
        ("funding index of shorts", amount(view.short_funding_index)),
        ("last funding rate", "" if last is None else f"{last.rate} at {amount(last.price)}"),
        ("settled", "" if last is None else shown_time(last.occurred_at)),
        *((f"ledger account {kind}", amount(text)) for kind, text in view.balances.items()),
    ]
    out.print(table(f"{view.market} {at}", ("", ">"), [row for row in rows if row[1]]))
    prices = [
        (
            price.role,
            amount(price.price) or "none yet",
            shown_time(price.since),
            "" if price.age_seconds is None else f"{price.age_seconds:,}",
            "" if price.log_position is None else f"{price.log_position:,}",
        )
        for price in view.prices
    ]
    columns = ("price", ">", "since", ">seconds", ">position")
    out.print(table("Prices", columns, prices))
    sides = {
        "longs": view.longs,
        "shorts": view.shorts,
        "control": view.control,
        "suspense": view.suspense,
    }
    held = [
        (
            name,
            amount(side.size),
            amount(side.cost),
            short(side.unrealised),
            short(side.accrued_funding),
        )
        for name, side in sides.items()
        if side is not None and (name in ("longs", "shorts") or side.size != "0")
    ]
    names = ("held by", ">size", ">cost", ">unrealised", ">accrued funding")
    out.print(table("", names, held))


def house(*, when: WhenIn | None = None, where: Where | None = None) -> None:
    """Show what everybody owns together, asset by asset, with the sums that must add up."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with folding(moment) as progress:
            view = opened.house(moment, folding=progress)
    if where is not None and where.json:
        print_json(view)
        return
    print_scenario(view.reordered)
    print_house(view, named(moment))


def print_house(view: HouseView, at: str) -> None:
    """Print the house as tables, one for each asset."""
    for asset in view.assets:
        out.print(table(f"The house in {asset.asset} {at}", _COLUMNS, _house_rows(asset)))
        wrong = [f"{name} by {left}" for name, left in asset.differences.items() if left != "0"]
        if wrong:
            out.print(f"The sums of {asset.asset} do not add up: {', '.join(wrong)}", style="red")


_COLUMNS = ("", ">cash", ">unrealised", ">accrued funding", ">equity")


def _house_rows(asset: HouseAssetView) -> list[tuple[str, ...]]:
    owners = {"accounts": asset.accounts, "funds": asset.funds, "not named": asset.others}
    rows = [
        (name, *(short(x) for x in (who.cash, who.unrealised, who.accrued_funding, who.equity)))
        for name, who in owners.items()
    ]
    rows += [(kind, short(units), "", "", "") for kind, units in asset.ledgers.items()]
    beside = (
        ("value that nobody stands against", ("", short(asset.open_value), "", "")),
        ("left by rounding funding", ("", "", short(asset.funding_remainder), "")),
        ("of the funds' equity providers'", ("", "", "", short(asset.fund_claims))),
    )
    rows += [(name, *cells) for name, cells in beside if set(cells) != {"", "0"}]
    return rows


def trial_balance(*, when: WhenIn | None = None, where: Where | None = None) -> None:
    """Show every ledger account's balance; each asset sums to zero."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with folding(moment) as progress:
            answer = opened.trial_balance(moment, folding=progress)
    if where is not None and where.json:
        print_json(answer)
        return
    print_scenario(moment.reordered)
    print_trial_balance(answer, f"Trial balance {named(moment)}")


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
