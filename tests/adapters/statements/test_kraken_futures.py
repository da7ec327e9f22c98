"""Kraken Futures' account log: two rows of a fill become one line, and what it cost adds up."""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters.statements import STATEMENT_READERS, sniff_statement
from clearing.adapters.statements.base import CashLeg
from tests.adapters.statements.reading import csv_file, read

KRAKEN = STATEMENT_READERS["kraken-futures-log"]
HEADER = [
    *("uid", "dateTime", "account", "type", "symbol", "contract", "change", "new balance"),
    *("new average entry price", "trade price", "mark price", "funding rate", "realized pnl"),
    *("fee", "realized funding", "collateral", "liquidation fee"),
]
FILL = {
    "dateTime": "2026-03-01 10:00:05",
    "account": "flex",
    "type": "futures trade",
    "contract": "pf_ethusd",
    "trade price": "2001.5",
}


def cash(**fields: str) -> dict[str, str]:
    told = {"uid": "c1", "symbol": "usd", "change": "-3.5", "new balance": "96.5"}
    told |= {"realized pnl": "-3.", "fee": "0.4", "realized funding": "-0.1"}
    return FILL | told | fields


def position(**fields: str) -> dict[str, str]:
    told = {"uid": "p1", "symbol": "pf_ethusd", "change": "-2.", "new balance": "-2."}
    return FILL | told | {"new average entry price": "2001.5"} | fields


def moved(asset: str, kind: str, amount: str, balance: str | None = None) -> CashLeg:
    return CashLeg(asset, kind, Decimal(amount), None if balance is None else Decimal(balance))  # type: ignore[arg-type] # a kind, written out in the test


def test_two_rows_of_a_fill_are_one_line(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "log.csv", HEADER, [cash(), position()])
    assert sniff_statement(str(path)) is KRAKEN
    (line,), _, refusals, seen = read(KRAKEN, path)
    assert not refusals
    assert (line.line, line.native_id, line.account, line.market) == (2, "c1", "flex", "PF_ETHUSD")
    assert line.at.isoformat() == "2026-03-01T10:00:05+00:00"
    assert line.cash == (
        moved("USD", "realised_pnl", "-3"),
        moved("USD", "fee", "-0.4"),
        moved("USD", "funding", "-0.1", "96.5"),
    )
    fill = line.fill
    assert fill is not None
    assert (fill.market, fill.size, fill.price) == ("PF_ETHUSD", Decimal(-2), Decimal("2001.5"))
    assert (fill.before, fill.after, fill.pnl) == (None, Decimal(-2), Decimal(-3))
    assert (fill.fee, fill.fee_asset) == (Decimal("0.4"), "USD")
    assert (line.told["change"], line.told["position leg: change"]) == ("-3.5", "-2.")
    assert seen.accounts == ["flex"]


def test_rows_of_another_kind_may_stand_between_the_two(tmp_path: Path) -> None:
    between = FILL | {
        "uid": "x",
        "type": "conversion",
        "contract": "",
        "symbol": "xbt",
        "change": "-0.001",
        "new balance": "1.",
        "trade price": "",
    }
    rows = [cash(), between, position()]
    lines, _, refusals, _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert not refusals
    assert [(line.line, line.native_id) for line in lines] == [(2, "c1"), (3, "x")]
    assert lines[0].fill is not None
    assert lines[1].cash == (moved("XBT", "conversion", "-0.001", "1"),)


def test_a_fill_whose_fee_was_paid_otherwise_has_no_cash(tmp_path: Path) -> None:
    """The lone row must not take the cash of its neighbour, which stands before its own."""
    lone = position(uid="p0", **{"new balance": "-4."})
    later = FILL | {"dateTime": "2026-03-01 11:00:00"}
    rows = [later | {"uid": "t", "type": "transfer", "contract": "", "symbol": "usd"}]
    rows[0] |= {"change": "5.", "new balance": "101.5", "trade price": ""}
    rows += [lone, cash(), position()]
    lines, _, refusals, seen = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert not refusals
    assert seen.order == "descending"
    transfer, alone, pair = lines
    assert transfer.cash == (moved("USD", "transfer", "5", "101.5"),)
    assert (alone.cash, alone.native_id) == ((), "p0")
    assert alone.fill is not None
    assert alone.fill.fee is None
    assert (pair.native_id, pair.line) == ("c1", 4)
    assert pair.fill is not None
    assert pair.fill.after == -2


def test_a_log_that_begins_with_the_oldest_has_the_position_first(tmp_path: Path) -> None:
    lone = position(uid="p0")
    early = FILL | {"dateTime": "2026-03-01 09:00:00", "type": "transfer", "contract": ""}
    early |= {"symbol": "usd", "change": "100.", "new balance": "100.", "trade price": ""}
    rows = [early, position(), cash(), lone]
    lines, _, refusals, _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert not refusals
    assert [(line.native_id, line.fill is None) for line in lines] == [
        ("", True),
        ("c1", False),
        ("p0", False),
    ]


def test_rows_that_differ_in_price_are_two_lines(tmp_path: Path) -> None:
    rows = [cash(), position(**{"trade price": "2001.6"})]
    lines, _, _, _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert [(bool(line.cash), line.fill is None) for line in lines] == [
        (True, True),
        (False, False),
    ]


def test_each_kind_of_row(tmp_path: Path) -> None:
    plain = {
        "contract": "",
        "trade price": "",
        "realized pnl": "",
        "fee": "",
        "realized funding": "",
    }
    rows = [
        cash(change="1.25", **{"realized pnl": "1.", "fee": "-0.25", "realized funding": ""}),
        cash(
            type="funding rate change",
            change="0.02",
            **{"trade price": "", "realized pnl": "", "fee": "0.", "realized funding": "0.02"},
        ),
        cash(
            type="futures liquidation",
            change="-30.",
            **{"realized pnl": "-20.", "fee": "1.", "realized funding": "0."},
            **{"liquidation fee": "9."},
        ),
        cash(type="cross-exchange transfer", change="-7.", **plain),
        cash(type="interest payment", change="-0.5", **plain),
        cash(type="a kind not known here", change="2.", **plain),
        cash(change="0.", **{"realized pnl": "0.", "fee": "0.", "realized funding": ""}),
    ]
    lines, _, refusals, _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert not refusals
    assert [[(leg.kind, leg.amount) for leg in line.cash] for line in lines] == [
        [("realised_pnl", Decimal(1)), ("rebate", Decimal("0.25"))],
        [("funding", Decimal("0.02"))],
        [("realised_pnl", Decimal(-20)), ("fee", Decimal(-1)), ("fee", Decimal(-9))],
        [("transfer", Decimal(-7))],
        [("interest", Decimal("-0.5"))],
        [("other", Decimal(2))],
        [("trade", Decimal(0))],
    ]
    assert lines[5].told["type"] == "a kind not known here"
    assert all(line.cash[-1].balance == Decimal("96.5") for line in lines)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("change", "-3.4", "come to -3.5"),
        ("change", "1e", "not a decimal"),
        ("fee", "free", "not a decimal"),
        ("dateTime", "2026-03-01T10:00:05+02:00", "not a time such as"),
        ("dateTime", "2026-02-30 10:00:05", "not a time"),
        ("new balance", "", "not a decimal"),
        ("symbol", "", "is empty"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str, reason: str
) -> None:
    rows = [cash(), cash(**{field: value})]
    lines, _, (refusal,), _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert len(lines) == 1
    assert (refusal.line, refusal.field, refusal.value) == (3, field, value)
    assert reason in refusal.reason


def test_a_row_of_a_position_moves_no_cash(tmp_path: Path) -> None:
    rows = [position(fee="0.1")]
    _, _, (refusal,), _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert (refusal.line, refusal.field, refusal.value) == (2, "fee", "0.1")


def test_a_column_not_known_refuses_the_file(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "log.csv", [*HEADER, "surprise"], [cash()])
    lines, _, (refusal,), _ = read(KRAKEN, path)
    assert (lines, refusal.line, refusal.field) == ([], 1, "surprise")


def test_a_real_log_chains_and_closes(shared_data: Path) -> None:
    path = shared_data / "data/statements/kraken_futures/account_log_excerpt.csv"
    assert sniff_statement(str(path)) is KRAKEN
    lines, _, refusals, seen = read(KRAKEN, path)
    assert (len(lines), refusals, seen.order) == (7, [], "descending")
    held = Decimal(0)
    for line in reversed(lines):
        assert line.fill is not None
        held += line.fill.size
        assert line.fill.after == held
        assert sum(leg.amount for leg in line.cash) == Decimal(line.told["change"])
    assert held == 0
    paid = sum((line.fill.fee or 0 for line in lines if line.fill), Decimal(0))
    won = sum((line.fill.pnl or 0 for line in lines if line.fill), Decimal(0))
    assert (won, paid) == (Decimal("-11.4220"), Decimal("1.4095"))


class Happened(NamedTuple):
    """A fill, with its fee where it was paid in cash, or a transfer where it has no size."""

    second: int
    size: int
    fee: int | None
    price: int


HAPPENED = st.builds(
    Happened,
    st.integers(1, 3),
    st.sampled_from([-2, 0, 1, 3]),
    st.none() | st.sampled_from([-1, 0, 2]),
    st.sampled_from([2000, 2001]),
)


def in_time(what: list[Happened]) -> list[dict[str, str]]:
    """The rows of a log in time: of a fill that of the position first, then that of the cash."""
    start = FILL | {"dateTime": "2026-03-01 10:00:00", "type": "transfer", "contract": ""}
    rows = [start | {"symbol": "usd", "change": "9.", "new balance": "9.", "trade price": ""}]
    for one in sorted(what, key=lambda one: one.second):
        common = {"dateTime": f"2026-03-01 10:00:0{one.second}", "trade price": str(one.price)}
        if not one.size:
            rows.append(rows[0] | {"dateTime": common["dateTime"]})
            continue
        rows.append(position(change=str(one.size), **common))
        if one.fee is not None:
            told = {"change": str(-one.fee), "fee": str(one.fee), "realized pnl": ""}
            rows.append(cash(**told, **common, **{"realized funding": ""}))
    return rows


@given(st.lists(HAPPENED, min_size=1, max_size=8), st.booleans())
def test_rows_are_joined_as_they_happened_whichever_end_comes_first(
    tmp_path_factory: pytest.TempPathFactory, what: list[Happened], newest_first: bool
) -> None:
    rows = in_time(what)
    path = tmp_path_factory.mktemp("log") / "log.csv"
    csv_file(path, HEADER, rows[::-1] if newest_first else rows)
    lines, _, refusals, _ = read(KRAKEN, path)
    assert not refusals
    fills = [line.fill for line in (lines[::-1] if newest_first else lines) if line.fill]
    expected = [one for one in sorted(what, key=lambda one: one.second) if one.size]
    assert [(fill.size, fill.price) for fill in fills] == [
        (Decimal(one.size), Decimal(one.price)) for one in expected
    ]
    assert [fill.fee for fill in fills] == [
        None if one.fee is None else Decimal(one.fee) for one in expected
    ]
    alone = [line for line in lines if line.fill is None]
    assert len(alone) == 1 + sum(not one.size for one in what)


def test_a_position_that_did_not_change_is_no_fill(tmp_path: Path) -> None:
    rows = [position(change="0.")]
    (line,), _, refusals, _ = read(KRAKEN, csv_file(tmp_path / "log.csv", HEADER, rows))
    assert not refusals
    assert (line.cash, line.fill) == ((), None)
