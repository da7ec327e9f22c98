"""Text that the database cannot hold is refused with its line and field, in every format."""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearing.adapters import Refusal
from clearing.adapters.statements import (
    STATEMENT_READERS,
    CashLeg,
    FillLeg,
    StatedBalance,
    StatementLine,
    storable,
)
from tests.adapters.statements.reading import read
from tests.adapters.statements.test_sniffing import SETTINGS, format_of, samples

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
UNFIT = ("a\x00b", "\ud83d", "\udc00")
LINE = StatementLine(
    "day.json",
    7,
    NOON,
    "ada",
    "B-1",
    "ETH",
    (CashLeg("USDC", "fee", Decimal(-1)),),
    FillLeg("ETH", Decimal(1), Decimal(2), "T-1", "O-1", fee=Decimal(1), fee_asset="USDC"),
    {"memo": "lunch 🍜"},
)
BALANCE = StatedBalance(
    "day.json", 8, NOON, "ada", "USDC", Decimal(5), False, "after", {"memo": "é"}
)


def with_text(place: str, text: str) -> StatementLine:
    head, _, inner = place.rpartition(".")
    changed: dict[str, Any] = {place: text}
    if head == "cash":
        changed = {"cash": (LINE.cash[0]._replace(asset=text),)}
    elif head == "fill" and LINE.fill is not None:
        replaced: dict[str, Any] = {inner: text}
        changed = {"fill": LINE.fill._replace(**replaced)}
    elif place == "told":
        changed = {"told": {**LINE.told, "note": text}}
    elif place == "name":
        changed = {"told": {**LINE.told, text: "note"}}
    return dataclasses.replace(LINE, **changed)


@pytest.mark.parametrize("text", UNFIT)
@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("account", "account"),
        ("native_id", "native_id"),
        ("market", "market"),
        ("cash.asset", "asset"),
        ("fill.market", "market"),
        ("fill.trade_id", "trade_id"),
        ("fill.order_id", "order_id"),
        ("fill.fee_asset", "fee_asset"),
        ("told", "note"),
    ],
)
def test_a_text_that_cannot_be_stored_is_refused_by_its_line_and_field(
    place: str, field: str, text: str
) -> None:
    (refusal,) = storable([with_text(place, text)])
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.line, refusal.field) == ("day.json", 7, field)
    assert "cannot be stored" in refusal.reason
    assert all(fits(part) for part in (refusal.field, refusal.value, refusal.reason, refusal.raw))


@pytest.mark.parametrize("text", UNFIT)
def test_the_name_of_a_field_and_the_texts_of_a_balance_are_looked_at_too(text: str) -> None:
    balances = (BALANCE._replace(account=text), BALANCE._replace(what=text))
    for refusal in storable([with_text("name", text), *balances]):
        assert isinstance(refusal, Refusal)
        assert fits(refusal.field)


def test_any_other_text_stays(tmp_path: Path) -> None:
    assert list(storable([LINE, BALANCE])) == [LINE, BALANCE]
    path = tmp_path / "funding.json"
    path.write_text(
        '[{"time": 1714564800000, "hash": "0x1", "note": "\\ud83c\\udf5c", "delta":'
        ' {"type": "funding", "coin": "ETH", "usdc": "1", "szi": "1", "fundingRate": "0"}}]',
        encoding="utf-8",
    )
    (line,), _, refusals, _ = read(STATEMENT_READERS["hyperliquid-funding"], path)
    assert (line.told["note"], refusals) == ("🍜", [])


def test_a_page_with_a_nul_is_read_but_for_that_record(tmp_path: Path) -> None:
    record = (
        '{"time": 1714564800000, "hash": "%s", "delta":'
        ' {"type": "funding", "coin": "ETH", "usdc": "1", "szi": "1", "fundingRate": "0"}}'
    )
    path = tmp_path / "funding.json"
    path.write_text("[" + record % "0x1" + "," + record % "x\\u0000" + "]", encoding="utf-8")
    (line,), _, (refusal,), seen = read(STATEMENT_READERS["hyperliquid-funding"], path)
    assert (line.native_id, refusal.line, refusal.field) == ("0x1", 2, "hash")
    assert "U+0000 as its character 2" in refusal.reason
    assert (seen.lines, seen.refused) == (1, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("path", samples(mapped=True), ids=lambda path: path.name)
def test_whatever_is_read_of_any_format_can_be_stored(
    path: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    unfit = data.draw(st.sampled_from([b"\x00", b"\\u0000", b"\\ud800"]))
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(whole[:at] + unfit + whole[at:])
    name = format_of(path)
    lines, balances, refusals, _ = read(STATEMENT_READERS[name], spoilt, **SETTINGS.get(name, {}))
    told = [(item.account, item.told) for item in lines]
    told += [(item.account, item.told) for item in balances]
    for account, fields in told:
        assert all(fits(text) for text in (account, *fields, *fields.values()))
    for line in lines:
        assert fits(line.native_id + line.market + "".join(leg.asset for leg in line.cash))
    for refusal in refusals:
        assert all(fits(text) for text in (refusal.field, refusal.value, refusal.reason))


def fits(text: str) -> bool:
    """Whether Postgres can hold it: UTF-8 without NUL."""
    return "\x00" not in text and text == text.encode("utf-8", "replace").decode("utf-8")
