"""Commands that explain: equity, margin, funding, a fund, a liquidation."""

import json
from collections.abc import Callable, Sequence
from typing import Annotated

from cyclopts import App, Parameter, validators
from rich.markup import escape
from rich.tree import Tree

from clearing.audit import Explanation, LiquidationExplained, PriceExplained
from clearing.audit.explain import Clause, CloseStep, Node, Observation, RungStep, Source
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, clock, out, print_json, print_text, short, table
from clearing.cli.where import Where, ledger
from clearing.ledger import Ledger

app = App(name="explain", help="Why a number is what it is, down to the events it comes from.")

_SHOWN = 12
_INPUTS = 30

Depth = Annotated[
    int, Parameter(help="how deep the tree is shown", validator=validators.Number(gte=1, lte=50))
]
Asset = Annotated[str | None, Parameter(help="the asset; by default that of its only rulebook")]


@app.command
def equity(
    account: str,
    /,
    *,
    asset: Asset = None,
    when: When | None = None,
    depth: Depth = 4,
    where: Where | None = None,
) -> None:
    """Explain an account's equity: cash by its postings, positions at their marks, funding."""
    _explain(lambda opened, a, p: opened.explain_equity(account, a, p), asset, when, depth, where)


@app.command
def margin(
    account: str,
    /,
    *,
    asset: Asset = None,
    level: Annotated[str, Parameter(help="which level of the rulebook")] = "maintenance",
    when: When | None = None,
    depth: Depth = 4,
    where: Where | None = None,
) -> None:
    """Explain what an account has beyond a margin level; below 0, it misses it."""
    _explain(
        lambda opened, a, p: opened.explain_margin(account, a, p, level=level),
        asset,
        when,
        depth,
        where,
    )


@app.command
def funding(
    account: str,
    market: str,
    /,
    *,
    when: When | None = None,
    depth: Depth = 4,
    where: Where | None = None,
) -> None:
    """Explain all funding that an account got (negative: paid) in a market."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        answer = opened.explain_funding(account, market, moment.plain())
    _show(answer, depth, where)


@app.command
def fund(
    fund_account: str,
    /,
    *,
    asset: Asset = None,
    when: When | None = None,
    depth: Depth = 4,
    where: Where | None = None,
) -> None:
    """Explain a fund's equity: what came in and went out, and its inventory at the marks."""
    _explain(
        lambda opened, a, p: opened.explain_fund(fund_account, a, p), asset, when, depth, where
    )


@app.command
def liquidation(
    account: str, /, *, when: When | None = None, depth: Depth = 3, where: Where | None = None
) -> None:
    """Explain an account's last liquidation: which inequality, at which mark, sold to whom."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        answer = opened.explain_liquidation(account, moment.plain())
    if where is not None and where.json:
        print_json(answer)
        return
    print_liquidation(answer, depth)


@app.command
def price(
    market: str,
    /,
    *,
    depth: Depth = 4,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Explain a market's prices: what each source said last, how long ago, and what came of it."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        answer = opened.explain_price(market, moment.plain())
    if where is not None and where.json:
        print_json(answer)
        return
    print_price(answer, depth)


def _explain(
    ask: Callable[[Ledger, str, int], Explanation],
    asset: str | None,
    when: When | None,
    depth: int,
    where: Where | None,
) -> None:
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        named = _only_asset(opened, moment.plain()) if asset is None else asset
        answer = ask(opened, named, moment.plain())
    _show(answer, depth, where)


def _show(answer: Explanation, depth: int, where: Where | None) -> None:
    if where is not None and where.json:
        print_json(answer)
        return
    print_explanation(answer, depth)


def _only_asset(opened: Ledger, position: int) -> str:
    """Return the asset that a rulebook is in force for, if it is the only one."""
    names = opened.settlement_assets(position)
    if not names:
        raise ValueError(
            f"no rulebook was in force by log position {position:,}; --asset names the asset to"
            " explain without one"
        )
    if len(names) > 1:
        raise ValueError(f"--asset is needed: rulebooks are in force for {', '.join(names)}")
    return names[0]


def print_explanation(answer: Explanation, depth: int) -> None:
    """Print an explanation as a tree."""
    title = f"{answer.question} of {', '.join(answer.about)} at log position"
    out.print(f"{title} {answer.log_position:,}: {amount(answer.result)}", markup=False)
    if answer.rulebook is not None:
        _print_rules(answer.rulebook)
    out.print(_tree(answer.tree, depth))


def _print_rules(rules: Clause, whose: str = "") -> None:
    """Print which rulebook is in force, and where its rules are read."""
    out.print(
        f"by {rules.rulebook} ({rules.document_sha256[:_SHOWN]}){whose}, adopted at log position"
        f" {rules.adopted.log_position:,}, confidence {rules.confidence}",
        markup=False,
    )
    for citation in rules.citations:
        out.print(f"  {citation}", markup=False)


def _tree(node: Node, depth: int) -> Tree:
    tree = Tree(_line(node), guide_style="dim")
    _grow(tree, node, depth - 1)
    return tree


def _grow(tree: Tree, node: Node, depth: int) -> None:
    if depth < 1:
        if node.inputs:
            tree.add(f"[dim]… {len(node.inputs):,} inputs (--depth, or --json)[/dim]")
        return
    for child in node.inputs[:_INPUTS]:
        _grow(tree.add(_line(child)), child, depth - 1)
    if len(node.inputs) > _INPUTS:
        tree.add(f"[dim]… {len(node.inputs) - _INPUTS:,} more (--json)[/dim]")


def _line(node: Node) -> str:
    parts = [f"{escape(node.name)} [bold]{escape(amount(node.result))}[/bold]"]
    if node.formula and node.formula != "sum(inputs)":
        parts.append(f"[dim]= {escape(node.formula)}[/dim]")
    if node.note:
        parts.append(f"[dim]({escape(node.note)})[/dim]")
    if node.sources:
        parts.append(f"[dim]← {escape(_source(node.sources[0]))}[/dim]")
    return " ".join(parts)


def _source(source: Source) -> str:
    when = clock(source.occurred_at)
    return f"{source.log_position:,} {source.kind} {source.source}/{source.external_id}, {when}"


def print_price(answer: PriceExplained, depth: int) -> None:
    """Print a market's prices and what they come from."""
    made_by = "" if answer.made_by is None else _source(answer.made_by)
    rows = [
        ("mark", amount(answer.mark), f"{answer.status}; {made_by}"),
        *(("mark as recorded", amount(one.price), _age(one)) for one in [answer.recorded] if one),
        *((f"role {role}", amount(value), "") for role, value in answer.roles.items()),
        *(
            (f"{one.source}: {one.role}", amount(one.price), _age(one))
            for one in answer.observations
        ),
    ]
    title = f"Prices of {answer.market} at log position {answer.log_position:,}"
    out.print(table(title, ("", ">price", ""), rows))
    for working in answer.workings:
        out.print(_tree(working, depth))
    if answer.rules:
        out.print("by the rulebook's", style="dim")
        print_text(json.dumps(answer.rules, indent=2, ensure_ascii=False))


def _age(one: Observation) -> str:
    return f"{clock(one.occurred_at)}, {one.age_seconds} s before"


def print_liquidation(answer: LiquidationExplained, depth: int) -> None:
    """Print a liquidation, rung by rung."""
    out.print(
        f"{answer.account} at log position {answer.log_position:,}: {_source(answer.event)}",
        markup=False,
    )
    for asset, rules in answer.rulebooks.items():
        _print_rules(rules, f" for {asset}")
    for close in answer.closes:
        _print_close(close, depth)
    for step in answer.steps:
        _print_step(step, depth)


def _print_close(close: CloseStep, depth: int) -> None:
    out.print()
    marks = ", ".join(f"{market} {mark}" for market, mark in close.marks.items())
    whose = f"for rung {close.rung}" if close.rung else "by the venue"
    out.print(f"[bold]{close.outcome}, {whose}[/bold]: at marks {escape(marks) or '-'}")
    _print_workings(close, depth)


def _print_step(step: RungStep, depth: int) -> None:
    out.print()
    marks = ", ".join(f"{market} {mark}" for market, mark in step.marks.items())
    equity = short(str(step.equity))
    if step.counted != step.equity:
        equity += f", of which {short(step.counted)} counts"
    threshold = f"{short(str(step.threshold))} ({step.factor} × {step.level or 'nothing'})"
    out.print(
        f"[bold]rung {step.rung}, {escape(str(step.action))}[/bold]: equity"
        f" {equity} {escape(str(step.comparator))} {escape(threshold)}: short of"
        f" it by {short(step.short)}; at marks {escape(marks) or '-'}"
    )
    _print_workings(step, depth)


def _print_workings(step: RungStep | CloseStep, depth: int) -> None:
    """Print what a rung or a close stood on, what it did, and what followed."""
    tree = Tree("on", guide_style="dim")
    for part in step.working:
        _grow(tree.add(_line(part)), part, depth - 1)
    out.print(tree)
    if step.did:
        did = Tree("did", guide_style="dim")
        for place, part in enumerate(step.did[:_INPUTS], start=1):
            _grow(did.add(f"[dim]{place}.[/dim] {_line(part)}"), part, depth - 1)
        if len(step.did) > _INPUTS:
            did.add(f"[dim]… {len(step.did) - _INPUTS:,} more (--json)[/dim]")
        out.print(did)
    followed = Tree("and then", guide_style="dim")
    for entry in step.entries:
        words = _words(entry)
        if words:
            followed.add(escape(words))
    out.print(followed)


def _words(entry: dict[str, str | int]) -> str:
    fields = [f"{name} {value}" for name, value in entry.items() if name != "entry" and value != ""]
    return f"{entry['entry']}: {', '.join(_one_line(fields))}"


def _one_line(fields: Sequence[str]) -> Sequence[str]:
    return [" ".join(field.split()) for field in fields]
