"""Explaining an account's equity and margin, its funding, a fund and a price, at a moment."""

from dataclasses import dataclass, replace
from fractions import Fraction

from clearing.audit.explain.clauses import Clause, clause_of
from clearing.audit.explain.nodes import Node, Subject, nodes_of, with_input
from clearing.audit.explain.sources import LISTED, Sources
from clearing.audit.load import Histories
from clearing.audit.losses import NameUnknown, declared
from clearing.audit.moments import Moment
from clearing.audit.replay.sums import exact_text
from clearing.engine.valuation import measure
from clearing.log import Connection
from clearing.quantities import Trace, format_exact, format_scaled


@dataclass(frozen=True, slots=True)
class Explanation:
    """A number and its working, as of a log position.

    ``question`` is ``equity``, ``margin``, ``funding``, ``fund`` or ``price``; ``about`` the names
    it is about. ``rulebook`` is None where no rule enters.
    """

    question: str
    about: tuple[str, ...]
    log_position: int
    result: str
    tree: Node
    rulebook: Clause | None


def explain_equity(
    connection: Connection,
    account: str,
    asset: str,
    moment: Moment,
    *,
    listed: int = LISTED,
) -> Explanation:
    """Return the working of an account's equity in an asset, its cash posting by posting.

    Raises :class:`~clearing.audit.NameUnknown` for names that were not declared by then.
    """
    asked = _Asked(connection, account, asset, moment)
    tree = asked.equity(listed)
    return asked.answer("equity", tree)


def explain_margin(
    connection: Connection,
    account: str,
    asset: str,
    moment: Moment,
    *,
    level: str = "maintenance",
    listed: int = LISTED,
) -> Explanation:
    """Return the working of what an account has beyond a margin level: below 0, it misses it.

    Raises :class:`~clearing.audit.NameUnknown` also where the account's rules have no such level.
    """
    asked = _Asked(connection, account, asset, moment)
    parts = {node.name: node for node in asked.parts}
    rules = asked.scope.rules
    place = None if rules is None else rules.place(level)
    if place is None:
        have = "no rules bind it" if rules is None else f"its levels are {', '.join(rules.levels)}"
        raise NameUnknown(f"{account!r} has no level {level!r} in {asset}: {have}")
    haircut = f"haircut {level}"
    formula, inputs = "equity", [asked.equity(listed)]
    if haircut in parts:
        formula += f" - {haircut.replace(' ', '_')}"
        inputs.append(parts[haircut])
    inputs.append(parts[level])
    result = format_exact(asked.now.surplus(place), asked.working)
    tree = Node(f"beyond {level}", f"{formula} - {_name(level)}", result, "", (), tuple(inputs))
    return asked.answer("margin", tree)


def explain_funding(
    connection: Connection, account: str, market: str, moment: Moment
) -> Explanation:
    """Return the working of what funding an account got (negative: paid) in a market, ever.

    What was posted, event by event, and what has accrued since the position was last touched.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = registry.market_ordinals.get(market, 0)
    if not ordinal:
        raise NameUnknown(f"no market {market!r} was declared by log position {moment.position:,}")
    asset = registry.asset(registry.market(ordinal).settlement_asset)
    asked = _Asked(connection, account, asset.name, moment)
    posted = _posted_funding(asked, ordinal, asset.decimals)
    name = f"accrued funding {market}"
    equity = next(node for node in asked.parts if node.name == "equity")
    accrued = next((node for node in equity.inputs if node.name == name), None)
    if accrued is None:
        return asked.answer("funding", posted, market)
    accrued = _with_settlements(asked, accrued, ordinal)
    inputs = (posted, Node("accrued", "sum(inputs)", accrued.result, "", (), (accrued,)))
    total = exact_text(sum((Fraction(part.result) for part in inputs), Fraction(0)))
    tree = Node("funding", "posted + accrued", total, "", (), inputs)
    return asked.answer("funding", tree, market)


def explain_fund(
    connection: Connection, fund: str, asset: str, moment: Moment, *, listed: int = LISTED
) -> Explanation:
    """Return the working of a fund's equity: cash posting by posting, inventory at the mark."""
    asked = _Asked(connection, fund, asset, moment)
    if asked.registry.account(asked.account).account_class != "fund":
        raise NameUnknown(f"account {fund!r} is not of class fund")
    return asked.answer("fund", asked.equity(listed))


class _Asked:
    """A question about one account in one asset, with the working of all its figures."""

    def __init__(self, connection: Connection, account: str, asset: str, moment: Moment) -> None:
        self.histories = Histories(connection, moment)
        self.registry = self.histories.registry
        self.names = (account, asset)
        self.account = declared(self.registry, account, moment)
        self.asset = self.registry.asset_ordinals.get(asset, 0)
        if not self.asset:
            raise NameUnknown(
                f"no asset {asset!r} was declared by log position {moment.position:,}"
            )
        book = self.histories.book([self.account])
        self.scope = book.scope(self.account, self.asset)
        self.working = book.assets[self.asset].working
        self.rulebook = book.assets[self.asset].rulebook
        self.sources = Sources(self.histories)
        trace = Trace("figures")
        self.now = measure(book, self.scope, trace)
        about = Subject(self.account, 0, self.asset)
        self.parts = [nodes_of(child, about, self.sources.find) for child in trace.inputs]

    def equity(self, listed: int) -> Node:
        """Return equity, collateral in other assets included, with cash by its postings."""
        found = {node.name: node for node in self.parts}
        cash = self.sources.cash_by_purpose(self.account, self.asset, listed)
        own = with_input(found["equity"], "cash", cash)
        if "collateral" not in found:
            return own
        parts = (replace(own, name="own"), found["collateral"])
        result = format_exact(self.now.equity, self.working)
        return Node("equity", "own + collateral", result, "", (), parts)

    def answer(self, question: str, tree: Node, *more: str) -> Explanation:
        """Return the explanation that a tree is."""
        position = self.histories.moment.position
        about = (*self.names, *more)
        clause = clause_of(self.sources, self.rulebook)
        return Explanation(question, about, position, tree.result, tree, clause)


def _name(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text)


def _posted_funding(asked: _Asked, market: int, decimals: int) -> Node:
    rows = asked.histories.rows(
        "SELECT position, amount FROM {posting} WHERE ledger = 'account' AND ordinal = %(account)s"
        " AND asset = %(asset)s AND purpose = 'funding' AND market = %(market)s"
        " AND position <= %(position)s ORDER BY position, line",
        ["posting"],
        account=asked.account,
        asset=asked.asset,
        market=market,
    )
    inputs = tuple(
        Node(
            f"at {position:,}",
            "",
            format_scaled(int(amount), decimals),
            "",
            (asked.sources.event(int(position)),),
            (),
        )
        for position, amount in rows
    )
    total = sum(int(amount) for _, amount in rows)
    note = "what roundings left stays accrued, or is stated as a remainder"
    text = format_scaled(total, decimals)
    return Node("posted", "sum(inputs)" if inputs else "0", text, note, (), inputs)


def _with_settlements(asked: _Asked, accrued: Node, market: int) -> Node:
    """Let the index stand with the settlements since the position was last touched."""
    touched = accrued.named("size").sources
    since = touched[0].log_position if touched else 0
    rows = asked.histories.rows(
        "SELECT position FROM {funding} WHERE market = %(market)s AND moved"
        " AND position > %(since)s AND position <= %(position)s ORDER BY position DESC",
        ["funding"],
        market=market,
        since=since,
    )
    events = tuple(asked.sources.event(int(row[0])) for row in rows)
    index = accrued.named("index")
    note = f"moved by {len(events):,} settlements since the position was touched"
    shown = replace(index, note=note, sources=events or index.sources)
    return with_input(accrued, "index", shown)
