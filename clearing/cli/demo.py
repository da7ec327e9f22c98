"""``clearing demo``: an incident day from beginning to end, and again from genesis."""

import time
from typing import Annotated

from cyclopts import Parameter

from clearing.audit import AccountView, LiquidationView
from clearing.cli.accounts import print_account
from clearing.cli.chart import equity_chart
from clearing.cli.funds import print_fund
from clearing.cli.house import print_trial_balance
from clearing.cli.keys import forget_demo_checkpoints
from clearing.cli.liquidations import print_liquidations
from clearing.cli.output import err, out, print_json, steps
from clearing.cli.where import Where, ledger, say
from clearing.ledger import Ledger
from clearing.samples import DEFAULT_INCIDENT_SEED, incident_day

_SHOWN = 12

Seed = Annotated[int, Parameter(help="which day; the same seed is the same day")]


def demo(
    *,
    seed: Seed = DEFAULT_INCIDENT_SEED,
    accounts: Annotated[int, Parameter(help="how many traders")] = 300,
    where: Where | None = None,
) -> None:
    """Generate an incident day, append it, project it, show what came of it, and rebuild it.

    It uses a database of its own (clearing_demo), made anew each time; look around afterwards with
    any command and --demo.
    """
    options = where or Where()
    options.demo = True
    began = time.monotonic()
    with ledger(options, fresh_demo=True) as opened:
        forget_demo_checkpoints(opened)
        say("generating an incident day of a small venue")
        events = list(incident_day(seed=seed, accounts=accounts))
        with steps("appended", len(events)) as progress:
            for receipt in opened.append_batches(events, batch=5000):
                progress.reached(receipt.tree_size)
        with steps("projected", len(events)) as progress:
            opened.project(progress=progress.reached)
        digest = opened.digest()
        _show(opened, options)
        with steps("rebuilt from genesis", len(events)) as progress:
            rebuilt = opened.rebuild(progress=progress.reached)
    took = time.monotonic() - began
    if options.json:
        print_json({"events": len(events), "digest": digest, "rebuilt": rebuilt})
        return
    same = "the same" if rebuilt.digest == digest else "NOT THE SAME"
    out.print("\n[bold]Digest of the whole book[/bold]")
    out.print(f"{digest}  as projected\n{rebuilt.digest}  rebuilt from genesis: {same}")
    err.print(
        f"\n{len(events):,} events in {took:.0f} s. Look around: clearing accounts --demo,"
        " clearing account NAME --demo, clearing verify --demo",
        style="dim",
    )


def _show(opened: Ledger, options: Where) -> None:
    if options.json:
        return
    steps_taken = opened.liquidations(limit=100_000)
    losses = [view for view in steps_taken if view.loss]
    balances = [line for line in opened.trial_balance() if not line.memo]
    print_trial_balance(balances, "Trial balance at the end of the day")
    history = opened.fund_history(limit=100_000)
    chosen = history[:: max(1, len(history) // _SHOWN)]
    if history and chosen[-1] != history[-1]:
        chosen.append(history[-1])
    print_fund(chosen, f"The fund's day ({len(chosen)} of {len(history)} lines)")
    accounts = {view.account for view in steps_taken}
    print_liquidations(
        losses[:_SHOWN],
        f"Liquidations: {len(steps_taken)} steps on {len(accounts)} accounts,"
        f" {len(losses)} with a loss; the first {min(_SHOWN, len(losses))} of those",
    )
    story = _subject(opened, steps_taken)
    if story is not None:
        out.print()
        print_account(story, f"at log position {story.log_position:,}")
        for scope in story.scopes:
            out.print(equity_chart(opened.account_story(story.account, scope.asset)), markup=False)


def _subject(opened: Ledger, views: list[LiquidationView]) -> AccountView | None:
    """Choose whose story to tell: the account with the most liquidation steps, first by name."""
    if not views:
        return None
    counts: dict[str, int] = {}
    for view in views:
        counts[view.account] = counts.get(view.account, 0) + 1
    name = min(counts, key=lambda account: (-counts[account], account))
    return opened.account(name)
