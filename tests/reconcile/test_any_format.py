"""Statements of banks, chains and of any CSV are taken in whole and reconcile like a venue's."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import Reconciliation
from tests.adapters.statements.test_sniffing import SAMPLES, SETTINGS
from tests.reconcile.desk import Day


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def moved(kind: str, native: str, day: str, amount: str, **more: str) -> dict[str, str]:
    return {
        "kind": kind,
        "external_id": native,
        "occurred_at": f"2024-{day}T00:00:00Z",
        "account": "ada",
        "asset": "EUR",
        "amount": amount,
        **more,
    }


@pytest.fixture
def books(day: Day) -> Day:
    """Ada has 1,000 EUR at the bank, and is wired 250.50 more on the second of May."""
    declared = {"kind": "AssetDeclared", "name": "EUR", "decimals": 2}
    day.append(
        {**declared, "occurred_at": "2024-04-30T00:00:00Z"},
        moved("Deposited", "opening", "04-30", "1000"),
        moved("Deposited", "B-1", "05-02", "250.50"),
    )
    return day


def reconciled(books: Day, path: Path) -> Reconciliation:
    desk = books.ledger.desk("ann")
    reader = STATEMENT_READERS[path.name.split(".", 1)[0]]
    taken = desk.take(reader, str(path), account="ada", leg="bank")
    assert (taken.new, taken.refusals) == (True, [])
    return desk.reconcile("bank", "ada", leg="bank")


def test_a_bank_statement_in_xml_reconciles_to_the_cent(books: Day) -> None:
    answer = reconciled(books, SAMPLES / "camt053.xml")
    assert answer.differences == ()
    assert answer.clean


def test_entries_of_xml_that_is_one_long_line_are_told_apart(books: Day) -> None:
    """Two wires of the day stand on one line of the file, of which we have one."""
    text = (SAMPLES / "camt053.xml").read_text(encoding="utf-8").replace("\n", "")
    entry = text[text.index("<Ntry>") : text.index("</Stmt>")]
    other = entry.replace("B-1", "B-2").replace("250.50", "1.25")
    path = books.folder / "camt053.xml"
    path.write_text(
        text.replace("</Stmt>", other + "</Stmt>").replace("1250.50", "1251.75"), encoding="utf-8"
    )
    (difference,) = reconciled(books, path).differences
    assert (difference.type, difference.amount) == ("missing_here", "1.25")
    assert difference.theirs[0]["native_id"] == "B-2"


def test_a_charge_of_the_bank_that_we_do_not_know_is_the_only_difference(books: Day) -> None:
    (difference,) = reconciled(books, SAMPLES / "mt940.sta").differences
    assert (difference.type, difference.amount) == ("missing_here", "-10")


def test_a_mapping_says_whose_statement_it_is_and_what_its_balances_are(
    day: Day, database_url: str
) -> None:
    reader = STATEMENT_READERS["generic-csv"]
    settings = SETTINGS["generic-csv"]
    taken = day.ledger.desk("ann").take(
        reader, str(SAMPLES / "generic-csv.csv"), account="ada", settings=settings
    )
    assert (taken.new, taken.refusals) == (True, [])
    (view,) = day.ledger.desk("ann").statements()
    assert (view.venue, view.lines) == ("house bank", 2)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT balances FROM clearing.recon_import").fetchone()
    assert row == ("line",)


def test_a_file_of_wires_alone_lacks_no_interest(books: Day) -> None:
    """A list of wires has no interest: ours is missing only in one that would have it."""
    books.append(moved("InterestPaid", "I-1", "05-02", "1.50"))
    reader = STATEMENT_READERS["generic-csv"]
    (books.folder / "wires.csv").write_text(
        "day,id,amount\n2024-05-02,B-1,250.50\n2024-05-03,B-2,10\n", encoding="utf-8"
    )
    books.append(moved("Deposited", "B-2", "05-03", "10"))
    mapping = (
        "mapping: 1\nvenue: {venue}\ntime: {{column: day, format: pattern,"
        ' pattern: "%Y-%m-%d", utc_offset: +00:00}}\nnative_id: id\nasset: {{constant: EUR}}\n'
        "kind: {{raises: deposit, lowers: withdrawal}}\namount: {{column: amount,"
        " positive: raises}}\n{states}"
    )

    def missing(venue: str, states: str) -> list[tuple[str, str]]:
        path = books.folder / f"{venue}.yaml"
        path.write_text(mapping.format(venue=venue, states=states), encoding="utf-8")
        desk = books.ledger.desk("ann")
        desk.take(
            reader,
            str(books.folder / "wires.csv"),
            account="ada",
            settings={"mapping": str(path)},
        )
        return [(one.type, one.amount) for one in desk.reconcile(venue, "ada").differences]

    assert missing("everything", "") == [("missing_there", "-1.5")]
    assert missing("wires", "states: [deposit, withdrawal]\n") == []


def test_a_page_with_a_text_that_cannot_be_stored_is_taken_in_but_for_that_record(
    day: Day,
) -> None:
    record = (
        '{"time": 1714564800000, "hash": "%s", "delta":'
        ' {"type": "funding", "coin": "ETH", "usdc": "1", "szi": "1", "fundingRate": "0"}}'
    )
    path = day.folder / "funding.json"
    path.write_text(f"[{record % '0x1'},{record % '0x2'}]".replace("0x2", "0x\\u0000"), "utf-8")
    desk = day.ledger.desk("ann")
    reader = STATEMENT_READERS["hyperliquid-funding"]
    whole = desk.take(reader, str(path), account="ada")
    assert (whole.number, [one.field for one in whole.refusals]) == (0, ["hash"])
    part = desk.take(reader, str(path), account="ada", partial=True)
    assert (part.new, part.seen.lines) == (True, 1)
