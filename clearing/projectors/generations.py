"""Generations: complete sets of read models, one of them live."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg import sql
from psycopg.rows import class_row

from clearing.engine import ENGINE_VERSION, GENESIS_HASH
from clearing.log import Connection, may_assume
from clearing.projectors.tables import (
    TABLES,
    index_script,
    scenario_script,
    schema_of,
    script,
)

PROJECTOR = "ledger"
"""The name of the projector that writes every read model."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A set of read models.

    ``status`` is building, live, retired, refused or checking; or of a scenario: staging while it
    is written, then scenario. ``position`` and ``entry_hash`` are its checkpoint; ``finding`` says
    why it was refused. ``scenario`` is the scenario's document as canonical JSON, empty for the
    log's own, and ``since`` the first position that it may have changed (0: none).
    """

    number: int
    status: str
    engine_version: str
    finding: str
    position: int
    entry_hash: bytes
    scenario: str = ""
    since: int = 0


@contextmanager
def projector_transaction(connection: Connection, *, creates: bool = False) -> Iterator[None]:
    """Open a transaction as the projector role, if this user may take it on.

    With ``creates`` the role will make a schema. Its right to is one on the database itself, which
    a copy of the database does not inherit, so it is given here where it is missing.
    """
    with connection.transaction():
        if may_assume(connection, "clearing_projector"):
            if creates:
                _let_create(connection)
            connection.execute("SET LOCAL ROLE clearing_projector")
        yield


def _let_create(connection: Connection) -> None:
    row = connection.execute(
        "SELECT current_database(),"
        " has_database_privilege('clearing_projector', current_database(), 'CREATE')"
    ).fetchone()
    if row is not None and not row[1]:
        grant = sql.SQL("GRANT CREATE ON DATABASE {} TO clearing_projector")
        connection.execute(grant.format(sql.Identifier(row[0])))


def generations(connection: Connection) -> list[Generation]:
    """Return all generations, oldest first."""
    with connection.cursor(row_factory=class_row(Generation)) as cursor:
        return cursor.execute(
            "SELECT number, status, engine_version, finding, position, entry_hash, scenario, since"
            " FROM clearing.generation JOIN clearing.projector_checkpoint ON generation = number"
            " WHERE projector = %s ORDER BY number",
            (PROJECTOR,),
        ).fetchall()


def live_generation(connection: Connection) -> Generation | None:
    """Return the generation that answers queries, or None before the first projection."""
    return next((g for g in generations(connection) if g.status == "live"), None)


def create_generation(
    connection: Connection, status: str, *, scenario: str = "", since: int = 0
) -> Generation:
    """Make an empty generation; must run inside a :func:`projector_transaction`.

    Only a live one has its indexes from the start: for the others, whole logs are written first.
    """
    connection.execute("LOCK TABLE clearing.generation IN SHARE ROW EXCLUSIVE MODE")
    row = connection.execute("SELECT nextval('clearing.generation_numbers')").fetchone()
    if row is None:
        raise RuntimeError("a generation got no number")
    number = int(row[0])
    connection.execute(
        "INSERT INTO clearing.generation (number, status, engine_version, scenario, since)"
        " VALUES (%s, %s, %s, %s, %s)",
        (number, status, ENGINE_VERSION, scenario, since),
    )
    connection.execute(
        "INSERT INTO clearing.projector_checkpoint VALUES (%s, %s, 0, %s)",
        (PROJECTOR, number, GENESIS_HASH),
    )
    connection.execute(script(number))
    if scenario:
        connection.execute(scenario_script(number))
    if status == "live":
        connection.execute(index_script(number))
    if may_assume(connection, "clearing_projector"):
        schema = sql.Identifier(schema_of(number))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO clearing_reader").format(schema))
        connection.execute(
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO clearing_reader").format(schema)
        )
    return Generation(number, status, ENGINE_VERSION, "", 0, GENESIS_HASH, scenario, since)


def index_generation(connection: Connection, number: int) -> None:
    """Make the indexes that queries need, where they are not made yet."""
    with projector_transaction(connection):
        connection.execute(index_script(number))


def ensure_live(connection: Connection) -> Generation:
    """Return the live generation, making the first one if there is none."""
    live = live_generation(connection)
    if live is not None:
        return live
    with projector_transaction(connection, creates=True):
        connection.execute("LOCK TABLE clearing.generation IN SHARE ROW EXCLUSIVE MODE")
        return live_generation(connection) or create_generation(connection, "live")


def drop_generation(connection: Connection, number: int) -> None:
    """Remove a generation and its tables; :class:`ValueError` for the live one."""
    with projector_transaction(connection):
        row = connection.execute(
            "SELECT status FROM clearing.generation WHERE number = %s FOR UPDATE", (number,)
        ).fetchone()
        if row is None:
            raise ValueError(f"there is no generation {number}")
        if row[0] == "live":
            raise ValueError(f"generation {number} is live")
        schema = sql.Identifier(schema_of(number))
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
        connection.execute("DELETE FROM clearing.generation WHERE number = %s", (number,))


def drop_unused(connection: Connection, number: int) -> None:
    """Remove a generation that is not needed; :class:`ValueError` for one that is.

    That are the live one, and those that a rebuild, a verification or a scenario is writing.
    """
    status = {one.number: one.status for one in generations(connection)}.get(number)
    if status in ("building", "checking", "staging"):
        raise ValueError(f"generation {number} is being written ({status}), or was interrupted")
    drop_generation(connection, number)


def table_differences(
    connection: Connection, left: int, right: int, upto: int, *, after: int = 0
) -> list[str]:
    """Compare two generations' tables after one position and up to another.

    Says of every table that differs how many rows only one of them has, and the first of each. Rows
    are compared as whole contents, with multiplicity.
    """
    found = []
    span = {"after": after, "upto": upto}
    for table in TABLES.values():
        names = [sql.Identifier(schema_of(number), table.name) for number in (left, right)]
        if _content(connection, names[0], span) == _content(connection, names[1], span):
            continue
        extra = _only_in(connection, names[0], names[1], span)
        missing = _only_in(connection, names[1], names[0], span)
        found.append(
            f"{table.name}: only in generation {left}: {extra}; only in {right}: {missing}"
        )
    return found


def first_difference(connection: Connection, left: int, right: int, upto: int) -> int | None:
    """Return the first position up to ``upto`` whose rows differ in two generations, if any.

    Each table is read once, and the stretch with the first difference again.
    """
    names = [table.name for table in TABLES.values()]
    stretch = min(
        (
            found
            for name in names
            if (found := _first_in(connection, name, (left, right), (0, upto), _STRETCH))
            is not None
        ),
        default=None,
    )
    if stretch is None:
        return None
    span = (stretch * _STRETCH - 1, min((stretch + 1) * _STRETCH - 1, upto))
    return min(
        found
        for name in names
        if (found := _first_in(connection, name, (left, right), span, 1)) is not None
    )


_STRETCH: Final = 4096
"""How many positions are compared at once."""


def _first_in(
    connection: Connection, table: str, pair: tuple[int, int], span: tuple[int, int], width: int
) -> int | None:
    """Return the first stretch of ``width`` positions in which a table differs, if any does.

    Looked at are the positions after the first of ``span``, up to the second.
    """
    query = (
        "SELECT position / %(width)s AS stretch, count(*) AS count,"
        " sum(('x' || left(md5(t::text), 15))::bit(60)::bigint) AS content FROM {} t"
        " WHERE position > %(after)s AND position <= %(upto)s GROUP BY 1"
    )
    one, other = (
        sql.SQL(query).format(sql.Identifier(schema_of(number), table)) for number in pair
    )
    row = connection.execute(
        sql.SQL(
            "SELECT min(coalesce(a.stretch, b.stretch)) FROM ({}) a FULL JOIN ({}) b"
            " ON a.stretch = b.stretch AND a.count = b.count AND a.content = b.content"
            " WHERE a.stretch IS NULL OR b.stretch IS NULL"
        ).format(one, other),
        {"width": width, "after": span[0], "upto": span[1]},
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def rows_beyond(connection: Connection, generation: int) -> list[str]:
    """Say which tables of a generation have rows after its checkpoint, where nothing may be."""
    found = []
    for name in [*(table.name for table in TABLES.values()), "snapshot"]:
        # One statement, so that rows and checkpoint are of one moment.
        query = sql.SQL(
            "SELECT count(*), min(t.position), c.position FROM {} t"
            " JOIN clearing.projector_checkpoint c ON t.position > c.position"
            " WHERE projector = %s AND generation = %s GROUP BY c.position"
        ).format(sql.Identifier(schema_of(generation), name))
        for count, first, checkpoint in connection.execute(query, (PROJECTOR, generation)):
            found.append(
                f"{name}: generation {generation} has {count} rows after its checkpoint"
                f" {checkpoint}, the first at {first}"
            )
    return found


def _content(connection: Connection, name: sql.Composable, span: dict[str, int]) -> tuple[int, str]:
    """Return the number of rows in a span and a sum over the hashes of their contents."""
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint), 0)::text"
        " FROM {} t WHERE position > %(after)s AND position <= %(upto)s"
    ).format(name)
    row = connection.execute(query, span).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "0")


def _only_in(
    connection: Connection, one: sql.Composable, other: sql.Composable, span: dict[str, int]
) -> str:
    query = sql.SQL(
        "SELECT count(*) OVER (), t::text FROM ("
        "SELECT * FROM {} WHERE position > %(after)s AND position <= %(upto)s EXCEPT ALL "
        "SELECT * FROM {} WHERE position > %(after)s AND position <= %(upto)s"
        ") t ORDER BY position, line LIMIT 1"
    ).format(one, other)
    row = connection.execute(query, span).fetchone()
    if row is None:
        return "none"
    return f"{row[0]} row{'s' if row[0] > 1 else ''}, first {row[1]}"
