"""Writing entries into a generation's history tables.

Each entry becomes a row of its kind's table; a posting becomes two lines, one for each side, with
the balance of its ledger account after it.
"""

from collections.abc import Iterable

from psycopg import sql

from clearing.engine import Engine, Entry
from clearing.engine.book import Book
from clearing.log import Connection
from clearing.projectors.tables import TABLES, schema_of

_Ledger = tuple[str | int, str | int, str | int]


class HistoryWriter:
    """Collects entries and copies them into the tables of a generation.

    ``book`` is the book before the first of them: balances go on from there. Nothing is written
    before :meth:`flush`, which belongs inside a transaction of the caller's.
    """

    def __init__(self, connection: Connection, generation: int, book: Book) -> None:
        self._connection = connection
        self._schema = schema_of(generation)
        self._balances = _balances_of(book)
        self._lines: dict[str, list[str]] = {}
        self._position = self._next = 0

    def go_on(self, position: int, lines: int) -> None:
        """Let entries at ``position`` come after so many lines that are there already."""
        self._position, self._next = position, lines

    def collect(self, position: int, entries: Iterable[Entry]) -> None:
        """Take up the entries of the event at ``position``, or more of those of the last one."""
        if position != self._position:
            self._position, self._next = position, 0
        for line, entry in enumerate(entries, start=self._next):
            self._next = line + 1
            kind = str(entry[0])
            lines = self._lines.setdefault(kind, [])
            if kind == "posting":
                self._collect_posting(lines, position, line, entry)
            else:
                fields = "\t".join([_text(value) for value in entry[1:]])
                lines.append(f"{position}\t{line}\t{fields}\n")

    def _collect_posting(self, lines: list[str], position: int, line: int, entry: Entry) -> None:
        _, purpose, asset, payer_kind, payer, payee_kind, payee, amount, market = entry
        balances = self._balances
        units = int(amount)
        payer_key, payee_key = (payer_kind, payer, asset), (payee_kind, payee, asset)
        after = balances[payer_key] = balances.get(payer_key, 0) - units
        lines.append(
            f"{position}\t{line}\t0\t{payer_kind}\t{payer}\t{asset}\t-{amount}\t{after}\t{purpose}"
            f"\t{payee_kind}\t{payee}\t{market}\n"
        )
        after = balances[payee_key] = balances.get(payee_key, 0) + units
        lines.append(
            f"{position}\t{line}\t1\t{payee_kind}\t{payee}\t{asset}\t{amount}\t{after}\t{purpose}"
            f"\t{payer_kind}\t{payer}\t{market}\n"
        )

    def flush(self) -> None:
        """Copy what was collected into the tables."""
        lines, self._lines = self._lines, {}
        with self._connection.cursor() as cursor:
            for kind, rows in lines.items():
                query = sql.SQL("COPY {} FROM STDIN").format(
                    sql.Identifier(self._schema, TABLES[kind].name)
                )
                with cursor.copy(query) as copy:
                    copy.write("".join(rows))

    def snapshot(self, engine: Engine) -> None:
        """Store a snapshot of an engine, unless there is one of its position."""
        self._connection.execute(
            sql.SQL(
                "INSERT INTO {} (position, entry_hash, digest, document) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (position) DO NOTHING"
            ).format(sql.Identifier(self._schema, "snapshot")),
            (engine.position, engine.entry_hash, engine.digest(), engine.snapshot()),
        )


def _balances_of(book: Book) -> dict[_Ledger, int]:
    balances: dict[_Ledger, int] = {
        (kind, ordinal, asset): balance for (kind, ordinal, asset), balance in book.balances.items()
    }
    for scope in book.scopes.values():
        balances["account", scope.account, scope.asset] = scope.cash
    return balances


def _text(value: str | int) -> str:
    """Write a field for COPY's text format."""
    if isinstance(value, int):
        return str(value)
    if "\\" in value or "\t" in value or "\n" in value or "\r" in value:
        value = value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        return value.replace("\r", "\\r")
    return value
