"""What stands in the tables is what the fold said: each entry once, each balance as the book's."""

from typing import Any

import pytest

from clearing.engine import ENTRY_FIELDS, Entry
from clearing.log import Connection, LogWriter
from clearing.projectors import TABLES, check_generation, project
from tests.engine.venue import PERSON
from tests.log.small import event
from tests.projectors.ledgers import eventful_ledger, folded, live, rows_of, small_ledger

Told = dict[tuple[int, int], list[Any]]


def told(connection: Connection) -> Told:
    """Every entry of the fold by position and line."""
    found: Told = {}
    for engine, entries in folded(connection):
        for line, entry in enumerate(entries):
            found[engine.position, line] = [entry[0], *(str(value) for value in entry[1:])]
    return found


def written(connection: Connection, generation: int) -> Told:
    """The same, put together again from the tables."""
    found: Told = {}
    for kind, table in TABLES.items():
        if kind == "posting":
            continue
        for position, line, *fields in rows_of(connection, generation, table.name):
            assert (position, line) not in found
            found[position, line] = [kind, *(_text(field) for field in fields)]
    lines = rows_of(connection, generation, "posting")
    for payer, payee in zip(lines[::2], lines[1::2], strict=True):
        position, line, side, ledger, ordinal, asset, amount, _, purpose, other, who, market = payee
        assert payer[:3] == (position, line, 0)
        assert payer[3:7] == (other, who, asset, amount.copy_negate())
        assert payer[8:] == (purpose, ledger, ordinal, market)
        assert side == 1
        entry: Entry = ("posting", purpose, asset, other, who, ledger, ordinal, int(amount), market)
        found[position, line] = [entry[0], *(str(value) for value in entry[1:])]
    return found


def _text(field: Any) -> str:
    return (
        str(int(field)) if isinstance(field, bool) else format(field, "f" if _number(field) else "")
    )


def _number(field: Any) -> bool:
    return not isinstance(field, str | int)


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_tables_hold_every_entry_once_and_nothing_else(database_url: str, seed: int) -> None:
    with eventful_ledger(database_url, seed) as ledger:
        project(ledger, batch=40)
        expected = told(ledger)
        assert {row[0] for row in expected.values()} <= set(ENTRY_FIELDS)
        assert written(ledger, live(ledger).number) == expected


@pytest.mark.parametrize("seed", [3, 4])
def test_every_balance_is_the_books_after_its_event(database_url: str, seed: int) -> None:
    with eventful_ledger(database_url, seed) as ledger:
        project(ledger, batch=25, snapshot_every=50)
        last = {
            row[:1] + row[3:6]: row[7] for row in rows_of(ledger, live(ledger).number, "posting")
        }
        compared = 0
        for engine, _ in folded(ledger):
            for (position, kind, ordinal, asset), balance in last.items():
                if position == engine.position:
                    assert balance == engine.book.balance(kind, ordinal, asset)
                    compared += 1
        assert compared == len(last) > 100


def test_numbers_beyond_64_bits_and_awkward_text_are_kept(database_url: str) -> None:
    """A read model that overflowed, or split a text at a tab, would be a ledger that stops."""
    awkward = "tab\there \\N back\\slash\nnew line \u00e9 \U0001f4b0 'quoted'"
    document = {"format": 1, "settlement_asset": "USD", "mode": "record", awkward: 1}
    with small_ledger(database_url) as ledger:
        huge = "9" * 30
        LogWriter(ledger).append(
            [
                event(40, "Deposited", account="ada", asset="USD", amount=huge + ".99"),
                event(41, "RulebookAdopted", name="r", version="1", document=document, **PERSON),
            ]
        )
        project(ledger)
        deposit = rows_of(ledger, 1, "posting")[-1]
        assert deposit[6] == int(huge + "99")
        (refused,) = rows_of(ledger, 1, "deviation")
        assert refused[2] == "rulebook_refused"
        assert any("tab\t" in str(field) or "tab\\t" in str(field) for field in refused)
        assert written(ledger, 1) == told(ledger)
        assert check_generation(ledger) == []
