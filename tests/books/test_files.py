"""Statements as files: the same figures in each, the same bytes each time."""

import csv
import io
import sys
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from clearing.books import ExtraMissing, Statement, draw, issue, statement_file, write_statement
from clearing.books.files import html_of, pdf_of
from clearing.books.paper import COLUMNS, Paper, PaperTable, flat, paper_of
from tests.books.day import DAY, day

FORMATS = ("csv", "parquet", "html", "pdf")


@pytest.fixture
def drawn(database_url: str) -> tuple[Statement, Statement]:
    with day(database_url) as ledger:
        connection = ledger.connection
        return draw(connection, "ada", DAY), issue(connection, draw(connection, None, DAY))


class Cells(HTMLParser):
    """The texts of a page's cells, and whether it asks for anything outside itself."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.asks: list[str] = []
        self._in = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag == "td"
        if self._in:
            self.cells.append("")
        self.asks += [name for name, _ in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._in:
            self.cells[-1] += data.strip()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_statement_is_the_same_bytes(
    drawn: tuple[Statement, Statement], form: str
) -> None:
    for statement in drawn:
        assert statement_file(statement, form) == statement_file(statement, form)
    assert statement_file(drawn[0], form) != statement_file(drawn[1], form)


def test_csv_and_parquet_have_the_same_lines_and_they_add_up(
    drawn: tuple[Statement, Statement],
) -> None:
    for statement in drawn:
        lines = list(csv.DictReader(io.StringIO(statement_file(statement, "csv").decode())))
        read = pq.read_table(io.BytesIO(statement_file(statement, "parquet")))
        assert read.column_names == list(COLUMNS)
        assert read.to_pylist() == lines == flat(statement)
    ada = {(line["section"], line["item"]): line for line in flat(drawn[0])}
    assert ada["closing", "cash"]["amount"] == "1192.1"
    assert (ada["movement", "fees"]["amount"], ada["movement", "fees"]["count"]) == ("-1.4", "2")
    assert ada["attribution", "price: positions held"]["market"] == "BTC"
    assert {line["version"] for line in flat(drawn[1])} == {"1"}


def test_the_page_has_every_figure_and_asks_for_nothing(
    drawn: tuple[Statement, Statement],
) -> None:
    for statement in drawn:
        page = Cells()
        page.feed(statement_file(statement, "html").decode())
        assert not page.asks
        paper = paper_of(statement)
        for table in (*paper.tables, paper.foot):
            for row in table.rows:
                assert set(row) <= set(page.cells)
    assert "1,234.1" in statement_file(drawn[0], "html").decode()


def test_names_are_text_and_never_markup() -> None:
    table = PaperTable("a <b>", ("", ">"), (("<script>alert(1)</script>", "1"),))
    paper = Paper("x <script> 漢", ("&",), (table,), table)

    assert "<script>" not in html_of(paper)
    assert pdf_of(paper).startswith(b"%PDF-")


def test_a_long_statement_goes_over_pages() -> None:
    rows = tuple((f"line {n}", f"{n}.00") for n in range(300))
    table = PaperTable("long", ("what", ">amount"), rows)
    paper = Paper("long", (), (table,), table)
    assert pdf_of(paper).count(b"/Type /Page\n") + pdf_of(paper).count(b"/Type /Page ") > 5


def test_a_file_is_never_overwritten(drawn: tuple[Statement, Statement], tmp_path: Path) -> None:
    path = tmp_path / "ada.csv"
    write_statement(drawn[0], "csv", path)
    with pytest.raises(FileExistsError):
        write_statement(drawn[1], "csv", path)
    assert path.read_bytes() == statement_file(drawn[0], "csv")


@pytest.mark.parametrize(
    ("form", "module"), [("pdf", "reportlab.platypus"), ("parquet", "pyarrow")]
)
def test_without_its_library_a_format_says_what_to_install(
    drawn: tuple[Statement, Statement], form: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing, match=rf"clearing\[{form}\]"):
        statement_file(drawn[0], form)


def test_another_format_is_named(drawn: tuple[Statement, Statement]) -> None:
    with pytest.raises(ValueError, match="no format 'xls'; there are csv, parquet, html, pdf"):
        statement_file(drawn[0], "xls")
