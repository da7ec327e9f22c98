"""dYdX's indexer: fills with their fees, transfers by their type, funding, and equity as told."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters.statements import (
    STATEMENT_READERS,
    FormatUnknown,
    StatementLine,
    StatementReader,
    sniff_statement,
)
from tests.adapters.statements.reading import read

FILLS = STATEMENT_READERS["dydx-fills"]
TRANSFERS = STATEMENT_READERS["dydx-transfers"]
FUNDING = STATEMENT_READERS["dydx-funding"]
PNL = STATEMENT_READERS["dydx-pnl"]
SHAPES = "data/statements/dydx/api_shapes_nautilus"


def page(path: Path, place: str, records: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"pageSize": 100, place: records}), encoding="utf-8")
    return path


def fill(**fields: Any) -> dict[str, Any]:
    return {
        "id": "6e3f-1",
        "side": "SELL",
        "liquidity": "TAKER",
        "type": "LIMIT",
        "market": "ETH-USD",
        "marketType": "PERPETUAL",
        "price": "2000.5",
        "size": "0.25",
        "fee": "0.2",
        "affiliateRevShare": "0",
        "createdAt": "2024-05-01T08:00:12.333Z",
        "createdAtHeight": "15000000",
        "orderId": "o-1",
        "clientMetadata": "0",
        "subaccountNumber": 3,
    } | fields


def transfer(kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": "t-1",
        "sender": {"address": "dydx1sender", "subaccountNumber": 0},
        "recipient": {"address": "dydx1recipient", "subaccountNumber": 3},
        "size": "150.5",
        "createdAt": "2024-05-01T08:00:12.333Z",
        "createdAtHeight": "15000000",
        "symbol": "USDC",
        "type": kind,
        "transactionHash": "AB12",
    } | fields


def payment(**fields: Any) -> dict[str, Any]:
    return {
        "createdAt": "2024-05-01T08:00:01.000Z",
        "createdAtHeight": "15000000",
        "perpetualId": "1",
        "ticker": "ETH-USD",
        "oraclePrice": "2000",
        "size": "0.25",
        "side": "LONG",
        "rate": "0.00001",
        "payment": "-0.005",
        "subaccountNumber": "3",
        "fundingIndex": "12.5",
    } | fields


def tick(**fields: Any) -> dict[str, Any]:
    return {
        "id": "p-1",
        "subaccountId": "s-1",
        "equity": "1000.5",
        "totalPnl": "0.5",
        "netTransfers": "1000",
        "createdAt": "2024-05-01T09:00:12.333Z",
        "blockHeight": "15000000",
        "blockTime": "2024-05-01T08:00:12.333Z",
    } | fields


def lines_of(
    reader: StatementReader, place: str, tmp_path: Path, *records: dict[str, Any]
) -> list[StatementLine]:
    path = page(tmp_path / "page.json", place, list(records))
    assert sniff_statement(str(path)) is reader
    lines, _, refusals, _ = read(reader, path)
    assert not refusals
    return lines


def legs(line: StatementLine) -> list[tuple[str, str, Decimal]]:
    return [(leg.asset, leg.kind, leg.amount) for leg in line.cash]


def test_a_fill_and_its_fee(tmp_path: Path) -> None:
    (line,) = lines_of(FILLS, "fills", tmp_path, fill())
    assert (line.account, line.native_id, line.market) == ("3", "6e3f-1", "ETH-USD")
    assert line.at.isoformat() == "2024-05-01T08:00:12.333000+00:00"
    assert legs(line) == [("USDC", "fee", Decimal("-0.2"))]
    told = line.fill
    assert told is not None
    assert (told.size, told.price, told.fee) == (
        Decimal("-0.25"),
        Decimal("2000.5"),
        Decimal("0.2"),
    )
    assert (told.before, told.after, told.pnl) == (None, None, None)
    assert (told.trade_id, told.order_id) == ("6e3f-1", "o-1")


def test_a_rebate_and_a_builders_fee_on_top(tmp_path: Path) -> None:
    maker = fill(side="BUY", fee="-0.01", builderFee="0.03", orderRouterFee="0.001")
    maker |= {"positionSizeBefore": "1.5", "positionSideBefore": "SHORT", "orderId": None}
    flat = fill(fee="0", positionSizeBefore="0", positionSideBefore="LONG")
    line, other = lines_of(FILLS, "fills", tmp_path, maker, flat)
    assert legs(line) == [("USDC", "rebate", Decimal("0.01")), ("USDC", "fee", Decimal("-0.03"))]
    assert line.fill is not None
    assert (line.fill.size, line.fill.before) == (Decimal("0.25"), Decimal("-1.5"))
    assert (line.fill.fee, line.fill.order_id) == (Decimal("0.02"), "")
    assert other.fill is not None
    assert (other.cash, other.fill.before, other.fill.fee) == ((), Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("kind", "what", "amount", "account"),
    [
        ("DEPOSIT", "deposit", "150.5", "3"),
        ("WITHDRAWAL", "withdrawal", "-150.5", "0"),
        ("TRANSFER_IN", "transfer", "150.5", "3"),
        ("TRANSFER_OUT", "transfer", "-150.5", "0"),
    ],
)
def test_a_transfer_goes_by_its_type(
    tmp_path: Path, kind: str, what: str, amount: str, account: str
) -> None:
    (line,) = lines_of(TRANSFERS, "transfers", tmp_path, transfer(kind))
    assert legs(line) == [("USDC", what, Decimal(amount))]
    assert (line.account, line.native_id, line.fill) == (account, "t-1", None)
    assert json.loads(line.told["sender"])["address"] == "dydx1sender"


def test_a_parents_transfer_names_the_parent(tmp_path: Path) -> None:
    own = {"address": "dydx1recipient", "parentSubaccountNumber": 0}
    (line,) = lines_of(TRANSFERS, "transfers", tmp_path, transfer("DEPOSIT", recipient=own))
    assert line.account == "0"


def test_funding_is_negative_where_paid(tmp_path: Path) -> None:
    (line,) = lines_of(FUNDING, "fundingPayments", tmp_path, payment())
    assert legs(line) == [("USDC", "funding", Decimal("-0.005"))]
    assert (line.account, line.market, line.native_id) == ("3", "ETH-USD", "")


def test_equity_is_kept_as_told_and_moves_nothing(tmp_path: Path) -> None:
    newer = {"equity": "1", "totalPnl": "0", "netTransfers": "1"}
    newer |= {"createdAt": "2024-05-01T10:00:00.000Z", "createdAtHeight": "15000001"}
    first, second = lines_of(PNL, "historicalPnl", tmp_path, tick(), newer)
    assert (first.cash, first.fill, first.told["equity"]) == ((), None, "1000.5")
    assert first.at.isoformat() == "2024-05-01T08:00:12.333000+00:00"
    assert second.at.isoformat() == "2024-05-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("reader", "place", "right", "wrong", "field"),
    [
        (FILLS, "fills", fill(), fill(side="buy"), "side"),
        (FILLS, "fills", fill(), fill(size="-1"), "size"),
        (FILLS, "fills", fill(), fill(type="GIFT"), "type"),
        (FILLS, "fills", fill(), fill(marketType="SPOT"), "marketType"),
        (FILLS, "fills", fill(), fill(createdAt="2024-05-01T08:00:12"), "createdAt"),
        (FILLS, "fills", fill(), fill(fee=None), "fee"),
        (FILLS, "fills", fill(), fill(positionSizeBefore="1"), "positionSideBefore"),
        (TRANSFERS, "transfers", transfer("DEPOSIT"), transfer("LOAN"), "type"),
        (TRANSFERS, "transfers", transfer("DEPOSIT"), transfer("DEPOSIT", size="0"), "size"),
        (
            TRANSFERS,
            "transfers",
            transfer("DEPOSIT"),
            transfer("DEPOSIT", recipient={"address": "dydx1wallet"}),
            "recipient",
        ),
        (
            TRANSFERS,
            "transfers",
            transfer("DEPOSIT"),
            transfer("DEPOSIT", recipient=3),
            "recipient",
        ),
        (FUNDING, "fundingPayments", payment(), payment(payment="none"), "payment"),
        (FUNDING, "fundingPayments", payment(), payment(side="BOTH"), "side"),
        (PNL, "historicalPnl", tick(), tick(equity=True), "equity"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path,
    reader: StatementReader,
    place: str,
    right: dict[str, Any],
    wrong: dict[str, Any],
    field: str,
) -> None:
    path = page(tmp_path / "page.json", place, [right, wrong])
    lines, _, (refusal,), _ = read(reader, path)
    assert len(lines) == 1
    assert (refusal.line, refusal.field) == (2, field)


def test_a_full_page_may_be_cut(tmp_path: Path) -> None:
    fills = [fill(id=str(number)) for number in range(100)]
    _, _, _, full = read(FILLS, page(tmp_path / "full.json", "fills", fills))
    _, _, _, short = read(FILLS, page(tmp_path / "short.json", "fills", fills[1:]))
    assert (full.saturated, short.saturated) == (True, False)


def test_real_fills(shared_data: Path) -> None:
    path = shared_data / SHAPES / "http_get_fills.json"
    assert sniff_statement(str(path)) is FILLS
    lines, _, refusals, seen = read(FILLS, path)
    assert (len(lines), refusals, seen.order) == (3, [], "descending")
    assert [line.fill.size for line in lines if line.fill] == [
        Decimal("0.0001"),
        Decimal("-0.0001"),
        Decimal("-0.0001"),
    ]


@pytest.mark.parametrize("name", ["http_get_historical_funding.json", "http_get_subaccount.json"])
def test_other_pages_of_the_indexer_are_no_statements(shared_data: Path, name: str) -> None:
    with pytest.raises(FormatUnknown):
        sniff_statement(str(shared_data / SHAPES / name))


def test_a_payment_of_many_decimals_is_cut_and_kept_as_told(tmp_path: Path) -> None:
    """The indexer multiplies size, price and rate; the chain books whole millionths."""
    long = payment(payment="-0.0012345678901234567890123")
    (line,) = lines_of(FUNDING, "fundingPayments", tmp_path, long)
    assert legs(line) == [("USDC", "funding", Decimal("-0.001234567890123456"))]
    assert line.told["payment"] == "-0.0012345678901234567890123"
