"""Rows through Postgres' binary COPY and back, whatever numbers and texts they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.database import connect
from clearing.events import EventRow
from clearing.log.wire import COLUMNS, HEADER, TRAILER, identity_copy, log_copy, read_copy

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
SMALL, MEDIUM, LARGE = (st.integers(-(2**bits), 2**bits - 1) for bits in (15, 31, 63))
ROW = st.builds(
    EventRow,
    st.just(0),
    *[SMALL] * 3,
    *[MEDIUM] * 5,
    *[LARGE] * 5,
    *[TEXT] * 3,
)
STORED = st.lists(st.tuples(ROW, st.binary(max_size=40)), max_size=12)


def numbered(rows: list[tuple[EventRow, bytes]]) -> list[tuple[EventRow, bytes]]:
    for position, (row, _) in enumerate(rows, start=1):
        row.position = position
    return rows


@given(STORED)
def test_what_is_written_is_read(rows: list[tuple[EventRow, bytes]]) -> None:
    assert read_copy(b"".join(log_copy(numbered(rows)))) == rows


def test_postgres_reads_and_writes_the_same_bytes(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE copied (LIKE clearing.log)")
        connection.execute("CREATE TEMP TABLE named (LIKE clearing.log_identity)")

        @given(STORED)
        def check(rows: list[tuple[EventRow, bytes]]) -> None:
            data = b"".join(log_copy(numbered(rows)))
            names = [(row.source, row.external_id, row.position) for row, _ in rows]
            connection.execute("TRUNCATE copied, named")
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY copied ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                    copy.write(data)
                with cursor.copy(
                    f"COPY (SELECT {COLUMNS} FROM copied ORDER BY position)"  # noqa: S608
                    " TO STDOUT (FORMAT BINARY)"
                ) as copy:
                    assert b"".join(copy) == data
                with cursor.copy("COPY named FROM STDIN (FORMAT BINARY)") as copy:
                    copy.write(b"".join(identity_copy(names)))
            found = connection.execute("SELECT * FROM named ORDER BY position").fetchall()
            assert found == names

        check()


@given(STORED.filter(len), st.data())
def test_bytes_cut_short_are_refused(
    rows: list[tuple[EventRow, bytes]], data: st.DataObject
) -> None:
    whole = b"".join(log_copy(numbered(rows)))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="binary COPY"):
        read_copy(whole[:cut])


def test_what_is_no_copy_is_refused() -> None:
    for data in (b"", b"hello", TRAILER, HEADER, HEADER + TRAILER + b"x"):
        with pytest.raises(ValueError, match="binary COPY"):
            read_copy(data)
    assert read_copy(HEADER + TRAILER) == []
