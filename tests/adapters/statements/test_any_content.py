"""Whatever a file holds, reading it ends with lines and refusals, and never raises."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import Refusal
from clearing.adapters.statements import STATEMENT_READERS
from tests.adapters.statements import (
    test_binance_futures,
    test_binance_history,
    test_bybit,
    test_okx,
)

CSV: dict[str, tuple[list[str], Callable[[], dict[str, str]]]] = {
    "binance-history": (test_binance_history.HEADER, test_binance_history.row),
    "bybit-asset-change": (test_bybit.UNIFIED, test_bybit.row),
    "bybit-transaction-log": (test_bybit.EXPORT, test_bybit.row),
    "okx-history": (test_okx.HEADER, test_okx.row),
}
RECORDS: dict[str, tuple[Callable[[], dict[str, Any]], Callable[[Any], Any]]] = {
    "binance-income": (test_binance_futures.income, lambda record: [record]),
    "binance-account-update": (test_binance_futures.update, lambda record: [record]),
    "bybit-transaction-log": (test_bybit.record, lambda record: {"result": {"list": [record]}}),
    "okx-bills": (test_okx.bill, lambda record: {"code": "0", "data": [record]}),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters='\n"'), max_size=12),
    st.from_regex(r"[+-]?[0-9]{1,45}(\.[0-9]{0,25})?(E[+-]?[0-9]{1,4})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True),
)


@pytest.mark.parametrize("name", CSV)
@given(data=st.data())
def test_any_cell_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    header, row = CSV[name]
    column = data.draw(st.sampled_from(header))
    cells = row() | {column: data.draw(CELLS)}
    quoted = ",".join(f'"{cells.get(one, "")}"' for one in header)
    path = tmp_path_factory.mktemp("any") / "statement.csv"
    path.write_text(f"{','.join(header)}\n{quoted}\n", encoding="utf-8", newline="")
    items = list(STATEMENT_READERS[name].read(str(path), {}))
    assert len(items) == 1 or (name == "okx-history" and len(items) == 2)
    assert all(not isinstance(item, Refusal) or item.line == 2 for item in items)


@pytest.mark.parametrize("name", RECORDS)
@given(data=st.data())
def test_any_field_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    record, page = RECORDS[name]
    fields = record()
    field = data.draw(st.sampled_from([*fields, "a.B", "a.P"] if "a" in fields else [*fields]))
    value = data.draw(JSON)
    if field.startswith("a."):
        fields["a"] = {**fields["a"], field[2:]: value}
    else:
        fields[field] = value
    path = tmp_path_factory.mktemp("any") / "statement.json"
    path.write_text(json.dumps(page(fields)), encoding="utf-8")
    items = list(STATEMENT_READERS[name].read(str(path), {}))
    refused = [item for item in items if isinstance(item, Refusal)]
    assert len(refused) <= 1
    assert bool(items) or name == "binance-account-update"


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("depth", [100, 960, 990, 100_000])
def test_a_page_that_is_nested_without_end_is_refused(
    tmp_path: Path, name: str, depth: int
) -> None:
    record, page = RECORDS[name]
    text = json.dumps(page({**record(), "notes": "here"}))
    path = tmp_path / "deep.json"
    path.write_text(text.replace('"here"', "[" * depth + "]" * depth), encoding="utf-8")
    items = list(STATEMENT_READERS[name].read(str(path), {}))
    assert [type(item) for item in items] == [Refusal]


@pytest.mark.parametrize("name", ["bitmex-wallet", *CSV, *RECORDS])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "statement"
    path.write_bytes(content)
    for item in STATEMENT_READERS[name].read(str(path), {}):
        assert isinstance(item, Refusal)


@pytest.mark.parametrize("name", [*CSV, *RECORDS])
def test_every_column_and_field_is_accounted_for(name: str) -> None:
    columns = STATEMENT_READERS[name].columns
    known = {one.replace("[]", "").rpartition(".")[2] for one in columns}
    if name in CSV:
        header, _ = CSV[name]
        assert set(header) <= set(columns)
    if name in RECORDS:
        record, _ = RECORDS[name]
        fields = record()
        inner = fields.pop("a", {})
        assert set(fields) <= set(columns)
        assert {
            field for one in (*inner.get("B", []), *inner.get("P", [])) for field in one
        } <= known
    assert all(columns.values())
