"""Where facts come from: the events that set them, found in the histories."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from clearing.audit.explain.nodes import Node, Source, Subject
from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.rulebooks import rulebooks
from clearing.events import Kind, upcast
from clearing.events.fields import from_microseconds
from clearing.log import read_at
from clearing.quantities import format_exact, format_scaled

LISTED: Final = 200
"""How many postings of one purpose are listed one by one, unless another number is asked for."""


class Sources:
    """Finds the events behind the facts of a book loaded from the histories at a position.

    ``now`` (microseconds) is the moment that ages are counted to, by default the greatest time at
    which a fact had occurred: a late one makes nothing younger. ``rules`` is the moment whose
    rulebooks are in force, by default that of the position.
    """

    def __init__(
        self, histories: Histories, now: int | None = None, rules: Moment | None = None
    ) -> None:
        self.histories = histories
        self._rules = rules or histories.moment
        self.registry = histories.registry
        self.now = histories.latest_time() if now is None else now
        self.event = cache(self._event)
        self._adopted = cache(self._adoptions)

    def find(self, name: str, about: Subject) -> tuple[Source, ...]:
        """Return the events that a fact comes from, as :data:`~nodes.Find` has it."""
        finder = _FINDERS.get(name, Sources._rule)
        return tuple(self.event(position) for position in finder(self, about) if position)

    def _event(self, position: int) -> Source:
        row, leaf = read_at(self.histories.connection, position)
        row = upcast(row)
        return Source(
            position,
            Kind(row.kind).name,
            self.registry.source(row.source).name if row.source else "",
            row.external_id,
            from_microseconds(row.occurred_at),
            format_exact(max(self.now - row.occurred_at, 0), 6),
            leaf.hex(),
        )

    def _last(self, table: str, where: str, **values: Any) -> list[int]:
        found = self.histories.rows(
            f"SELECT position FROM {{{table}}} WHERE {where} AND position <= %(position)s"  # noqa: S608 - constants of this module
            " ORDER BY position DESC, line DESC LIMIT 1",
            [table],
            **values,
        )
        return [int(row[0]) for row in found]

    def observed(self, market: int, source: int, role: str, at: int) -> tuple[Source, ...]:
        """Return the event by which a source said at a moment (microseconds) what a price was."""
        row = self.histories.connection.execute(
            # The sum keeps the planner from walking back by position: the moment leads there.
            "SELECT max(position + 0) FROM clearing.log WHERE kind = %s AND market = %s"
            " AND source = %s AND occurred_at = %s AND position <= %s"
            " AND detail::jsonb ->> 'role' = %s",
            (Kind.PriceObserved, market, source, at, self.histories.moment.of_log(), role),
        ).fetchone()
        return (self.event(int(row[0])),) if row and row[0] else ()

    def marked(self, market: int, at: int) -> tuple[Source, ...]:
        """Return the event by which a mark of a moment (microseconds) was told."""
        rows = self.histories.rows(
            "SELECT max(l.position + 0) FROM clearing.log l WHERE l.kind = %(kind)s"
            " AND l.occurred_at = %(at)s AND l.position <= %(position)s AND EXISTS (SELECT FROM"
            " {mark} m WHERE m.market = %(market)s AND m.position = l.position)",
            ["mark"],
            kind=Kind.Marked,
            at=at,
            market=market,
        )
        return (self.event(int(rows[0][0])),) if rows and rows[0][0] else ()

    def _cash(self, about: Subject) -> list[int]:
        where = "ledger = 'account' AND ordinal = %(account)s AND asset = %(asset)s"
        return self._last("posting", where, account=about.account, asset=about.asset)

    def _position(self, about: Subject) -> list[int]:
        where = "holder_kind = 'account' AND holder = %(account)s AND market = %(market)s"
        return self._last("position_history", where, account=about.account, market=about.market)

    def _of_market(self, table: str, about: Subject, more: str = "") -> list[int]:
        return self._last(table, f"market = %(market)s{more}", market=about.market)

    def _mark(self, about: Subject) -> list[int]:
        return self._of_market("mark", about, " AND effective")

    def _index(self, about: Subject) -> list[int]:
        return self._of_market("funding", about)

    def _of_both(self, table: str, about: Subject) -> list[int]:
        where = "account = %(account)s AND market = %(market)s"
        return self._last(table, where, account=about.account, market=about.market)

    def _leverage(self, about: Subject) -> list[int]:
        return self._of_both("leverage", about) or self._rule(about)

    def _orders(self, about: Subject) -> list[int]:
        return self._of_both("orders", about)

    def _open_interest(self, about: Subject) -> list[int]:
        return self._of_market("open_interest", about)

    def _depth(self, about: Subject) -> list[int]:
        return self._of_market("depth", about)

    def _margin_rate(self, about: Subject) -> list[int]:
        return self._of_market("margin_rate", about)

    def _risk_array(self, about: Subject) -> list[int]:
        return self._of_market("risk_array", about)

    def _coming(self, about: Subject) -> list[int]:
        return self._of_market("funding_coming", about)

    def _declared(self, about: Subject) -> list[int]:
        row = self.histories.connection.execute(
            "SELECT position FROM clearing.log WHERE kind = 3 AND position <= %s"
            " ORDER BY position OFFSET %s LIMIT 1",
            (self.histories.moment.position, about.market - 1),
        ).fetchone()
        return [int(row[0])] if row else []

    def _rule(self, about: Subject) -> list[int]:
        """Return the adoption of the rulebook in force for what the subject settles in."""
        asset = about.asset
        if about.market:
            asset = self.registry.market(about.market).settlement_asset
        name = self.registry.asset(asset).name if asset else ""
        return [position for held, position in self._adopted() if held == name][-1:]

    def _adoptions(self) -> list[tuple[str, int]]:
        return [
            (view.settlement_asset, view.adopted)
            for view in rulebooks(self.histories.connection, self._rules)
            if view.status == "in_force"
        ]

    def _nothing(self, about: Subject) -> list[int]:
        del about
        return []

    def cash_by_purpose(self, account: int, asset: int, listed: int = LISTED) -> Node:
        """Return a balance as the sum of its postings, by purpose, each with its event.

        Of a purpose with more than ``listed`` postings the sum stands with the first and last.
        """
        decimals = self.registry.asset(asset).decimals
        values = {"account": account, "asset": asset}
        groups = self.histories.rows(
            "SELECT purpose, count(*), sum(amount), min(position), max(position) FROM {posting}"
            " WHERE ledger = 'account' AND ordinal = %(account)s AND asset = %(asset)s"
            " AND position <= %(position)s GROUP BY 1 ORDER BY 4",
            ["posting"],
            **values,
        )
        inputs, total = [], 0
        for purpose, count, amount, first, last in groups:
            total += int(amount)
            text = format_scaled(int(amount), decimals)
            if count > listed:
                ends = (self.event(int(last)), self.event(int(first)))
                note = f"{count:,} postings, log positions {first:,} to {last:,}"
                inputs.append(Node(str(purpose), "", text, note, ends, ()))
                continue
            rows = self.histories.rows(
                "SELECT position, amount FROM {posting}"
                " WHERE ledger = 'account' AND ordinal = %(account)s AND asset = %(asset)s"
                " AND position <= %(position)s AND purpose = %(purpose)s"
                " ORDER BY position, line, side",
                ["posting"],
                purpose=purpose,
                **values,
            )
            inputs.append(
                Node(str(purpose), "sum(inputs)", text, "", (), self._each(rows, decimals))
            )
        return Node("cash", "sum(inputs)", format_scaled(total, decimals), "", (), tuple(inputs))

    def _each(self, rows: Iterable[Any], decimals: int) -> tuple[Node, ...]:
        return tuple(
            Node(
                f"at {position:,}",
                "",
                format_scaled(int(amount), decimals),
                "",
                (self.event(int(position)),),
                (),
            )
            for position, amount in rows
        )


_FINDERS: Final = {
    "cash": Sources._cash,
    "balance": Sources._cash,
    "size": Sources._position,
    "cost": Sources._position,
    "accrued at touch": Sources._position,
    "index at touch": Sources._position,
    "pnl": Sources._position,
    "mark": Sources._mark,
    "value of one": Sources._mark,
    "value": Sources._mark,
    "notional": Sources._position,
    "open notional": Sources._open_interest,
    "index": Sources._index,
    "multiplier": Sources._declared,
    "leverage": Sources._leverage,
    "buys": Sources._orders,
    "sells": Sources._orders,
    "by side": Sources._orders,
    "depth": Sources._depth,
    "published rate": Sources._margin_rate,
    "funding": Sources._coming,
    "lot": Sources._declared,
    "loss of one": Sources._risk_array,
    "asked": Sources._nothing,
    "part": Sources._nothing,
    "gross": Sources._nothing,
}
"""How a fact's events are found, by its name; any other is the rulebook's."""

TOLD: Final = frozenset(
    name
    for name, finder in _FINDERS.items()
    if finder is not Sources._nothing and name not in ("pnl", "notional", "value")
)
"""Names of facts that events tell wherever they stand; pnl, notional and value are also figures."""
