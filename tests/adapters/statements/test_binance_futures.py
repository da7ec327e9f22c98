"""Binance futures as JSON: income by its types, and what is there after each account update."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters.statements import STATEMENT_READERS, sniff_statement
from clearing.adapters.statements.binance_income import INCOME_KINDS
from tests.adapters.statements.reading import read

INCOME = STATEMENT_READERS["binance-income"]
UPDATES = STATEMENT_READERS["binance-account-update"]
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def income(kind: str = "COMMISSION", amount: str = "-0.01", **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "incomeType": kind,
        "income": amount,
        "asset": "USDT",
        "info": kind,
        "time": 1714564800000,
        "tranId": 9689322392,
        "tradeId": "2059192",
        **fields,
    }


def update(reason: str = "ORDER", **fields: Any) -> dict[str, Any]:
    return {
        "e": "ACCOUNT_UPDATE",
        "E": 1714564800002,
        "T": 1714564800000,
        "a": {
            "m": reason,
            "B": [{"a": "USDT", "wb": "99.5", "cw": "50", "bc": "0"}],
            "P": [{"s": "BTCUSDT", "pa": "-0.5", "ep": "60000", "ps": "BOTH"}],
            **fields,
        },
    }


def page(path: Path, content: Any, **layout: Any) -> Path:
    path.write_text(json.dumps(content, **layout), encoding="utf-8")
    return path


def test_a_fill_s_profit_and_fee_have_one_number_and_two_native_ids(tmp_path: Path) -> None:
    rows = [income("REALIZED_PNL", "12.5"), income(asset="BNB")]
    path = page(tmp_path / "income.json", rows)
    assert sniff_statement(str(path)) is INCOME
    (profit, fee), _, refusals, seen = read(INCOME, path)
    assert not refusals
    assert profit.cash == (("USDT", "realised_pnl", Decimal("12.5"), None),)
    assert fee.cash == (("BNB", "fee", Decimal("-0.01"), None),)
    assert (profit.native_id, fee.native_id) == ("REALIZED_PNL:9689322392", "COMMISSION:9689322392")
    assert (profit.at, profit.market, profit.line, fee.line) == (NOON, "BTCUSDT", 1, 2)
    assert profit.told["tradeId"] == "2059192"
    assert (seen.lines, seen.saturated) == (2, False)


def test_every_type_of_income_has_its_kind_and_a_new_one_is_other(tmp_path: Path) -> None:
    rows = [income(kind, "-1") for kind in INCOME_KINDS]
    rows += [income("COMMISSION", "0.5"), income("WELCOME_BONUS", "1"), income("NEW", "1")]
    lines, _, refusals, _ = read(INCOME, page(tmp_path / "income.json", rows))
    assert not refusals
    kinds = [line.cash[0].kind for line in lines]
    assert kinds == [*INCOME_KINDS.values(), "rebate", "other", "other"]


@pytest.mark.parametrize("size", [100, 1_000])
def test_a_page_of_the_default_or_the_most_may_be_cut(tmp_path: Path, size: int) -> None:
    rows = [income(tranId=number) for number in range(size)]
    _, _, _, full = read(INCOME, page(tmp_path / "full.json", rows))
    _, _, _, short = read(INCOME, page(tmp_path / "short.json", rows[1:]))
    assert (full.saturated, short.saturated) == (True, False)


@pytest.mark.parametrize(
    ("field", "value", "shown", "reason"),
    [
        ("income", "free", "free", "not a decimal"),
        ("income", None, "", "missing"),
        ("asset", "", "", "missing"),
        ("time", "2024-05-01", "2024-05-01", "milliseconds"),
        ("tranId", None, "", "missing"),
        ("incomeType", None, "", "missing"),
    ],
)
def test_a_field_of_income_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str | None, shown: str, reason: str
) -> None:
    rows = [income(), {**income(), field: value}]
    lines, _, (refusal,), _ = read(INCOME, page(tmp_path / "income.json", rows))
    assert len(lines) == 1
    assert (refusal.line, refusal.field, refusal.value) == (2, field, shown)
    assert reason in refusal.reason
    assert json.loads(refusal.raw)["symbol"] == "BTCUSDT"


def test_an_error_s_answer_is_no_page(tmp_path: Path) -> None:
    path = page(tmp_path / "income.json", {"code": -1121, "msg": "Invalid symbol."})
    _, _, (refusal,), _ = read(INCOME, path)
    assert (refusal.field, refusal.value) == ("code", "-1121")
    assert "Invalid symbol." in refusal.reason


def test_an_update_states_what_is_there_after_it(tmp_path: Path) -> None:
    path = page(tmp_path / "update.json", update(), indent=1)
    assert sniff_statement(str(path)) is UPDATES
    lines, (wallet, position), refusals, _ = read(UPDATES, path)
    assert (lines, refusals) == ([], [])
    assert (wallet.what, wallet.amount, wallet.position) == ("USDT", Decimal("99.5"), False)
    assert (position.what, position.amount, position.position) == ("BTCUSDT", Decimal("-0.5"), True)
    assert {(one.at, one.when, one.account) for one in (wallet, position)} == {(NOON, "after", "")}
    assert wallet.told == {
        "e": "ACCOUNT_UPDATE",
        "E": "1714564800002",
        "T": "1714564800000",
        "m": "ORDER",
        "a": "USDT",
        "wb": "99.5",
        "cw": "50",
        "bc": "0",
    }


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("DEPOSIT", "deposit"),
        ("WITHDRAW", "withdrawal"),
        ("FUNDING_FEE", "funding"),
        ("INSURANCE_CLEAR", "insurance"),
        ("ADMIN_DEPOSIT", "adjustment"),
        ("AUTO_EXCHANGE", "conversion"),
        ("ORDER", "other"),
    ],
)
def test_what_moved_besides_profit_and_fees_is_a_line(
    tmp_path: Path, reason: str, kind: str
) -> None:
    moved = [{"a": "USDT", "wb": "90", "cw": "90", "bc": "-9.5"}]
    path = page(tmp_path / "update.json", update(reason, B=moved, P=[]))
    (line,), (wallet,), _, _ = read(UPDATES, path)
    assert line.cash == (("USDT", kind, Decimal("-9.5"), None),)
    assert wallet.amount == 90


def test_long_and_short_of_a_hedged_market_are_positions_of_their_own(tmp_path: Path) -> None:
    sides = [("BOTH", "0"), ("LONG", "20"), ("SHORT", "-10")]
    positions = [{"s": "BTCUSDT", "pa": size, "ps": side} for side, size in sides]
    path = page(tmp_path / "update.json", update(B=[], P=positions))
    _, stated, _, _ = read(UPDATES, path)
    assert [(one.what, one.amount) for one in stated] == [
        ("BTCUSDT", Decimal(0)),
        ("BTCUSDT/LONG", Decimal(20)),
        ("BTCUSDT/SHORT", Decimal(-10)),
    ]


def test_a_recorded_stream_has_an_event_a_line_in_or_out_of_its_envelope(tmp_path: Path) -> None:
    events = [
        update(P=[]),
        {"stream": "key", "data": {**update(P=[]), "i": "SfsR"}},
        {"e": "ORDER_TRADE_UPDATE", "T": 1, "o": {}},
        update(P=[]),
    ]
    texts = [json.dumps(event) for event in events]
    path = tmp_path / "stream.jsonl"
    path.write_text("\n".join([*texts[:3], "", texts[3][:-3]]), encoding="utf-8")
    assert sniff_statement(str(path)) is UPDATES
    _, stated, refusals, seen = read(UPDATES, path)
    assert [(one.line, one.account) for one in stated] == [(1, ""), (2, "SfsR")]
    assert [(refusal.line, refusal.field) for refusal in refusals] == [(3, "e"), (5, "")]
    assert seen.cut


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"a": "none"}, "a"),
        ({"T": None}, "T"),
        ({"a": {"m": "ORDER", "B": "all"}}, "a.B"),
        ({"a": {"m": "ORDER", "B": [{"a": "USDT"}]}}, "a.B.wb"),
        ({"a": {"m": "ORDER", "P": [{"s": "BTCUSDT", "pa": "1", "ps": "NET"}]}}, "a.P.ps"),
        ({"a": {"m": "ORDER", "P": [{"s": "BTCUSDT", "pa": "long"}]}}, "a.P.pa"),
    ],
)
def test_an_event_that_is_wrong_anywhere_is_refused_as_a_whole(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    events = [update(), {**update(), **change}]
    _, stated, refusals, _ = read(UPDATES, page(tmp_path / "events.json", events))
    assert [one.line for one in stated] == [1, 1]
    assert [(refusal.line, refusal.field) for refusal in refusals] == (
        [(2, field)] if field else []
    )


def test_a_real_update_states_a_wallet_and_both_sides(shared_data: Path) -> None:
    path = shared_data / "data/statements/binance/api_shapes_nautilus/account_update.json"
    assert sniff_statement(str(path)) is UPDATES
    (line,), stated, refusals, _ = read(UPDATES, path)
    assert not refusals
    assert line.cash == (("USDT", "other", Decimal("50.12345678"), None),)
    assert [(one.what, one.amount) for one in stated] == [
        ("USDT", Decimal("122624.12345678")),
        ("BTCUSDT", Decimal(0)),
        ("BTCUSDT/LONG", Decimal(20)),
        ("BTCUSDT/SHORT", Decimal(-10)),
    ]
