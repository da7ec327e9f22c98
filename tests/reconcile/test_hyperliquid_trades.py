"""Both sides of 1,778 real trades, as fills and as a statement: what agrees, what cannot."""

import csv
import gzip
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters import IMPORTERS, ImportOptions, Located
from clearing.adapters.statements import STATEMENT_READERS, StatementLine
from clearing.events import Filled, PositionCarried
from clearing.ledger import Ledger
from clearing.reconcile import Desk, ImpliedRate, TakerWhen, implied_rates, look
from tests.cli.conftest import Run

FILE = "data/trades/hyperliquid_node_fills_20251027_a.csv.gz"
READER = STATEMENT_READERS["hyperliquid-node-fills"]
TAKER = TakerWhen(column="crossed", value="True")
NOISE = Decimal("0.000000001")
"""What the feed's binary fractions leave over in a position."""

Key = tuple[str, str]


@pytest.fixture(scope="module")
def path(shared_data: Path) -> Path:
    found = shared_data / FILE
    if not found.exists():
        pytest.skip(f"{found} is not there")
    return found


@pytest.fixture(scope="module")
def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def lines(path: Path) -> list[StatementLine]:
    found = []
    for item in READER.read(str(path), {}):
        assert isinstance(item, StatementLine), item
        found.append(item)
    return found


def gaps_of(rows: list[dict[str, str]]) -> dict[int, tuple[Key, Decimal, Decimal]]:
    """Line → whose, by how much the position leaps, and the fee before it: a plain count."""
    left: dict[Key, Decimal] = {}
    fee: dict[Key, Decimal] = {}
    found = {}
    for number, row in enumerate(rows, 2):
        key = (row["user"], row["coin"])
        before = Decimal(row["start_position"])
        if key in left and left[key] != before:
            found[number] = (key, before - left[key], fee[key])
        left[key] = before + (Decimal(row["sz"]) if row["side"] == "B" else -Decimal(row["sz"]))
        fee[key] = Decimal(row["fee"])
    return found


def test_the_rows_whose_positions_do_not_chain_are_gaps_by_account_and_market(
    path: Path, rows: list[dict[str, str]]
) -> None:
    expected = gaps_of(rows)
    taken = look(READER, str(path), {})
    assert taken.gap_count == len(expected) == 84
    assert {
        gap.line: ((gap.account, gap.market.removeprefix("spot:")), Decimal(gap.amount))
        for gap in taken.gaps
    } == {number: (key, amount) for number, (key, amount, _) in expected.items()}


def test_all_real_gaps_are_fees_taken_of_what_was_traded_or_noise_of_the_feed(
    path: Path, rows: list[dict[str, str]]
) -> None:
    expected = gaps_of(rows)
    gaps = {gap.line: gap for gap in look(READER, str(path), {}).gaps}
    fees = {number for number, gap in gaps.items() if "just the fee" in gap.words}
    assert fees == {n for n, (_, amount, fee) in expected.items() if amount == -fee}
    assert all(gaps[number].market.startswith("spot:") for number in fees)
    assert len(fees) == 78
    for number in gaps.keys() - fees:
        key, amount, fee = expected[number]
        spot = gaps[number].market.startswith("spot:")
        assert abs(amount + fee if spot else amount) < NOISE, (number, key)


def test_a_user_sees_the_gaps_on_the_command_line(
    path: Path, clearing: Run, answer: Callable[..., Any]
) -> None:
    code, out, _ = clearing("statements", "look", str(path))
    assert code == 0
    assert "84 gaps between the fills" in out
    told = answer("statements", "look", str(path))
    assert told[0]["gap_count"] == len(told[0]["gaps"]) == 84
    assert told[0]["gaps"][0] | {"at": ""} == {
        "account": "hl-f4b99ea820",
        "market": "spot:@156",
        "line": 399,
        "at": "",
        "amount": "0.00003332",
        "words": "the position before this fill is off by just the fee of the fill before it",
    }


@pytest.fixture(scope="module")
def events(path: Path) -> list[Located]:
    found = []
    for item in IMPORTERS["hyperliquid-fills"].read([str(path)], ImportOptions({})):
        assert isinstance(item, Located), item
        found.append(item)
    return found


@pytest.fixture
def desk(database_url: str, events: list[Located]) -> Iterator[Desk]:
    with Ledger.open(database_url) as ledger:
        ledger.append(item.event for item in events)
        ledger.project()
        yield ledger.desk("ann")


@pytest.fixture
def unknown(events: list[Located]) -> set[Key]:
    """Accounts and markets whose profit the ledger cannot know: the entry is from before."""
    carried = (item.event for item in events if isinstance(item.event, PositionCarried))
    return {(one.account, one.market) for one in carried}


def test_both_sides_match_and_closed_pnl_is_recomputed(
    path: Path, clearing: Run, answer: Callable[..., Any]
) -> None:
    code, _, err = clearing("import", "hyperliquid-fills", str(path))
    assert code == 0, err
    code, _, err = clearing("project")
    assert code == 0, err
    told = answer("fills")
    assert (told["fills"], told["matched"], told["unmatched"]) == (3556, 1778, [])
    assert told["pnl_compared"] == told["pnl_equal"] + told["pnl_equal_rounded"] + 1
    assert len(told["pnl_different"]) == 1


def test_users_reconcile_but_for_profits_whose_entry_nobody_told(
    desk: Desk, path: Path, rows: list[dict[str, str]], unknown: set[Key]
) -> None:
    gaps = [key for key, _, _ in gaps_of(rows).values()]
    users = sorted({row["user"] for row in rows})
    clean = 0
    for user in [*users[::25], "hl-d610e7b36c", "hl-b5e7926d77", "hl-24cd305d04"]:
        taken = desk.take(READER, str(path), account=user, settings={"user": user})
        answer = desk.reconcile("hyperliquid", user)
        mine = [coin for account, coin in gaps if account == user]
        assert taken.gap_count == len(answer.coverage.gaps) == len(mine)
        assert sorted(gap.what.removeprefix("spot:") for gap in answer.coverage.gaps) == sorted(
            mine
        )
        assert {gap.account for gap in answer.coverage.gaps} <= {user}
        fills = sum(row["user"] == user for row in rows)
        assert answer.rules["native id"] >= fills == taken.seen.lines
        assert [one for one in answer.differences if one.side != "cash"] == []
        trades = {row["tid"]: row["coin"] for row in rows if row["user"] == user}
        for one in answer.differences:
            ids = [ref["native_id"] for ref in one.theirs]
            ids += [ref["external_id"].split(":")[0] for ref in one.ours]
            for coin in {trades[trade] for trade in ids}:
                assert (user, coin) in unknown or coin.startswith("@"), one
        assert answer.clean == (not answer.differences and not mine)
        clean += answer.clean
    assert clean >= 10


def test_a_file_of_all_users_is_one_statement_whose_gaps_are_by_account(
    desk: Desk, path: Path, rows: list[dict[str, str]]
) -> None:
    taken = desk.take(READER, str(path), account="*")
    assert (taken.new, taken.seen.lines, taken.gap_count) == (True, 3556, 84)
    answer = desk.reconcile("hyperliquid", "*", dry_run=True)
    assert [one for one in answer.differences if one.side == "fill"] == []
    expected = sorted((key, amount) for key, amount, _ in gaps_of(rows).values())
    assert (
        sorted(
            ((gap.account, gap.what.removeprefix("spot:")), Decimal(gap.amount))
            for gap in answer.coverage.gaps
        )
        == expected
    )


def without_one(found: list[ImpliedRate]) -> set[tuple[str, str, str, str]]:
    return {(one.account, one.fee_asset, one.market, one.takes) for one in found if not one.lowest}


def test_fees_tell_one_rate_for_every_account_side_and_token_but_five(
    lines: list[StatementLine],
) -> None:
    found = implied_rates(lines, decimals=6, units=2, taker_when=TAKER)
    assert len(found) == 720
    assert sum(one.fills for one in found) == 3556
    # Four of them traded several kinds of market, each with a rate of its own …
    several = {
        ("hl-30df7ebe19", "USDC", "", "false"),  # spot and a perpetual
        ("hl-4d6d0fd588", "USDC", "", "true"),  # a market of another operator, at twice the rate
        ("hl-9f6163b77c", "USDC", "", "true"),  # stable coins and such a market
        ("hl-d9a212e670", "USDC", "", "true"),  # spot and a perpetual
    }
    front_end = ("hl-a70795919d", "USDC", "", "true")
    assert without_one(found) == several | {front_end}
    by_market = implied_rates(lines, decimals=6, units=2, taker_when=TAKER, by_market=True)
    # … and one paid 0.05 % more on two of its three fills of one market, as a front end adds it.
    assert without_one(by_market) == {("hl-a70795919d", "USDC", "SOL", "true")}


def test_what_a_front_end_added_is_the_same_on_both_fills(lines: list[StatementLine]) -> None:
    fills = {
        line.line: line.fill for line in lines if line.account == "hl-a70795919d" and line.fill
    }
    for number, rate in ((1358, "0.00045"), (2362, "0.00095"), (2364, "0.00095")):
        fill = fills[number]
        assert fill.price is not None
        assert fill.fee is not None
        assert abs(fill.fee - abs(fill.size) * fill.price * Decimal(rate)) <= Decimal("0.000002")


def test_a_fee_in_the_coin_that_was_bought_is_a_rate_of_the_size(
    lines: list[StatementLine],
) -> None:
    found = implied_rates(lines, decimals=6, units=2, taker_when=TAKER)
    rate = next(one for one in found if (one.account, one.fee_asset) == ("hl-56ffa09f85", "PUP"))
    assert Decimal(rate.lowest) < Decimal("0.0006") < Decimal(rate.highest)
    buys = [line for line in lines if line.fill and line.fill.fee_asset == "PUP"]
    assert all(line.fill and line.fill.fee_of == "size" for line in buys)


def test_rates_on_the_command_line(path: Path, answer: Callable[..., Any]) -> None:
    options = ("--decimals", "6", "--units", "2", "--taker", "crossed=True")
    told = answer("recompute", "rates", str(path), *options)
    assert (len(told), sum(not one["lowest"] for one in told)) == (720, 5)
    told = answer("recompute", "rates", str(path), *options, "--by-market")
    assert [one["market"] for one in told if not one["lowest"]] == ["SOL"]


def test_every_row_is_a_fill_of_the_ledger(events: list[Located]) -> None:
    assert sum(isinstance(item.event, Filled) for item in events) == 3556
