"""Writing the generation of a scenario: read models of what would have been.

Up to where the scenario begins they are those of the generation that it is told of; from there on
its own entries are written by the code that writes every generation. It never becomes the books:
the database itself refuses a live generation that has a scenario.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from psycopg import sql

from clearing.engine import Engine, Entry
from clearing.log import Connection
from clearing.projectors.generations import (
    PROJECTOR,
    Generation,
    create_generation,
    drop_generation,
    generations,
    index_generation,
    projector_transaction,
)
from clearing.projectors.projector import require_this_engine
from clearing.projectors.tables import TABLES, schema_of
from clearing.projectors.writer import HistoryWriter

_SPAN: Final = 100_000
"""How many positions are copied in one transaction."""


class Staging:
    """A scenario's generation while it is written.

    ``start`` is the engine before the first event that the scenario may have changed, ``since``
    that event's position. Must be used as :func:`~clearing.projectors.one_rebuild`, so that the
    generation it begins with stays. Raises :class:`~clearing.projectors.BrokenCheckpoint` if that
    was written by another engine version: a scenario's would be of neither.
    """

    def __init__(
        self, connection: Connection, base: Generation, start: Engine, scenario: str
    ) -> None:
        require_this_engine(base)
        drop_staging(connection)
        self._connection = connection
        self._base = base
        self.since = start.position + 1
        with projector_transaction(connection, creates=True):
            made = create_generation(connection, "staging", scenario=scenario, since=self.since)
        self.number = made.number
        self._writer = HistoryWriter(connection, made.number, start.book)
        self._documents = set(start.book.documents)
        self._new: list[tuple[str, str]] = []
        self._clocks: dict[int, int] = {}

    def copy(self, progress: Callable[[int], None] | None = None) -> None:
        """Take over what came before the scenario's first event."""
        last = self.since - 1
        for after in range(0, last, _SPAN):
            upto = min(after + _SPAN, last)
            with projector_transaction(self._connection):
                for table in TABLES.values():
                    self._copy_rows(table.name, after, upto)
                # What is inserted before the first event stands at the position of the one before
                # it, so that the state there is the scenario's own.
                self._copy_rows("snapshot", after, min(upto, last - 1))
            if progress is not None:
                progress(upto)
        self._writer.go_on(last, self._lines_at(last))

    def _copy_rows(self, table: str, after: int, upto: int) -> None:
        query = sql.SQL("INSERT INTO {} SELECT * FROM {} WHERE position > %s AND position <= %s")
        names = [
            sql.Identifier(schema_of(number), table) for number in (self.number, self._base.number)
        ]
        self._connection.execute(query.format(*names), (after, upto))

    def _lines_at(self, position: int) -> int:
        """Return how many lines the entries at a position have."""
        found = 0
        for table in TABLES.values():
            query = sql.SQL("SELECT coalesce(max(line) + 1, 0) FROM {} WHERE position = %s")
            name = sql.Identifier(schema_of(self._base.number), table.name)
            row = self._connection.execute(query.format(name), (position,)).fetchone()
            found = max(found, int(row[0]) if row else 0)
        return found

    def collect(self, position: int, entries: Iterable[Entry]) -> None:
        """Take up entries of the scenario."""
        self._writer.collect(position, entries)

    def clock(self, position: int, latest: int) -> None:
        """Note the greatest time (microseconds) so far; what comes later at a position counts."""
        self._clocks[position] = latest

    def write(self, engine: Engine) -> None:
        """Write what was collected; ``engine`` is the scenario's, which may insert more there.

        Only the end has a snapshot: nothing is ever folded from those of a scenario.
        """
        self._write(engine.position - 1)

    def _write(self, clocks_upto: int) -> None:
        with projector_transaction(self._connection):
            self._writer.flush()
            self._write_documents()
            self._write_clocks(clocks_upto)

    def finish(self, engine: Engine) -> None:
        """Write the rest, and let questions be asked of it."""
        self._write(engine.position)
        index_generation(self._connection, self.number)
        with projector_transaction(self._connection):
            self._writer.snapshot(engine)
            self._connection.execute(
                "UPDATE clearing.projector_checkpoint SET position = %s, entry_hash = %s"
                " WHERE projector = %s AND generation = %s",
                (engine.position, engine.entry_hash, PROJECTOR, self.number),
            )
            self._connection.execute(
                "UPDATE clearing.generation SET status = 'scenario' WHERE number = %s",
                (self.number,),
            )

    def discard(self) -> None:
        """Remove what was written; also where the connection is lost, at the next scenario."""
        if not self._connection.closed and not self._connection.broken:
            with suppress(ValueError):  # it was never committed
                drop_generation(self._connection, self.number)

    def note_documents(self, engine: Engine) -> None:
        """Keep rulebooks that are in force or scheduled in the scenario, and not in the log."""
        for sha256, text in engine.book.documents.items():
            if sha256 not in self._documents:
                self._documents.add(sha256)
                self._new.append((sha256, text))

    def _write_documents(self) -> None:
        name = sql.Identifier(schema_of(self.number), "document")
        documents, self._new = self._new, []
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.SQL("INSERT INTO {} VALUES (%s, %s)").format(name), documents)

    def _write_clocks(self, upto: int) -> None:
        name = sql.Identifier(schema_of(self.number), "clock")
        clocks, self._clocks = self._clocks, {}
        with self._connection.cursor() as cursor:
            query = sql.SQL("COPY {} FROM STDIN").format(name)
            with cursor.copy(query) as copy:
                for position, latest in clocks.items():
                    if position <= upto:
                        copy.write_row((position, latest))
                    else:
                        self._clocks[position] = latest


def drop_staging(connection: Connection) -> None:
    """Drop what scenarios left that were interrupted while they were written."""
    for generation in generations(connection):
        if generation.status == "staging":
            drop_generation(connection, generation.number)
