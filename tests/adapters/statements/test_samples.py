"""A made-up file of each format: it tells its columns, and what stands in it is read or refused.

A sample's name begins with its format's, before the first point.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import Refusal
from clearing.adapters.statements import STATEMENT_READERS, StatementLine
from clearing.adapters.statements.sniffing import beginning
from tests.adapters.statements.reading import read

SAMPLES = Path(__file__).parent / "samples"
FORMATS = (
    *("deribit-log", "dydx-fills", "dydx-funding", "dydx-pnl", "dydx-transfers"),
    *("hyperliquid-funding", "hyperliquid-ledger", "hyperliquid-user-fills", "kraken-futures-log"),
)
"""The formats that these tests are of."""

PAGES = sorted(path for path in SAMPLES.glob("*.json") if path.stem in FORMATS)
TABLES = sorted(path for path in SAMPLES.glob("*.csv") if path.stem in FORMATS)
REAL = {
    "dydx/api_shapes_nautilus/http_get_fills.json": "dydx-fills",
    "hyperliquid/api_shapes_nautilus/ws_user_fill_liquidation.json": "hyperliquid-user-fills",
    "kraken_futures/account_log_excerpt.csv": "kraken-futures-log",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WRITTEN = st.one_of(
    st.from_regex(r"-?[0-9]{1,45}(\.[0-9]{0,25})?(e-?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_characters='\r\n"'), max_size=8),
)


def objects(page: Any) -> list[dict[str, Any]]:
    """Every object of a page that holds values: its records and what is within them."""
    inner = list(page.values()) if isinstance(page, dict) else page
    found = [one for each in inner if isinstance(each, dict | list) for one in objects(each)]
    return [page, *found] if isinstance(page, dict) else found


def test_every_format_here_has_a_sample() -> None:
    assert {path.stem for path in (*PAGES, *TABLES)} == set(FORMATS)


@pytest.mark.parametrize("path", [*PAGES, *TABLES], ids=lambda path: path.stem)
def test_a_sample_is_recognised_alone_and_read_whole(path: Path) -> None:
    start = beginning(str(path))
    found = [name for name, reader in STATEMENT_READERS.items() if reader.sniff(start)]
    assert found == [path.stem]
    lines, _, refusals, _ = read(STATEMENT_READERS[path.stem], path)
    assert lines
    assert not refusals


@pytest.mark.parametrize("path", [*PAGES, *TABLES], ids=lambda path: path.stem)
def test_every_column_and_field_is_accounted_for(path: Path) -> None:
    reader = STATEMENT_READERS[path.stem]
    lines, _, _, _ = read(reader, path)
    told = {name.removeprefix("position leg: ") for line in lines for name in line.told}
    assert told <= set(reader.columns)
    assert all(reader.columns.values())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
@given(data=st.data())
def test_any_field_of_a_page_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, path: Path, data: st.DataObject
) -> None:
    page = json.loads(path.read_text(encoding="utf-8"))
    changed = data.draw(st.sampled_from(objects(page)))
    changed[data.draw(st.sampled_from(sorted(changed)))] = data.draw(JSON | WRITTEN)
    spoilt = tmp_path_factory.mktemp("any") / "page.json"
    spoilt.write_text(json.dumps(page), encoding="utf-8")
    check(path.stem, spoilt)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
@given(data=st.data())
def test_any_cell_of_a_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, path: Path, data: st.DataObject
) -> None:
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    place = data.draw(st.integers(0, len(rows) - 1))
    cells = rows[place].split(",")
    cells[data.draw(st.integers(0, len(cells) - 1))] = f'"{data.draw(WRITTEN)}"'
    rows[place] = ",".join(cells)
    spoilt = tmp_path_factory.mktemp("any") / "table.csv"
    spoilt.write_text("\n".join([header, *rows]), encoding="utf-8", newline="")
    check(path.stem, spoilt)


def check(name: str, path: Path) -> None:
    """Whatever is read is whole, whatever is not says why; nothing is raised."""
    for item in STATEMENT_READERS[name].read(str(path), {}):
        if isinstance(item, Refusal):
            assert item.reason
        elif isinstance(item, StatementLine):
            assert item.at.utcoffset() is not None
            assert all(leg.amount.is_finite() for leg in item.cash)
            assert item.fill is None or item.fill.size != 0


def test_every_real_file_is_of_its_format_or_of_none_here(shared_data: Path) -> None:
    folder = shared_data / "data/statements"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) > 20
    for path in files:
        start = beginning(str(path))
        found = [name for name in FORMATS if STATEMENT_READERS[name].sniff(start)]
        expected = REAL.get(str(path.relative_to(folder)))
        assert found == ([] if expected is None else [expected]), path
