"""A statement's movements as events: what the ledger cannot hold is refused line by line."""

from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters import IMPORTERS, ImportOptions, Located, Refusal
from clearing.adapters.fields import decimals_of
from clearing.events import AssetDeclared, Deposited

HEADER = "time,tx_hash,from,to,asset,amount,status"
LINE = "2024-05-01T12:00:00Z,{},0xbbbb02,0xaaaa01,{},{},success"


def imported(tmp_path: Path, *lines: str) -> list[Located | Refusal]:
    path = tmp_path / "chain.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    options = ImportOptions({"account": "ada", "addresses": "0xaaaa01"})
    return list(IMPORTERS["chain-transfers"].read([str(path)], options))


@pytest.mark.parametrize(
    ("asset", "amount", "field", "reason"),
    [
        ("WETH", "0.1234567890123456789", "amount", "at most 18 decimals"),
        ("wrapped ether", "1", "asset", "is not a name"),
    ],
)
def test_what_the_ledger_cannot_hold_is_refused_and_the_rest_comes_in(
    tmp_path: Path, asset: str, amount: str, field: str, reason: str
) -> None:
    items = imported(tmp_path, LINE.format("0x1", asset, amount), LINE.format("0x2", "ETH", "2"))
    (refusal,) = [item for item in items if isinstance(item, Refusal)]
    assert (refusal.line, refusal.field) == (2, field)
    assert reason in refusal.reason
    events = [item.event for item in items if isinstance(item, Located)]
    assert [one.amount for one in events if isinstance(one, Deposited)] == [Decimal(2)]
    assert [one.name for one in events if isinstance(one, AssetDeclared)] == ["ETH"]


def test_an_asset_has_the_decimals_of_the_longest_amount(tmp_path: Path) -> None:
    long = "123456789012345678.123456789012"
    items = imported(tmp_path, LINE.format("0x1", "ETH", long))
    (declared,) = [
        item.event
        for item in items
        if isinstance(item, Located) and isinstance(item.event, AssetDeclared)
    ]
    assert declared.decimals == 12


@pytest.mark.parametrize(
    ("text", "decimals"),
    [("0.00", 0), ("1.50", 1), ("1E3", 0), ("1" * 28 + "." + "1" * 18, 18), ("-0.001000", 3)],
)
def test_decimals_are_counted_however_long_the_number_is(text: str, decimals: int) -> None:
    assert decimals_of(Decimal(text)) == decimals
