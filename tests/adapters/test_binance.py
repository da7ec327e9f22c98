"""Binance's bars and funding: the real crashes against a count of their own, and made-up rows."""

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import (
    IMPORTERS,
    ImportOptions,
    Located,
    OptionRefused,
    Refusal,
    sniff_importer,
)
from clearing.engine import Engine
from clearing.events import (
    AssetDeclared,
    EventRow,
    FundingSettled,
    Marked,
    MarketDeclared,
    Registry,
    SourceDeclared,
    encode,
)
from clearing.events.kinds import REGISTRY_KINDS
from clearing.samples import book_from_text

IMPORTER = IMPORTERS["binance"]
BARS = "market,time,mark_open,mark_high,mark_low,mark_close\n"
RATES = "market,time,rate\n"
CRASHES = ("2020-03-12", "2021-05-19", "2022-11-08")


def read(*paths: Path, book: str = "", **settings: str) -> list[Located | Refusal]:
    settings = {name.replace("_", "-"): value for name, value in settings.items()}
    options = ImportOptions(settings, book=book_from_text(book) if book else None)
    return list(IMPORTER.read([str(path) for path in paths], options))


def of(kind: type, items: Sequence[Located | Refusal]) -> list[Any]:
    return [i.event for i in items if isinstance(i, Located) and isinstance(i.event, kind)]


def stored(items: Sequence[Located | Refusal]) -> list[EventRow]:
    registry = Registry()
    rows: list[EventRow] = []
    for item in items:
        assert isinstance(item, Located), item
        row = encode(item.event, registry)
        row.position = len(rows) + 1
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        rows.append(row)
    return rows


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def crash(shared_data: Path, day: str) -> list[Path]:
    files = [shared_data / f"data/crash/crash_{day}_{part}.csv.gz" for part in ("funding", "marks")]
    assert all(path.is_file() for path in files)
    return files


def raw(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize("day", CRASHES)
def test_the_real_bars_are_four_marks_each_told_together(shared_data: Path, day: str) -> None:
    funding, bars = crash(shared_data, day)
    items = read(funding, bars)
    assert not [item for item in items if isinstance(item, Refusal)]
    expected: dict[tuple[str, str], Decimal] = {}
    for row in raw(bars):
        opened = datetime.fromisoformat(row["time"])
        for quarter, column in enumerate(("mark_open", "mark_low", "mark_high", "mark_close")):
            moment = (opened + timedelta(minutes=15 * quarter)).isoformat()
            expected[row["market"], moment] = Decimal(row[column])
    marked = of(Marked, items)
    found = {
        (mark.market, event.occurred_at.isoformat()): mark.price
        for event in marked
        for mark in event.marks
    }
    assert found == expected
    assert len(marked) == len(expected) // 3 == 480
    assert {len(event.marks) for event in marked} == {3}
    assert all(event.external_id.startswith("assumed-olhc:") for event in marked)
    assert len({event.external_id for event in marked}) == 480
    stored(items)


@pytest.mark.parametrize("day", CRASHES)
def test_the_real_funding_is_settled_at_the_mark_in_force(shared_data: Path, day: str) -> None:
    funding, bars = crash(shared_data, day)
    marks = {(row["market"], row["time"]): Decimal(row["mark_open"]) for row in raw(bars)}
    settled = of(FundingSettled, read(bars, funding))
    expected = [
        (row["market"], row["time"], Decimal(row["rate"]), marks[row["market"], row["time"]])
        for row in raw(funding)
    ]
    found = [
        (e.market, e.occurred_at.isoformat().replace("+00:00", "Z"), e.rate, e.price)
        for e in settled
    ]
    assert sorted(found) == sorted(expected)
    assert len(found) == 45
    assert {e.interval_seconds for e in settled} == {28_800}


def test_marks_and_funding_interleave_in_time(shared_data: Path) -> None:
    items = read(*crash(shared_data, CRASHES[0]), book="sample:1")
    moments = [item.event.occurred_at for item in items if isinstance(item, Located)]
    assert moments == sorted(moments)
    kinds = [
        item.event.kind
        for item in items
        if isinstance(item, Located) and item.event.kind in ("Marked", "FundingSettled")
    ]
    assert kinds[:4] == ["Marked", *["FundingSettled"] * 3]


@pytest.mark.parametrize("day", CRASHES)
def test_a_book_is_liquidated_by_the_real_crash_and_uses_the_fund(
    shared_data: Path, day: str
) -> None:
    items = read(*crash(shared_data, day), book="sample")
    entries = []
    digests = []
    for _ in range(2):
        engine = Engine(resolver=lambda _source, _external_id: None)
        entries = [entry for row in stored(items) for entry in engine.apply(row)]
        digests.append((engine.digest(), engine.entry_hash))
    assert digests[0] == digests[1]
    actions = Counter(entry[4] for entry in entries if entry[0] == "liquidation")
    assert actions["reduce"] >= 20
    assert actions["takeover"] >= 20
    borne = [Decimal(str(entry[4])) for entry in entries if entry[0] == "loss"]
    assert sum(borne) > 10_000
    assert not [entry for entry in entries if entry[0] == "deviation"]


def test_the_order_of_the_files_changes_nothing(shared_data: Path) -> None:
    funding, bars = crash(shared_data, CRASHES[1])
    one, other = read(funding, bars, book="sample:4"), read(bars, funding, book="sample:4")
    assert one == other


def test_what_is_declared(shared_data: Path) -> None:
    items = read(*crash(shared_data, CRASHES[0]), asset="USDX", source="prices")
    (source,) = of(SourceDeclared, items)
    assert (source.name, "assumed" in source.description) == ("prices", True)
    (asset,) = of(AssetDeclared, items)
    assert (asset.name, asset.decimals) == ("USDX", 8)
    scales = {
        m.name: (m.settlement_asset, m.price_decimals, m.mark_decimals, m.size_decimals)
        for m in of(MarketDeclared, items)
    }
    assert scales == {
        "BTCUSDT": ("USDX", 2, 8, 3),
        "ETHUSDT": ("USDX", 2, 8, 3),
        "XRPUSDT": ("USDX", 4, 8, 1),
    }
    registry = Registry()
    for row in stored(items):
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
    paths = [str(path) for path in crash(shared_data, CRASHES[0])]
    options = ImportOptions({"asset": "USDX", "source": "prices"}, registry=registry)
    again = [item.event.kind for item in IMPORTER.read(paths, options) if isinstance(item, Located)]
    assert Counter(again) == {"Marked": 480, "FundingSettled": 45}


def test_a_bar_by_another_path_and_length(tmp_path: Path) -> None:
    path = write(tmp_path, "b.csv", BARS + "M,2020-01-01T00:00:00Z,10,12,9,11\n")
    told = [
        (e.occurred_at.isoformat()[14:], str(e.marks[0].price))
        for e in of(Marked, read(path, path="ohlc", bar_seconds="60"))
    ]
    assert told == [
        ("00:00+00:00", "10"),
        ("00:15+00:00", "12"),
        ("00:30+00:00", "9"),
        ("00:45+00:00", "11"),
    ]
    (first, *_) = of(Marked, read(path, path="ohlc"))
    assert first.external_id.startswith("assumed-ohlc:2020-01-01T00:00:00Z:0-open:")


def test_funding_between_marks_takes_the_last_one(tmp_path: Path) -> None:
    bars = write(tmp_path, "b.csv", BARS + "M,2020-01-01T00:00:00Z,10,12,9,11\n")
    rates = write(
        tmp_path,
        "r.csv",
        RATES
        + "M,2020-01-01T00:20:00Z,0.01\nM,2020-01-01T08:00:00Z,0.02\n"
        + "M,2019-12-31T23:59:00Z,0.03\nN,2020-01-01T08:00:00Z,0.04\n",
    )
    items = read(rates, bars, funding_seconds="3600")
    settled = of(FundingSettled, items)
    assert [(str(e.rate), str(e.price)) for e in settled] == [("0.01", "9"), ("0.02", "11")]
    assert {e.interval_seconds for e in settled} == {3600}
    refused = [(i.line, i.field) for i in items if isinstance(i, Refusal)]
    assert refused == [(4, "time"), (5, "time")]


def test_funding_without_any_bars_is_refused(tmp_path: Path) -> None:
    (refused,) = read(write(tmp_path, "r.csv", RATES + "M,2020-01-01T00:20:00Z,0.01\n"))
    assert isinstance(refused, Refusal)
    assert "give the file with its bars too" in refused.reason


def test_markets_that_open_together_share_a_mark_and_others_do_not(tmp_path: Path) -> None:
    bars = write(
        tmp_path,
        "b.csv",
        BARS
        + "M,2020-01-01T01:00:00Z,10,12,9,11\nN,2020-01-01T00:00:00Z,1,1,1,1\n"
        + "M,2020-01-01T00:00:00Z,10,10,10,10\n",
    )
    told = [(e.occurred_at.hour, [m.market for m in e.marks]) for e in of(Marked, read(bars))]
    assert told == [(0, ["N", "M"])] * 4 + [(1, ["M"])] * 4


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("M,2020-01-01T00:00:00Z,10,12,9", ""),
        ("M,2020-01-01T00:00:00,10,12,9,11", "time"),
        ("M,2020-13-01T00:00:00Z,10,12,9,11", "time"),
        ("no name,2020-01-01T00:00:00Z,10,12,9,11", "market"),
        ("M,2020-01-01T00:00:00Z,nan,12,9,11", "mark_open"),
        ("M,2020-01-01T00:00:00Z,10,12,0,11", "mark_low"),
        ("M,2020-01-01T00:00:00Z,13,12,9,11", "mark_open"),
        ("M,2020-01-01T00:00:00Z,10,12,9,8", "mark_close"),
        ("M,2020-01-01T00:00:00Z,10,8,9,9", "mark_open"),
        ('M,"2020-01-01T00:00:00Z,10,12,9,11', ""),
        ("M,2019-12-31T23:00:00Z,10,12,9,11", "time"),
    ],
)
def test_a_wrong_bar_is_named_and_the_rest_goes_on(tmp_path: Path, row: str, field: str) -> None:
    good = "M,2019-12-31T23:00:00Z,10,12,9,11\n"
    items = read(write(tmp_path, "b.csv", f"{BARS}{good}{row}\nM,2020-01-02T00:00:00Z,9,9,9,9\n"))
    (refused,) = [item for item in items if isinstance(item, Refusal)]
    assert (refused.line, refused.field) == (3, field)
    assert len(of(Marked, items)) == 8


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("M,2020-01-01T00:00:00Z,0.0000000000001", "rate"),
        ("M,2020-01-01T00:00:00Z,", "rate"),
        ("M,2020-01-01,0.1", "time"),
        (",2020-01-01T00:00:00Z,0.1", "market"),
    ],
)
def test_a_wrong_rate_is_named(tmp_path: Path, row: str, field: str) -> None:
    (refused,) = read(write(tmp_path, "r.csv", f"{RATES}{row}\n"))
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.field) == (2, field)


def test_another_header_is_refused(tmp_path: Path) -> None:
    (refused,) = read(write(tmp_path, "x.csv", "market,time,price\nM,2020-01-01T00:00:00Z,1\n"))
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.field, refused.value) == (1, "header", "market,time,price")
    (refused,) = read(write(tmp_path, "x.csv", ""))
    assert isinstance(refused, Refusal)
    assert refused.line == 0


def test_a_run_has_a_bounded_number_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearing.adapters.binance.MAX_ROWS", 2)
    rows = "".join(f"M,2020-01-0{day}T00:00:00Z,1,1,1,1\n" for day in (1, 2, 3))
    (refused,) = read(write(tmp_path, "b.csv", BARS + rows))
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.reason) == (4, "more than 2 rows; split the run")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\n")
    (refused,) = read(tmp_path / "b.csv")
    assert isinstance(refused, Refusal)
    assert refused.reason == "byte 1 of the line is not UTF-8"


def test_options_are_checked() -> None:
    for changes, message in (
        ({"path": "hloc"}, "path='hloc' is not one of olhc, ohlc"),
        ({"bar_seconds": "3"}, "bar-seconds='3' is not a number of seconds from 4 on"),
        ({"funding_seconds": "x"}, "funding-seconds='x'"),
        ({"asset": ""}, "asset=''"),
    ):
        with pytest.raises(OptionRefused, match=message):
            read(**changes)


def test_formats_are_recognised_by_their_header(shared_data: Path, tmp_path: Path) -> None:
    for path in crash(shared_data, CRASHES[0]):
        assert sniff_importer(str(path)) is IMPORTER
    fills = shared_data / "data/trades/hyperliquid_node_fills_20251027_a.csv.gz"
    assert sniff_importer(str(fills)) is IMPORTERS["hyperliquid-fills"]
    assert sniff_importer(str(write(tmp_path, "x.csv", "kind,source\n"))) is None
    assert sniff_importer(str(write(tmp_path, "y.csv", 'kind,"source\n'))) is None
    assert sniff_importer("-") is None


@given(
    st.lists(
        st.lists(
            st.sampled_from(["M", "2020-01-01T00:00:00Z", "1", "2", ""]) | st.text(max_size=8),
            min_size=2,
            max_size=7,
        ),
        max_size=5,
    ),
    st.sampled_from([BARS, RATES]),
)
def test_no_rows_are_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], header: str
) -> None:
    path = tmp_path_factory.mktemp("rows") / "f.csv"
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        file.write(header)
        csv.writer(file).writerows(rows)
    items = read(path)
    assert all(item.reason and item.line for item in items if isinstance(item, Refusal))
    stored([item for item in items if isinstance(item, Located)])
