"""What touched an account or a market: which tables name it, and how its rows are found there.

An event touches whom it names, and whom an entry of it names. Where an entry can name somebody is
read off the fields of its kind, so that a new kind is found without a word here; how rows are found
is read off the indexes of its table. Fees have none by market: they stand beside its other entries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from psycopg import sql

from clearing.audit.load import Histories
from clearing.events.kinds import Kind
from clearing.projectors import BETWEEN, OF_MARKETS, TABLES

Sort = Literal["account", "market"]

_ACCOUNTS: Final = ("account", "taker", "candidate", "payer", "provider")
"""Fields of entries that hold an account's ordinal (0: none); ``holder`` does beside a kind."""

_OWNED: Final = ("account", "pending")
"""Kinds of ledger account that an account has."""

_SILENT: Final = {
    "account": "account > 0 AND (kind NOT IN (10, 11, 12, 13, 14, 15, 21, 22, 23, 24)"
    " OR (kind = 22 AND flags <> 0))",
    "contra": "contra > 0 AND (kind NOT IN (3, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24)"
    " OR (kind = 22 AND flags <> 0))",
    "market": "market > 0 AND kind NOT IN (21, 22, 23, 24, 31, 32, 34, 35)",
}
"""Which events may leave no entry that names the account or market in a column of theirs.

The conditions are those of the log's indexes: see the migration that made them.
"""


@dataclass(frozen=True, slots=True)
class Path:
    """A way to the rows of a table that name somebody (``%(who)s``).

    ``where`` picks them out. ``key`` are the columns of the index that leads to them, before the
    position, with the value of each; ``s.v`` is each value that there is of ``sub``, the last of
    these columns, if not all are given. ``only`` is the condition of a partial index. Without
    ``leads`` no index is, and rows are found by their events alone; without a ``key`` it is another
    sort of index.
    """

    kind: str
    table: str
    where: str
    key: tuple[tuple[str, str], ...] = ()
    sub: str | None = None
    only: str = "true"
    leads: bool = True


def paths(sort: Sort) -> list[Path]:
    """Return every way to rows that name an account, or a market."""
    found = []
    for kind, table in TABLES.items():
        if kind == "posting":
            found += _postings(sort)
            continue
        for column, where in _conditions(kind, dict(table.columns), sort):
            if column:
                found.append(_path(kind, where, column))
            else:
                found.append(Path(kind, table.name, where))
    return found


def _postings(sort: Sort) -> list[Path]:
    kinds = _OWNED if sort == "account" else OF_MARKETS
    found = [
        Path(
            "posting",
            "posting",
            f"ledger = '{kind}' AND ordinal = %(who)s",
            (("ledger", f"'{kind}'"), ("ordinal", "%(who)s"), ("asset", "s.v")),
            "asset",
        )
        for kind in kinds
    ]
    if sort == "market":
        named, key = "market = %(who)s AND ", (("market", "%(who)s"),)
        beyond, fees = f"{BETWEEN} AND purpose <> 'fee'", f"{BETWEEN} AND purpose = 'fee'"
        found.append(Path("posting", "posting", named + beyond, key, only=beyond))
        found.append(Path("posting", "posting", named + fees, leads=False))
    return found


def _conditions(kind: str, columns: dict[str, str], sort: Sort) -> Iterable[tuple[str, str]]:
    """Yield what names somebody in a kind of entry: a column (none: a list) and the condition."""
    if sort == "market":
        if "market" in columns:
            yield "market", "market = %(who)s"
        return
    for field in _ACCOUNTS:
        if field in columns:
            yield field, f"{field} = %(who)s"
    if "holder" in columns:
        yield "holder", "holder_kind = 'account' AND holder = %(who)s"
    if kind == "adl_order":
        yield "", "accounts::jsonb @> to_jsonb(%(who)s::int)"


def _path(kind: str, where: str, column: str) -> Path:
    """Return the path by the index that leads from a column to positions, if there is one."""
    table = TABLES[kind]
    before = [("holder_kind", "'account'")] if column == "holder" else []
    key = (*before, (column, "%(who)s"))
    best = Path(kind, table.name, where, leads=False)
    for index in table.indexes:
        names = index.split(", ")
        if names[: len(key)] != [name for name, _ in key]:
            continue
        after = names[len(key) :]
        if after[:1] == ["position"]:
            return Path(kind, table.name, where, key)
        if after[1:2] == ["position"]:
            best = Path(kind, table.name, where, (*key, (after[0], "s.v")), after[0])
    return best


@dataclass(frozen=True, slots=True)
class Span:
    """Which events are looked for: from ``first`` to ``last``, of ``kinds`` (empty: any)."""

    first: int
    last: int
    kinds: tuple[int, ...] = ()


class Touching:
    """What touched one account or market in a generation's histories."""

    def __init__(self, histories: Histories, sort: Sort, who: int, entries: Iterable[str] = ()):
        self._histories = histories
        self._sort = sort
        self._who = who
        self._paths = paths(sort)
        self._entries = frozenset(entries)
        self._subs: dict[Path, list[Any]] = {}

    def events(self, span: Span, limit: int) -> list[int]:
        """Return the positions of the first ``limit`` events of ``span`` that touched it.

        Where only some kinds of entry are asked for, events without any may be among them.
        """
        leading = [path for path in self._paths if path.leads]
        if self._entries and all(path.leads for path in self._paths if path.kind in self._entries):
            leading = [path for path in leading if path.kind in self._entries]
            found = set[int]()
        else:
            found = set(self._silent(span, limit))
        for path in leading:
            found.update(self._positions(path, span, limit))
        return sorted(found)[:limit]

    def lines(self, positions: Sequence[int]) -> dict[int, list[tuple[int, int, str, Any]]]:
        """Return the entries of some events that name it: (line, side, kind, row) by position.

        Ordered by line; a row is a mapping of the table's columns. ``side`` is 0 but for postings.
        """
        found: dict[tuple[int, int, int], tuple[str, Any]] = {}
        for path in self._paths:
            if self._entries and path.kind not in self._entries:
                continue
            for row in self._rows(path, positions):
                key = (row["position"], row["line"], row.get("side", 0))
                found[key] = (path.kind, row)
        by_event: dict[int, list[tuple[int, int, str, Any]]] = {}
        for (position, line, side), (kind, row) in sorted(found.items(), key=lambda item: item[0]):
            by_event.setdefault(position, []).append((line, side, kind, row))
        return by_event

    def subs(self, path: Path) -> list[Any]:
        """Return the values of a path's ``sub`` that there are, from one to the next."""
        if path.sub is None:
            return []
        known = self._subs.get(path)
        if known is None:
            query = (
                "WITH RECURSIVE s AS ((SELECT {sub} AS v FROM {source} ORDER BY v LIMIT 1)"
                " UNION ALL SELECT n.v FROM s CROSS JOIN LATERAL (SELECT {sub} AS v FROM {source}"
                " WHERE {sub} > s.v ORDER BY {sub} LIMIT 1) n) SELECT v FROM s"
            )
            known = [row[0] for row in self._run(query, path)]
            self._subs[path] = known
        return known

    def _positions(self, path: Path, span: Span, limit: int) -> list[int]:
        """Return the positions of the first events with a row of ``path``.

        As in :mod:`clearing.audit.load_scopes`, rows are compared whole, so that only the index of
        the path will do.
        """
        subs = self.subs(path)
        if path.sub is not None and not subs:
            return []
        if not path.key:
            one = (
                "SELECT DISTINCT t.position FROM {source} {of_kind}"
                " WHERE t.position BETWEEN %(first)s AND %(last)s ORDER BY 1 LIMIT %(most)s"
            )
        else:
            one = (
                "SELECT DISTINCT ON ({key}, t.position) t.position FROM {rows} {of_kind}"
                " WHERE ({key}, t.position) >= ({value}, %(first)s)"
                " AND ({key}, t.position) <= ({value}, %(last)s)"
                " ORDER BY {key}, t.position LIMIT %(most)s"
            )
        each = (
            "SELECT DISTINCT e.position FROM unnest(%(subs)s::{sub_type}[]) s (v)"
            " CROSS JOIN LATERAL ("
        )
        query = one if path.sub is None else each + one + ") e ORDER BY 1 LIMIT %(most)s"
        values = {"first": span.first, "last": span.last, "kinds": list(span.kinds)}
        rows = self._run(query, path, bool(span.kinds), subs=subs, most=limit, **values)
        return [int(row[0]) for row in rows]

    def _rows(self, path: Path, positions: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of ``path`` in some events; of positions, also what they were before."""
        subs = self.subs(path)
        if path.sub is not None and not subs:
            return []
        columns: tuple[str, ...] = TABLES[path.kind].names
        query = "SELECT t.* FROM {source} WHERE {sub_any} t.position = ANY(%(positions)s)"
        if path.kind == "position":
            columns = (*columns, "size_before", "cost_before")
            query = (
                "SELECT t.*, coalesce(b.size, 0), coalesce(b.cost, 0) FROM {source}"
                " LEFT JOIN LATERAL (SELECT size, cost FROM {table} WHERE holder_kind ="
                " t.holder_kind AND holder = t.holder AND market = t.market AND (position, line)"
                " < (t.position, t.line) ORDER BY position DESC, line DESC LIMIT 1) b ON true"
                " WHERE {sub_any} t.position = ANY(%(positions)s)"
            )
        rows = self._run(query, path, subs=subs, positions=list(positions))
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _run(self, query: str, path: Path, of_kind: bool = False, **values: Any) -> list[Any]:
        """Run a query of ours over the rows of a path, which it calls ``t``."""
        table = sql.Identifier(self._histories.schema, path.table)
        sub = sql.SQL("t.{}").format(sql.Identifier(path.sub or ""))
        named = bool(path.sub)
        sub_type = sql.SQL(dict(TABLES[path.kind].columns).get(path.sub or "", "").split(" ")[0])
        log = "JOIN clearing.log l ON l.position = t.position AND l.kind = ANY(%(kinds)s)"
        text = sql.SQL(query).format(
            source=sql.SQL("(SELECT * FROM {} WHERE {}) t").format(table, sql.SQL(path.where)),
            table=table,
            of_kind=sql.SQL(log if of_kind else ""),
            rows=sql.SQL("(SELECT * FROM {} WHERE {}) t").format(table, sql.SQL(path.only)),
            key=sql.SQL(", ").join(sql.Identifier("t", column) for column, _ in path.key),
            value=sql.SQL(", ").join(sql.SQL(value) for _, value in path.key),
            sub=sub,
            sub_type=sub_type,
            sub_any=sql.SQL("{} = ANY(%(subs)s::{}[]) AND").format(sub, sub_type)
            if named
            else sql.SQL(""),
        )
        return self._histories.connection.execute(text, {"who": self._who, **values}).fetchall()

    def _silent(self, span: Span, limit: int) -> list[int]:
        """Return events that may have left no entry that names it, its declaration among them."""
        found = []
        of_kind = "AND kind = ANY(%(kinds)s)" if span.kinds else ""
        for column in ("market",) if self._sort == "market" else ("account", "contra"):
            rows = self._histories.rows(
                f"SELECT position FROM clearing.log WHERE {column} = %(who)s"  # noqa: S608 - our own words
                f" AND {_SILENT[column]} AND position BETWEEN %(first)s AND %(last)s {of_kind}"
                " ORDER BY position LIMIT %(most)s",
                [],
                who=self._who,
                first=span.first,
                last=span.last,
                kinds=list(span.kinds),
                most=limit,
            )
            found += [int(row[0]) for row in rows]
        declares = Kind.AccountOpened if self._sort == "account" else Kind.MarketDeclared
        position = self._declared(declares)
        if span.first <= position <= span.last and (not span.kinds or declares in span.kinds):
            found.append(position)
        return found

    def _declared(self, kind: Kind) -> int:
        """Return the position of its declaration: its ordinal says which of its kind that is."""
        (row,) = self._histories.rows(
            "SELECT position FROM clearing.log WHERE kind <= 4 AND kind = %(kind)s"
            " ORDER BY position OFFSET %(before)s LIMIT 1",
            [],
            kind=int(kind),
            before=self._who - 1,
        )
        return int(row[0])
