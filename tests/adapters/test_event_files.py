"""Events from JSONL, CSV and Parquet: what was written comes back, what is wrong is named."""

import gzip
import io
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.adapters import Located, ParquetMissing, Refusal, format_of, read_events
from clearing.adapters.columns import COLUMNS, columns_from_event, event_from_columns
from clearing.adapters.csv_events import write_csv_events
from clearing.adapters.jsonl import write_jsonl_events
from clearing.adapters.parquet import write_parquet_events
from clearing.events import Event, EventRefused
from clearing.samples import incident_day
from tests.adapters.events import events

HEADER = "kind,source,external_id,occurred_at,account,asset,amount\n"
DEPOSIT = (
    '{"kind":"Deposited","source":"s","external_id":"d","occurred_at":"2024-06-18T00:00:00Z",'
    '"account":"a","asset":"USD","amount":%s}'
)
GOOD = "Deposited,s,d-1,2024-06-18T00:00:00Z,a,USD,1.5\n"


def outcomes(path: Path, form: Any = None) -> list[Located | Refusal]:
    return list(read_events(str(path), form))


def refusals(path: Path, content: str) -> list[tuple[int, str, str]]:
    path.write_text(content)
    return [
        (item.line, item.field, item.value) for item in outcomes(path) if isinstance(item, Refusal)
    ]


@given(events)
def test_every_event_survives_being_columns(event: Event) -> None:
    columns = columns_from_event(event)
    assert tuple(columns) == tuple(COLUMNS)
    assert event_from_columns(columns) == event
    # as CSV has them: text only
    assert event_from_columns({n: "" if c is None else str(c) for n, c in columns.items()}) == event


@settings(max_examples=20, deadline=None)
@given(st.lists(events, max_size=8))
def test_every_format_gives_back_what_was_written(written: list[Event]) -> None:
    for form in ("csv", "jsonl"):
        text = io.StringIO(newline="")
        write = write_csv_events if form == "csv" else write_jsonl_events
        assert write(written, text) == len(written)
        stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.getvalue().encode()))
        try:
            read = list(read_events("-", form))
        finally:
            sys.stdin = stdin
        assert [item.event for item in read if isinstance(item, Located)] == written
        assert len(read) == len(written)


def test_a_day_in_three_formats_is_the_same_day(tmp_path: Path) -> None:
    day = list(incident_day(accounts=12, trades_per_minute=1))
    with (tmp_path / "day.jsonl").open("w") as file:
        write_jsonl_events(day, file)
    with gzip.open(tmp_path / "day.csv.gz", "wt", newline="") as zipped:
        write_csv_events(day, zipped)
    write_parquet_events(day, str(tmp_path / "day.parquet"))
    for name, lines in (
        ("day.jsonl", range(1, len(day) + 1)),
        ("day.csv.gz", range(2, len(day) + 2)),
        ("day.parquet", range(1, len(day) + 1)),
    ):
        path = tmp_path / name
        read = outcomes(path)
        expected = [Located(e, str(path), n) for e, n in zip(day, lines, strict=True)]
        assert read == expected


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.jsonl", b"", "jsonl"),
        ("a.JSONL.gz", b"", "jsonl"),
        ("a.csv", b"{", "csv"),
        ("a.csv.gz", b"", "csv"),
        ("a.parquet", b"", "parquet"),
        ("a.dat", b' {"kind"', "jsonl"),
        ("a.dat", gzip.compress(b'{"kind"', mtime=0), "jsonl"),
        ("a", b"kind,source\n", "csv"),
        ("a", b"PAR1....", "parquet"),
    ],
)
def test_formats_are_told_apart(tmp_path: Path, name: str, content: bytes, form: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert format_of(str(tmp_path / name)) == form


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (("amount", "1.5"), "NaN"),
        (("amount", "1.5"), "Infinity"),
        (("amount", "1.5"), "1,5"),
        (("amount", "1.5"), "0"),
        (("amount", "1.5"), "-1"),
        (("amount", "1.5"), "1" * 60),
        (("occurred_at", "2024-06-18T00:00:00Z"), "2024-06-18T00:00:00"),
        (("occurred_at", "2024-06-18T00:00:00Z"), "2024-06-18T00:00:00.1234567Z"),
        (("occurred_at", "2024-06-18T00:00:00Z"), "2024-02-30T00:00:00Z"),
        (("kind", "Deposited"), "Deposit"),
        (("account", ",a,"), ",a b,"),
        (("external_id", ",d-1,"), ",d\x071,"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, cell: tuple[str, str], value: str) -> None:
    field, right = cell
    shown = value if not value.startswith(",") else value[1:-1]
    quoted = f'"{value}"' if value == "1,5" else value
    found = refusals(
        tmp_path / "f.csv", HEADER + GOOD + GOOD.replace(right, quoted) + GOOD.replace("d-1", "d-2")
    )
    assert found == [(3, field, shown)]


def test_a_column_of_another_kind_of_event_is_named(tmp_path: Path) -> None:
    found = refusals(
        tmp_path / "f.csv", HEADER.replace("\n", ",price\n") + GOOD.replace("\n", ",7\n")
    )
    assert found == [(2, "price", "7")]


@pytest.mark.parametrize(
    ("marks", "field"),
    [
        ("[]", "marks"),
        ("[{]", "marks"),
        ("[" * 5000, "marks"),
        ('[{""market"":""M"",""price"":""x""}]', "marks.0.price"),
        ('[{""market"":""M"",""price"":NaN}]', "marks.0.price"),
        ('[{""market"":""M"",""price"":1e999999999}]', "marks.0.price"),
        ('[{""market"":""M"",""market"":""N"",""price"":1}]', "marks.market"),
        ('[],""kind"":""Deposited""', "marks"),
        ('[],""marks"":[]', "marks"),
        ("7", "marks"),
    ],
)
def test_wrong_json_in_a_cell_is_named(tmp_path: Path, marks: str, field: str) -> None:
    header = "kind,source,external_id,occurred_at,marks\n"
    row = f'Marked,s,m-1,2024-06-18T00:00:00Z,"{marks}"\n'
    assert [place[:2] for place in refusals(tmp_path / "f.csv", header + row)] == [(2, field)]


def test_json_numbers_in_a_cell_are_taken_from_their_text(tmp_path: Path) -> None:
    header = "kind,source,external_id,occurred_at,marks\n"
    cell = '"[{""market"":""M"",""price"":0.1000000000000000055}]"'
    path = tmp_path / "f.csv"
    path.write_text(f"{header}Marked,s,m-1,2024-06-18T00:00:00Z,{cell}\n")
    (read,) = outcomes(path)
    assert isinstance(read, Located)
    assert read.event.kind == "Marked"
    assert read.event.marks[0].price == Decimal("0.1000000000000000055")


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("{", "", "is not JSON"),
        ("[" * 100_000, "", "is nested deeper"),
        ('{"kind":"ClockTicked","kind":"Marked"}', "kind", "stands twice"),
        (DEPOSIT % "NaN", "amount", "not a finite number"),
        (DEPOSIT % "1e999999999", "amount", "digits"),
        (DEPOSIT % ("1" + "0" * 5000), "amount", "digits"),
        (DEPOSIT % '"1.5" "', "", "is not JSON"),
        ('{"kind":"Moved"}', "kind", "must be one of"),
        ("{}", "kind", "must be one of"),
        ('{"kind":[]}', "kind", "must be one of"),
        ("[]", "", "must be a JSON object"),
        ("7", "", "must be a JSON object"),
        ('{"kind":"ClockTicked","source":"s","external_id":"t"}', "occurred_at", "is missing"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, field: str, reason: str) -> None:
    head = '{"kind":"ClockTicked","source":"s","occurred_at":"2024-06-18T00:00:00Z","external_id":'
    path = tmp_path / "f.jsonl"
    path.write_text(f'{head}"1"}}\n{line}\n{head}"3"}}\n')
    first, refused, last = outcomes(path)
    assert isinstance(first, Located)
    assert isinstance(last, Located)
    assert isinstance(refused, Refusal)
    assert refused.line == 2
    assert refused.field == field
    assert reason in refused.reason


def test_a_whole_number_must_be_one(tmp_path: Path) -> None:
    header = "kind,source,external_id,occurred_at,name,decimals\n"
    for value in ("2.0", "two", "1e2", "٣"):
        row = f"AssetDeclared,s,a,2024-06-18T00:00:00Z,USD,{value}\n"
        assert refusals(tmp_path / "f.csv", header + row) == [(2, "decimals", value)]


@given(st.lists(st.text(max_size=30), max_size=9), st.sampled_from(["csv", "jsonl"]))
def test_no_text_is_a_traceback(lines: list[str], form: Any) -> None:
    content = (HEADER if form == "csv" else "") + "\n".join(lines)
    stdin = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(content.encode("utf-8", "surrogatepass")))
    try:
        read = list(read_events("-", form))
    finally:
        sys.stdin = stdin
    for item in read:
        assert isinstance(item, Refusal)
        assert item.file == "-"
        assert item.line > 0
        assert item.reason


@settings(max_examples=300)
@given(
    events, st.sampled_from(sorted(COLUMNS)), st.text(max_size=12) | st.sampled_from(["{}", "[1]"])
)
def test_one_wrong_cell_is_an_event_or_a_named_field(event: Event, name: str, cell: str) -> None:
    columns = {**columns_from_event(event), name: cell}
    try:
        event_from_columns(columns)
    except EventRefused as error:
        refused = error
        assert refused.message
        assert refused.path.split(".")[0] in {*COLUMNS, ""}


def test_a_text_with_a_line_break_cannot_be_csv() -> None:
    (event,) = [e for e in incident_day(accounts=10, trades_per_minute=1) if e.kind == "Adjusted"]
    broken = event.model_copy(update={"reason": "first\nsecond"})
    with pytest.raises(ValueError, match="line break; write JSONL"):
        write_csv_events([broken], io.StringIO())


def parquet(path: Path, **columns: Any) -> Path:
    base: dict[str, Any] = {
        "kind": ["Deposited"],
        "source": ["s"],
        "external_id": ["d-1"],
        "occurred_at": ["2024-06-18T00:00:00Z"],
        "account": ["a"],
        "asset": ["USD"],
        "amount": ["1.5"],
    }
    pq.write_table(pa.table({**base, **columns}), path)
    return path


def test_parquet_types_that_hold_what_was_written(tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2024-06-18T00:00:00+00:00")
    for changes in (
        {},
        {"amount": pa.array([Decimal("1.50")], pa.decimal128(20, 2))},
        {"occurred_at": pa.array([moment], pa.timestamp("us", "UTC"))},
        {"account": pa.array(["a"]).dictionary_encode()},
        {"reason": pa.array([None], pa.null())},
    ):
        (read,) = outcomes(parquet(tmp_path / "f.parquet", **changes))
        assert isinstance(read, Located)
        assert read.event.kind == "Deposited"
        assert (read.event.amount, read.event.occurred_at) == (Decimal("1.5"), moment)


@pytest.mark.parametrize(
    ("changes", "line", "field"),
    [
        ({"amount": pa.array([1.5])}, 0, "amount"),
        ({"occurred_at": pa.array([0], pa.timestamp("us"))}, 0, "occurred_at"),
        ({"occurred_at": pa.array([0], pa.timestamp("ns", "UTC"))}, 0, "occurred_at"),
        ({"colour": pa.array(["red"])}, 0, "colour"),
        ({"kind": pa.array([["Deposited"]])}, 0, "kind"),
        ({"amount": pa.array([None], pa.string())}, 1, "amount"),
        ({"amount": pa.array(["x"])}, 1, "amount"),
    ],
)
def test_parquet_that_is_refused(
    tmp_path: Path, changes: dict[str, Any], line: int, field: str
) -> None:
    (refused,) = outcomes(parquet(tmp_path / "f.parquet", **changes))
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.field) == (line, field)


def test_parquet_without_a_needed_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"kind": ["ClockTicked"]}), tmp_path / "f.parquet")
    fields = [item.field for item in outcomes(tmp_path / "f.parquet") if isinstance(item, Refusal)]
    assert fields == ["source", "external_id", "occurred_at"]


def test_a_broken_parquet_file_is_a_refusal(tmp_path: Path) -> None:
    path = parquet(tmp_path / "f.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    (refused,) = outcomes(path)
    assert isinstance(refused, Refusal)
    assert refused.reason.startswith("cannot be read further: ")
    (refused,) = outcomes(tmp_path / "none.parquet")
    assert isinstance(refused, Refusal)
    (refused,) = read_events("-", "parquet")
    assert isinstance(refused, Refusal)
    assert "standard input" in refused.reason


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "f.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetMissing, match=r"clearing\[parquet\]"):
        outcomes(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (refused,) = outcomes(tmp_path)
    assert isinstance(refused, Refusal)
    assert refused.reason == "is a folder; name the files in it"


def test_standard_input_is_jsonl_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    line = (
        b'{"kind":"ClockTicked","source":"s","external_id":"t",'
        b'"occurred_at":"2024-06-18T00:00:00Z"}'
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line + b"\n\xff\n")))
    read, refused = read_events("-")
    assert isinstance(read, Located)
    assert (read.file, read.line, read.event.external_id) == ("-", 1, "t")
    assert isinstance(refused, Refusal)
    assert refused.reason == "byte 1 of the line is not UTF-8"


def test_a_missing_file_without_a_suffix_is_a_refusal(tmp_path: Path) -> None:
    (refused,) = outcomes(tmp_path / "none")
    assert isinstance(refused, Refusal)
    assert refused.line == 0


def test_columns_that_no_event_has() -> None:
    with pytest.raises(EventRefused, match="is not a column of any event"):
        event_from_columns({"colour": "red"})
    with pytest.raises(EventRefused, match="must be JSON text"):
        event_from_columns({"kind": "Marked", "marks": 7})
