"""Hyperliquid's pages of a user: fills, funding, and transfers whose direction is the user's."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters import OptionRefused
from clearing.adapters.statements import STATEMENT_READERS, StatementLine, sniff_statement
from tests.adapters.statements.reading import read

FILLS = STATEMENT_READERS["hyperliquid-user-fills"]
FUNDING = STATEMENT_READERS["hyperliquid-funding"]
LEDGER = STATEMENT_READERS["hyperliquid-ledger"]
DESK = "0x" + "ab" * 20
OTHER = "0x" + "cd" * 20
VAULT = "0x" + "ef" * 20
HASH = "0x" + "12" * 32
ZERO = "0x" + "00" * 32


def page(path: Path, records: Any) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def fill(**fields: Any) -> dict[str, Any]:
    return {
        "coin": "ETH",
        "px": "2000.5",
        "sz": "1.5",
        "side": "A",
        "time": 1714550412333,
        "startPosition": "4.0",
        "dir": "Close Long",
        "closedPnl": "-12.25",
        "hash": HASH,
        "oid": 77,
        "crossed": True,
        "fee": "0.9",
        "tid": 118906512037719,
        "feeToken": "USDC",
    } | fields


def legs(line: StatementLine) -> list[tuple[str, str, Decimal]]:
    return [(leg.asset, leg.kind, leg.amount) for leg in line.cash]


def test_the_fill_of_a_perpetual(tmp_path: Path) -> None:
    path = page(tmp_path / "fills.json", [fill()])
    assert sniff_statement(str(path)) is FILLS
    (line,), _, refusals, _ = read(FILLS, path, user=DESK.upper().replace("X", "x"))
    assert not refusals
    assert (line.account, line.native_id, line.market) == (DESK, "118906512037719", "ETH")
    assert line.at.isoformat() == "2024-05-01T08:00:12.333000+00:00"
    assert legs(line) == [
        ("USDC", "realised_pnl", Decimal("-12.25")),
        ("USDC", "fee", Decimal("-0.9")),
    ]
    assert line.fill is not None
    assert (line.fill.size, line.fill.price) == (Decimal("-1.5"), Decimal("2000.5"))
    assert (line.fill.before, line.fill.after) == (Decimal(4), None)
    assert (line.fill.pnl, line.fill.fee) == (Decimal("-12.25"), Decimal("0.9"))
    assert (line.fill.trade_id, line.fill.order_id) == ("118906512037719", "77")
    assert line.told["crossed"] == "true"


def test_a_maker_is_paid_and_opening_realises_nothing(tmp_path: Path) -> None:
    opening = fill(side="B", dir="Open Long", closedPnl="0.0", fee="-0.05", builderFee="0.01")
    (line,), _, _, _ = read(FILLS, page(tmp_path / "fills.json", [opening]))
    assert legs(line) == [("USDC", "rebate", Decimal("0.05"))]
    assert line.fill is not None
    assert (line.fill.size, line.fill.fee, line.account) == (Decimal("1.5"), Decimal("-0.05"), "")


@pytest.mark.parametrize("coin", ["@107", "PURR/USDC"])
def test_of_spot_the_fee_alone_is_told(tmp_path: Path, coin: str) -> None:
    bought = fill(coin=coin, side="B", dir="Buy", closedPnl="3.5", fee="0.001", feeToken="HYPE")
    (line,), _, refusals, _ = read(FILLS, page(tmp_path / "fills.json", [bought]))
    assert not refusals
    assert legs(line) == [("HYPE", "fee", Decimal("-0.001"))]
    assert line.fill is not None
    market = f"spot:{coin}"
    assert (line.market, line.fill.market, line.fill.pnl) == (market, market, Decimal("3.5"))
    assert line.fill.fee_asset == "HYPE"


def test_a_full_page_of_fills_may_be_cut(tmp_path: Path) -> None:
    fills = [fill(tid=number) for number in range(2_000)]
    _, _, _, full = read(FILLS, page(tmp_path / "full.json", fills))
    _, _, _, short = read(FILLS, page(tmp_path / "short.json", fills[1:]))
    assert (full.saturated, short.saturated) == (True, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", "buy"),
        ("sz", "0.0"),
        ("px", "about 2000"),
        ("fee", None),
        ("time", "2024-05-01"),
        ("tid", -5),
        ("startPosition", {}),
    ],
)
def test_a_field_of_a_fill_that_is_wrong_is_named(tmp_path: Path, field: str, value: Any) -> None:
    path = page(tmp_path / "fills.json", [fill(), fill(**{field: value})])
    lines, _, (refusal,), _ = read(FILLS, path)
    assert len(lines) == 1
    assert (refusal.line, refusal.field) == (2, field)


def test_a_real_liquidation_fill_in_its_envelope(shared_data: Path) -> None:
    folder = shared_data / "data/statements/hyperliquid/api_shapes_nautilus"
    path = folder / "ws_user_fill_liquidation.json"
    assert sniff_statement(str(path)) is FILLS
    (line,), _, refusals, _ = read(FILLS, path)
    assert not refusals
    assert legs(line) == [("USDC", "fee", Decimal("-0.009997"))]
    assert line.fill is not None
    assert (line.fill.size, line.fill.before) == (Decimal("-0.001"), Decimal("-0.0213"))
    assert json.loads(line.told["liquidation"])["method"] == "market"


def paid(**fields: Any) -> dict[str, Any]:
    delta: dict[str, Any] = {"type": "funding", "coin": "BTC", "usdc": "-3.6", "szi": "0.5"}
    delta |= {"fundingRate": "0.0000125", "nSamples": None}
    return {"time": 1714550400051, "hash": ZERO, "delta": delta | fields}


def test_funding_is_negative_where_paid(tmp_path: Path) -> None:
    path = page(tmp_path / "funding.json", [paid(), paid(usdc="1.5", szi="-0.5")])
    assert sniff_statement(str(path)) is FUNDING
    lines, _, refusals, seen = read(FUNDING, path, user=DESK)
    assert not refusals
    assert [legs(line) for line in lines] == [
        [("USDC", "funding", Decimal("-3.6"))],
        [("USDC", "funding", Decimal("1.5"))],
    ]
    assert (lines[0].market, lines[0].native_id, lines[0].fill) == ("BTC", "", None)
    assert (lines[0].told["delta.szi"], seen.accounts) == ("0.5", [DESK])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (paid(type="deposit"), "delta.type"),
        (paid(usdc=""), "delta.usdc"),
        (paid() | {"delta": "funding"}, "delta"),
        (paid() | {"time": None}, "time"),
    ],
)
def test_a_field_of_funding_that_is_wrong_is_named(
    tmp_path: Path, changed: dict[str, Any], field: str
) -> None:
    lines, _, (refusal,), _ = read(FUNDING, page(tmp_path / "funding.json", [paid(), changed]))
    assert len(lines) == 1
    assert (refusal.line, refusal.field) == (2, field)


def update(kind: str, **fields: Any) -> dict[str, Any]:
    return {"time": 1714550400051, "hash": HASH, "delta": {"type": kind} | fields}


def ledger(tmp_path: Path, *updates: dict[str, Any], **settings: str) -> list[StatementLine]:
    path = page(tmp_path / "ledger.json", list(updates))
    assert sniff_statement(str(path)) is LEDGER
    lines, _, refusals, _ = read(LEDGER, path, **settings)
    assert not refusals
    return lines


SEND = {"token": "USDC", "amount": "100", "usdcValue": "100", "fee": "1", "feeToken": "USDC"}


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("deposit", {"usdc": "250.5"}, [("USDC", "deposit", "250.5")]),
        (
            "withdraw",
            {"usdc": "99", "nonce": 1, "fee": "1.0"},
            [("USDC", "withdrawal", "-99"), ("USDC", "fee", "-1")],
        ),
        (
            "accountClassTransfer",
            {"usdc": "40", "toPerp": False},
            [("USDC", "transfer", "-40"), ("USDC", "transfer", "40")],
        ),
        (
            "internalTransfer",
            {"usdc": "10", "user": DESK, "destination": OTHER, "fee": "1"},
            [("USDC", "transfer", "-10"), ("USDC", "fee", "-1")],
        ),
        (
            "internalTransfer",
            {"usdc": "10", "user": OTHER, "destination": DESK.upper(), "fee": "1"},
            [("USDC", "transfer", "10")],
        ),
        (
            "subAccountTransfer",
            {"usdc": "10", "user": DESK, "destination": OTHER},
            [("USDC", "transfer", "-10")],
        ),
        (
            "spotTransfer",
            SEND | {"token": "HYPE", "user": DESK, "destination": OTHER, "nativeTokenFee": "0.5"},
            [("HYPE", "transfer", "-100"), ("USDC", "fee", "-1"), ("HYPE", "fee", "-0.5")],
        ),
        (
            "send",
            SEND | {"user": OTHER, "destination": DESK, "sourceDex": "", "destinationDex": "spot"},
            [("USDC", "transfer", "100")],
        ),
        ("vaultDeposit", {"vault": VAULT, "usdc": "50"}, [("USDC", "transfer", "-50")]),
        (
            "vaultCreate",
            {"vault": VAULT, "usdc": "100", "fee": "2"},
            [("USDC", "transfer", "-100"), ("USDC", "fee", "-2")],
        ),
        ("vaultDistribution", {"vault": VAULT, "usdc": "50"}, [("USDC", "transfer", "50")]),
        (
            "vaultWithdraw",
            {"vault": VAULT, "user": DESK, "requestedUsd": "60", "netWithdrawnUsd": "58"},
            [("USDC", "transfer", "58")],
        ),
        ("vaultLeaderCommission", {"user": DESK, "usdc": "2"}, [("USDC", "other", "2")]),
        ("liquidation", {"accountValue": "5.1", "leverageType": "Cross"}, []),
        ("rewardsClaim", {"amount": "1.25"}, [("USDC", "rebate", "1.25")]),
        (
            "cStakingTransfer",
            {"token": "HYPE", "amount": "3", "isDeposit": True},
            [("HYPE", "transfer", "-3")],
        ),
        ("deployGasAuction", {"token": "HYPE", "amount": "3"}, [("HYPE", "fee", "-3")]),
        ("accountActivationGas", {"token": "USDC", "amount": "1"}, [("USDC", "fee", "-1")]),
        ("spotGenesis", {"token": "PURR", "amount": "-3"}, [("PURR", "other", "-3")]),
    ],
)
def test_each_kind_of_update(
    tmp_path: Path, kind: str, fields: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    (line,) = ledger(tmp_path, update(kind, **fields), user=DESK)
    assert legs(line) == [(asset, what, Decimal(amount)) for asset, what, amount in expected]
    assert (line.account, line.native_id, line.told["delta.type"]) == (DESK, HASH, kind)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("internalTransfer", {"usdc": "10", "fee": "1"}),
        ("subAccountTransfer", {"usdc": "10"}),
        ("spotTransfer", SEND),
        ("send", SEND | {"sourceDex": "", "destinationDex": ""}),
    ],
)
def test_what_one_page_sends_the_other_gets(
    tmp_path: Path, kind: str, fields: dict[str, str]
) -> None:
    moved = update(kind, **fields, user=DESK, destination=OTHER)
    total = Decimal(0)
    for user in (DESK, OTHER):
        (line,) = ledger(tmp_path, moved, user=user)
        total += sum(leg.amount for leg in line.cash)
    assert total == -Decimal(fields.get("fee", "0"))


def test_one_wallet_alone(tmp_path: Path) -> None:
    """To the perpetuals of an operator and back by spot: each wallet sees its own part."""
    own = SEND | {"user": DESK, "destination": DESK, "fee": "0"}
    updates = [
        update("send", **own, sourceDex="", destinationDex="xyz"),
        update("accountClassTransfer", usdc="40", toPerp=True),
    ]
    seen = {}
    for wallet in ("all", "perp", "spot", "xyz"):
        lines = ledger(tmp_path, *updates, user=DESK, wallet=wallet)
        seen[wallet] = [[leg.amount for leg in line.cash] for line in lines]
    assert seen == {
        "all": [[-100, 100], [40, -40]],
        "perp": [[-100], [40]],
        "spot": [[], [-40]],
        "xyz": [[100], []],
    }


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("internalTransfer", {"usdc": "1", "user": DESK, "destination": OTHER}, "delta.user"),
        ("vaultDeposit", {"vault": VAULT, "usdc": "1"}, "delta.vault"),
        ("vaultWithdraw", {"vault": VAULT, "user": DESK, "netWithdrawnUsd": "1"}, "delta.user"),
    ],
)
def test_without_the_user_a_direction_is_not_guessed(
    tmp_path: Path, kind: str, fields: dict[str, Any], field: str
) -> None:
    path = page(tmp_path / "ledger.json", [update(kind, **fields)])
    lines, _, (refusal,), _ = read(LEDGER, path)
    assert not lines
    assert refusal.field == field
    assert "give the option user" in refusal.reason


def test_the_vaults_own_page(tmp_path: Path) -> None:
    (line,) = ledger(tmp_path, update("vaultDeposit", vault=VAULT, usdc="50"), user=VAULT)
    assert legs(line) == [("USDC", "transfer", Decimal(50))]
    taken = update("vaultWithdraw", vault=VAULT, user=DESK, netWithdrawnUsd="58")
    _, _, (refusal,), _ = read(LEDGER, page(tmp_path / "ledger.json", [taken]), user=VAULT)
    assert "not told" in refusal.reason


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (update("surprise", usdc="1"), "delta.type"),
        (update("deposit", usdc="-1"), "delta.usdc"),
        (update("deposit"), "delta.usdc"),
        (update("accountClassTransfer", usdc="1", toPerp="yes"), "delta.toPerp"),
        (update("subAccountTransfer", usdc="1", user=OTHER, destination=VAULT), "delta.user"),
        (update("rewardsClaim", **(SEND | {"token": "a b"})), "delta.token"),
        (update("deposit", usdc="1") | {"time": -1}, "time"),
    ],
)
def test_a_field_of_an_update_that_is_wrong_is_named(
    tmp_path: Path, changed: dict[str, Any], field: str
) -> None:
    path = page(tmp_path / "ledger.json", [update("deposit", usdc="1"), changed])
    lines, _, (refusal,), _ = read(LEDGER, path, user=DESK)
    assert len(lines) == 1
    assert (refusal.line, refusal.field) == (2, field)


def test_a_user_is_an_address() -> None:
    for reader in (FILLS, FUNDING, LEDGER):
        with pytest.raises(OptionRefused, match="is not an address"):
            reader.read("page.json", {"user": "desk"})
