"""The tables of a generation in names and exact decimals, row by row, for other programs.

They are every history of the read models, and beside them what those refer to: ``event``,
``asset``, ``market`` and ``account``. Rows come in pages, in the order of the log.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row

from clearing.audit.entry_texts import entry_fields
from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.events import EventRow, Registry, decode, upcast
from clearing.events.fields import from_microseconds
from clearing.log import Connection, read_log
from clearing.projectors import TABLES
from clearing.quantities import format_exact

_PAGE: Final = 10_000
"""How many rows are read at a time."""

_PLAIN: Final = {"bigint": "integer", "integer": "integer", "smallint": "integer"}
_NAMED: Final = frozenset(
    {
        "account",
        "asset",
        "market",
        "holder",
        "candidate",
        "taker",
        "payer",
        "provider",
        "ordinal",
        "counter_ordinal",
    }
)
"""Ordinals, which are told as names."""
_TIMES: Final = frozenset({"due_at", "stamp", "ends_at", "resumes_at"})

Value = str | int | bool
Row = tuple[Value, ...]
Pages = Generator[list[Row], None, None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, and what is in it.

    ``integer``; ``boolean``; ``time`` (ISO 8601 in UTC with microseconds, empty: none); ``decimal``
    (exact decimals as text, empty: none); or ``text``.
    """

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table: its name, its columns, and pages of its rows."""

    name: str
    columns: tuple[Column, ...]
    pages: Callable[[], Pages]


def tables(connection: Connection, moment: Moment) -> list[TableRead]:
    """Return the tables of the log's books up to a moment.

    Raises :class:`~clearing.audit.MomentUnclear` where the moment's books are not the log's.
    """
    moment.of_log()
    histories = Histories(connection, moment)
    found = [_events(histories), *_declared(histories.registry)]
    return found + [_history(histories, kind) for kind in TABLES]


def _history(histories: Histories, kind: str) -> TableRead:
    """Return the history of a kind of entry."""
    table = TABLES[kind]
    side = ("side",) if kind == "posting" else ()
    fields = [(name, sql) for name, sql in table.columns if name not in ("position", "line", *side)]
    told = ("balance_before",) if kind == "posting" else ()
    columns = (
        *(Column(name, "integer") for name in ("position", "line", *side)),
        Column("occurred_at", "time"),
        *(Column(name, _type(name, sql)) for name, sql in fields),
        *(Column(name, "decimal") for name in told),
    )
    place = ("position", "line", *side)

    def pages() -> Pages:
        for rows in _pages(histories, table.name, table.names, place):
            yield [_told(histories.registry, kind, place, row) for row in rows]

    return TableRead(table.name, columns, pages)


def _type(name: str, sql: str) -> str:
    if name in _NAMED:
        return "text"
    if name in _TIMES:
        return "time"
    if sql.startswith("boolean"):
        return "boolean"
    if sql.startswith("numeric"):
        return "decimal"
    return _PLAIN.get(sql.partition(" ")[0], "text")


def _pages(
    histories: Histories, table: str, names: Sequence[str], place: Sequence[str]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table in pages, each row with the time of its event.

    Few tables have an index in the order of the log, so the database sorts once and keeps the
    place, in a transaction of its own.
    """
    query = sql.SQL(
        "SELECT l.occurred_at AS at, {columns} FROM {table} t"
        " JOIN clearing.log l ON l.position = t.position WHERE t.position <= %s ORDER BY {order}"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("t", name) for name in names),
        table=sql.Identifier(histories.schema, table),
        order=sql.SQL(", ").join(sql.Identifier("t", name) for name in place),
    )
    connection = histories.connection
    with (
        connection.transaction(),
        connection.cursor(name="clearing_table", row_factory=dict_row) as cursor,
    ):
        cursor.execute(query, (histories.position,))
        while rows := cursor.fetchmany(_PAGE):
            yield rows


def _told(registry: Registry, kind: str, place: Sequence[str], row: dict[str, Any]) -> Row:
    at = row.pop("at")
    numbers = [int(row[name]) for name in place]
    fields = entry_fields(registry, kind, row)
    for name in _TIMES & fields.keys():
        fields[name] = _time(int(row[name])) if row[name] else ""
    return (*numbers, _time(int(at)), *fields.values())


def _time(microseconds: int) -> str:
    moment = from_microseconds(microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _events(histories: Histories) -> TableRead:
    """Return the events of the log, with the hash that the log holds each by."""
    columns = (
        Column("position", "integer"),
        Column("kind", "text"),
        Column("source", "text"),
        Column("external_id", "text"),
        Column("occurred_at", "time"),
        Column("leaf", "text"),
        Column("content", "text"),
    )

    def pages() -> Pages:
        registry = histories.registry
        for stored in read_log(histories.connection, upto=histories.position, batch=_PAGE):
            yield [_event(row, leaf, registry) for row, leaf in stored]

    return TableRead("event", columns, pages)


def _event(row: EventRow, leaf: bytes, registry: Registry) -> Row:
    event = decode(upcast(row), registry)
    content = event.model_dump(mode="json", exclude=_SHOWN, exclude_none=True)
    return (
        row.position,
        event.kind,
        event.source,
        event.external_id,
        _time(row.occurred_at),
        leaf.hex(),
        json.dumps(content, ensure_ascii=False, sort_keys=True),
    )


_SHOWN: Final = {"kind", "source", "external_id", "occurred_at"}
"""What of an event's document has columns of its own."""


def _declared(registry: Registry) -> Iterator[TableRead]:
    """Yield what was declared, with the ordinals that JSON texts in histories refer to."""
    _, assets, markets, accounts = registry.counts()

    def table(
        name: str, columns: Sequence[Column], row: Callable[[int], Row], many: int
    ) -> TableRead:
        def pages() -> Pages:
            for first in range(1, many + 1, _PAGE):
                yield [row(n) for n in range(first, min(first + _PAGE, many + 1))]

        return TableRead(
            name, (Column("ordinal", "integer"), Column("name", "text"), *columns), pages
        )

    def asset(n: int) -> Row:
        spec = registry.asset(n)
        return (n, spec.name, spec.decimals)

    def market(n: int) -> Row:
        spec = registry.market(n)
        base = registry.asset(spec.base_asset).name if spec.base_asset else ""
        return (
            n,
            spec.name,
            spec.payoff,
            registry.asset(spec.settlement_asset).name,
            base,
            format_exact(spec.multiplier, spec.multiplier_decimals),
            spec.price_decimals,
            spec.mark_decimals,
            spec.size_decimals,
        )

    def account(n: int) -> Row:
        spec = registry.account(n)
        parent = registry.account(spec.parent).name if spec.parent else ""
        return (n, spec.name, spec.account_class, spec.owner or "", parent)

    yield table("asset", [Column("decimals", "integer")], asset, assets)
    yield table(
        "market",
        [
            Column("payoff", "text"),
            Column("settlement_asset", "text"),
            Column("base_asset", "text"),
            Column("multiplier", "decimal"),
            *(Column(f"{of}_decimals", "integer") for of in ("price", "mark", "size")),
        ],
        market,
        markets,
    )
    yield table(
        "account",
        [Column(name, "text") for name in ("account_class", "owner", "parent")],
        account,
        accounts,
    )
