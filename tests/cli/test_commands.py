"""The commands on a small ledger: what they answer, in which form, with which exit code."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.engine.venue import PERSON, rulebook

DAY = "2026-01-01T0{hour}:00:00Z"


def event(number: int, kind: str, hour: int = 0, /, **fields: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "source": "desk",
        "external_id": str(number),
        "occurred_at": DAY.format(hour=hour),
        **fields,
    }


def ledger_events() -> list[dict[str, Any]]:
    """A fund, two traders, one market; one of them is taken over at the end."""
    market = {"settlement_asset": "USD", "lot": "0.001"}
    scales = {"price_decimals": 2, "mark_decimals": 2, "size_decimals": 3}
    trade = {"buyer": "ada", "seller": "bob", "size": "1", "price": "1000.00"}
    return [
        event(1, "SourceDeclared", name="desk", description="our desk"),
        event(2, "AssetDeclared", name="USD", decimals=2),
        event(3, "MarketDeclared", name="BTC", **market, **scales),
        event(4, "AccountOpened", account="insurance", account_class="fund"),
        event(5, "AccountOpened", account="ada"),
        event(6, "AccountOpened", account="bob"),
        event(7, "RulebookAdopted", 1, name="rules", version="1", document=rulebook(), **PERSON),
        event(8, "FundContributed", 1, fund="insurance", asset="USD", amount="500"),
        event(9, "Deposited", 1, account="ada", asset="USD", amount="100"),
        event(10, "Deposited", 1, account="bob", asset="USD", amount="1000"),
        event(11, "Marked", 2, marks=[{"market": "BTC", "price": "1000.00"}]),
        event(12, "Traded", 3, market="BTC", **trade),
        event(13, "Marked", 4, marks=[{"market": "BTC", "price": "870.00"}]),
    ]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The ledger's events as a gzipped JSONL file."""
    path = tmp_path / "day.jsonl.gz"
    lines = "".join(json.dumps(e) + "\n" for e in ledger_events())
    path.write_bytes(gzip.compress(lines.encode()))
    return str(path)


@pytest.fixture
def projected(clearing: Run, file: str) -> None:
    assert clearing("append", file)[0] == 0
    assert clearing("project")[0] == 0


def test_append_again_finds_duplicates_and_changes_nothing(
    answer: Callable[..., Any], file: str
) -> None:
    first = answer("append", file)
    again = answer("append", file)
    assert (first["new"], first["duplicates"]) == (13, 0)
    assert (again["new"], again["duplicates"]) == (0, 13)
    assert again["log_root"] == first["log_root"]


@pytest.mark.usefixtures("projected")
def test_an_account_as_of_a_position_a_time_and_before_it_existed(
    answer: Callable[..., Any],
) -> None:
    now = answer("account", "ada")["account"]
    assert now["scopes"][0]["cash"] == "0.00"
    before = answer("account", "ada", "--at", "12")["account"]["scopes"][0]
    assert (before["equity"], before["initial"], before["maintenance"]) == ("100", "50", "10")
    assert before["positions"][0]["average_entry"] == "1000.00"
    at_three = answer("account", "ada", "--occurred", "2026-01-01T03:30:00Z")["account"]
    assert at_three["log_position"] == 12
    assert answer("account", "ada", "--at", "4")["account"]["exists"] is False
    assert answer("account", "nobody")["account"]["exists"] is False


@pytest.mark.usefixtures("projected")
def test_a_liquidation_names_inequality_taker_and_layers(answer: Callable[..., Any]) -> None:
    (step,) = answer("liquidations")
    assert (step["account"], step["action"], step["equity"]) == ("ada", "takeover", "-30")
    assert (step["comparator"], step["threshold"]) == ("<", "8.7")
    assert (step["loss"], step["fund"], step["adl"], step["deficit"]) == ("30", "30", "0", "0")
    assert step["closed"] == ["1 BTC for 900.00 USD to insurance (fund)"]
    assert answer("liquidations", "--account", "bob") == []


@pytest.mark.usefixtures("projected")
def test_the_funds_history_and_the_trial_balance(answer: Callable[..., Any]) -> None:
    history = [
        (line["cash"], line["inventory"], line["equity"]) for line in answer("fund", "--history")
    ]
    assert history == [("500.00", "0", "500"), ("500.00", "-30", "470")]
    lines = answer("trial-balance")
    assert sum(int(line["balance"].replace(".", "")) for line in lines) == 0
    assert {line["ledger"] for line in lines} == {"accounts", "fund", "external", "clearing"}


@pytest.mark.usefixtures("projected")
def test_a_market_as_it_was_and_before_it_was_declared(answer: Callable[..., Any]) -> None:
    now = answer("market", "BTC")
    (mark,) = now["prices"]
    assert (mark["role"], mark["price"], mark["log_position"]) == ("mark", "870.00", 13)
    assert (mark["since"], mark["age_seconds"]) == ("2026-01-01T04:00:00Z", 0)
    assert (now["state"], now["rulebook"], now["holders"]) == ("normal", "rules@1", 2)
    assert (now["longs"]["size"], now["longs"]["cost"]) == ("1", "900.00")
    assert (now["shorts"]["size"], now["shorts"]["unrealised"]) == ("-1", "130")
    assert now["balances"] == {"clearing": "100.00", "funding": "0.00", "control": "0.00"}
    before = answer("market", "BTC", "--at", "11")
    assert (before["holders"], before["longs"]["size"]) == (0, "0")
    assert answer("market", "BTC", "--at", "12")["prices"][0]["age_seconds"] == 3600
    assert answer("market", "BTC", "--at", "2")["exists"] is False


@pytest.mark.usefixtures("projected")
def test_a_history_is_told_in_pages_and_in_lines(clearing: Run, answer: Callable[..., Any]) -> None:
    whole = answer("history", "account", "ada")
    assert whole["after"] == ""
    events = {one["log_position"]: one for one in whole["events"]}
    assert list(events) == [5, 9, 12, 13]
    assert events[9]["rulebooks"] == {"USD": "rules@1"}
    assert (events[5]["rulebooks"], events[5]["content"]["account_class"]) == ({}, "trader")
    assert events[9]["recorded_at"] > events[9]["occurred_at"]
    kinds = [entry["kind"] for entry in events[13]["entries"]]
    assert kinds[:2] == ["transition", "liquidation"]
    assert {"bankruptcy", "closed", "posting", "position", "loss"} <= set(kinds)
    pieces: list[tuple[int, int]] = []
    after = "1"
    while after:
        page = answer("history", "account", "ada", "--limit", "3", "--after", after)
        pieces += [
            (one["log_position"], entry["line"])
            for one in page["events"]
            for entry in one["entries"]
        ]
        after = page["after"]
    assert pieces == [
        (position, entry["line"]) for position, one in events.items() for entry in one["entries"]
    ]
    code, out, _ = clearing("history", "account", "ada", "--lines", "--limit", "3")
    assert code == 0
    assert {json.loads(line)["log_position"] for line in out.splitlines()} == set(events)
    only = answer("history", "account", "ada", "--kind", "Deposited", "--from", "2", "--at", "12")
    assert [one["log_position"] for one in only["events"]] == [9]
    fund = answer("history", "fund", "insurance", "--entry", "fund")
    lines = [one["entries"][0]["fields"]["equity"] for one in fund["events"]]
    assert lines == ["500", "470"]
    marks = answer("history", "account", "ada", "--equity", "--from", "12")["events"]
    standing = [
        (one["standing"]["USD"]["equity"], one["standing"]["USD"]["status"]) for one in marks
    ]
    assert standing == [("100", "healthy"), ("0", "flat")]


@pytest.mark.usefixtures("projected")
def test_the_house_is_the_trial_balance_and_what_is_unrealised(answer: Callable[..., Any]) -> None:
    (usd,) = answer("house")["assets"]
    assert usd["accounts"] == {
        "cash": "1000",
        "unrealised": "130",
        "accrued_funding": "0",
        "equity": "1130",
    }
    assert (usd["funds"]["cash"], usd["funds"]["equity"]) == ("500", "470")
    assert usd["ledgers"] == {"clearing": "100", "external": "-1600"}
    assert usd["differences"] == {"cash": "0", "unrealised": "0"}
    assert answer("house", "--at", "0")["assets"] == []


def test_what_had_happened_by_a_time_says_when_it_is_a_scenario(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    """ada's hundred more of two o'clock come last: with them nothing was liquidated at four."""
    late = event(14, "Deposited", 2, account="ada", asset="USD", amount="100")
    path = tmp_path / "late.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in (*ledger_events(), late)))
    assert clearing("append", str(path))[0] == 0
    assert clearing("project")[0] == 0
    by_four = ("--occurred", "2026-01-01T04:00:00Z")
    view = answer("account", "ada", *by_four)["account"]
    assert view["reordered"]["late_facts"] == 1
    assert (view["scopes"][0]["equity"], view["scopes"][0]["status"]) == ("70", "healthy")
    known = answer("account", "ada", *by_four, "--known-at", "13")["account"]
    assert (known["reordered"], known["log_position"]) == (None, 13)
    assert known["scopes"][0]["positions"] == []
    for question in ("accounts", "account ada", "market BTC", "house", "fund", "trial-balance"):
        code, out, err = clearing(*question.split(), *by_four)
        assert code == 0, err
        assert out.strip()
        assert "A scenario: 1 late fact is folded where it occurred" in " ".join(err.split())
    code, _, err = clearing("liquidations", *by_four)
    assert code == 2
    assert "late facts" in err


@pytest.mark.usefixtures("projected")
def test_isolated_accounts_are_shown_with_their_parent(
    tmp_path: Path, clearing: Run, answer: Callable[..., Any]
) -> None:
    pending = {"asset": "USD", "amount": "7", "finality": "pending"}
    told = [
        event(14, "AccountOpened", 5, account="ada-btc", parent="ada", isolates=["BTC"]),
        event(15, "Deposited", 5, account="ada-btc", **pending),
    ]
    path = tmp_path / "part.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in told))
    assert clearing("append", str(path))[0] == 0
    assert clearing("project")[0] == 0
    (part,) = answer("account", "ada")["account"]["parts"]
    assert (part["account"], part["parent"], part["isolates"]) == ("ada-btc", "ada", ["BTC"])
    assert (part["scopes"][0]["cash"], part["scopes"][0]["pending"]) == ("0.00", "7.00")
    out = clearing("account", "ada")[1]
    assert "part of ada, for BTC alone" in out
    assert answer("house")["assets"][0]["ledgers"]["pending"] == "7"


@pytest.mark.usefixtures("projected")
def test_a_funds_providers_with_what_their_shares_are_worth(
    tmp_path: Path, clearing: Run, answer: Callable[..., Any]
) -> None:
    """The house has 470 shares, bob 100; then what the fund holds falls by 57."""
    told = [
        event(14, "PoolJoined", 5, account="bob", fund="insurance", asset="USD", amount="100"),
        event(15, "Marked", 6, marks=[{"market": "BTC", "price": "813.00"}]),
        event(
            16, "PoolLeaveRequested", 6, account="bob", fund="insurance", asset="USD", shares="40"
        ),
    ]
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in told))
    assert clearing("append", str(path))[0] == 0
    assert clearing("project")[0] == 0
    (state,) = answer("fund", "insurance")
    assert (state["cash"], state["inventory"], state["equity"]) == ("600.00", "-87", "513")
    assert (state["shares"], state["positions"][0]["size"]) == ("570.00", "1")
    house, bob = state["providers"]
    assert (house["provider"], house["shares"], house["worth"]) == ("", "470.00", "423.00")
    assert (bob["provider"], bob["shares"], bob["worth"]) == ("bob", "100.00", "90.00")
    assert (bob["total_shares"], bob["leaving"]) == ("570.00", "40.00")
    assert answer("fund", "--at", "13")[0]["providers"] == []
    out = clearing("fund")[1]
    assert "(the venue)" in out
    code, out, _ = clearing("fund", "nobody")
    assert (code, "no fund 'nobody' had anything" in out) == (0, True)
    assert clearing("fund", "bob")[0] == 2


@pytest.mark.parametrize("kind", ["PoolJoined", "PoolLeft"])
def test_a_fund_is_not_among_its_own_providers(tmp_path: Path, clearing: Run, kind: str) -> None:
    amount = {"PoolJoined": "amount", "PoolLeft": "shares"}[kind]
    fields = {"account": "insurance", "fund": "insurance", "asset": "USD", amount: "1"}
    events = [*ledger_events(), event(14, kind, 5, **fields)]
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    code, _, err = clearing("append", str(path))
    assert code == 1
    assert "'insurance' is the fund itself" in " ".join(err.split())


@pytest.mark.usefixtures("projected")
def test_status_accounts_deviations_and_fills_answer(answer: Callable[..., Any]) -> None:
    status = answer("status")["ledger"]
    assert (status["log_position"], status["projected_position"]) == (13, 13)
    assert status["protections"]["append_only_triggers"] is True
    assert [view["account"] for view in answer("accounts")] == ["insurance", "ada", "bob"]
    assert answer("deviations") == []
    assert answer("fills")["fills"] == 0


@pytest.mark.usefixtures("projected")
def test_verify_and_rebuild_find_nothing_on_a_sound_ledger(
    clearing: Run, answer: Callable[..., Any]
) -> None:
    code, out, _ = clearing("verify", "--json")
    assert (code, json.loads(out)["sound"]) == (2, True), "no checkpoint is kept outside"
    rebuilt = answer("rebuild")
    assert (rebuilt["previous"], rebuilt["position"]) == (1, 13)
    assert rebuilt["generation"] == 3, "verifying took 2 for its own read models, and dropped them"


@pytest.mark.usefixtures("projected")
@pytest.mark.parametrize(
    "command",
    [
        "status",
        "accounts",
        "account insurance",
        "market BTC",
        "market NONE",
        "house",
        "history account ada --equity",
        "history market BTC",
        "history fund insurance --entry fund",
        "liquidations",
        "fund",
        "fund --history",
        "trial-balance",
        "deviations",
        "quarantine",
        "rulebook list",
    ],
)
def test_every_query_prints_for_people(clearing: Run, command: str) -> None:
    code, out, _ = clearing(*command.split())
    assert code == 0
    assert out.strip()


@pytest.mark.usefixtures("projected")
def test_an_account_prints_with_its_chart(clearing: Run) -> None:
    code, out, _ = clearing("account", "ada", "--at", "12")
    assert code == 0
    assert "1,000.00" in out
    assert "█ equity" in out


def test_a_bad_line_goes_to_quarantine_and_the_others_in(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    good = ledger_events()[:2]
    bad = event(3, "Deposited", account="ada", asset="USD", amount="1.005")
    path.write_text("\n".join(json.dumps(e) for e in (*good, bad)) + '\n{"kind": \n')
    code, out, err = clearing("append", str(path))
    assert code == 1
    assert "bad.jsonl:3" in err
    assert "amount" in err
    assert "bad.jsonl:4" in err
    assert "Appended" in out
    kept = [(line["line"], line["field"]) for line in answer("quarantine")]
    assert kept == [(3, "amount"), (4, "")]
    assert answer("status")["ledger"]["log_position"] == 2


def test_a_conflict_refuses_the_batch_and_names_both_contents(
    clearing: Run, answer: Callable[..., Any], file: str, tmp_path: Path
) -> None:
    answer("append", file)
    path = tmp_path / "conflict.jsonl"
    other = event(9, "Deposited", 1, account="ada", asset="USD", amount="101")
    new = event(99, "Deposited", 1, account="ada", asset="USD", amount="1")
    path.write_text("".join(json.dumps(e) + "\n" for e in (new, other)))
    code, _, err = clearing("append", str(path))
    assert code == 1
    assert "amount=100.00, sent amount=101" in " ".join(err.split())
    assert answer("status")["ledger"]["log_position"] == 13


@pytest.mark.parametrize(
    "arguments",
    [
        ("append",),
        ("append", "--format", "xml", "x"),
        ("import", "nowhere", "x.csv"),
        ("account", "ada", "--at", "yesterday"),
        ("account", "ada", "--at", "999"),
        ("account", "ada", "--at", "1", "--recorded", "2026-01-01T00:00:00Z"),
        ("account", "ada", "--known-at", "1"),
        ("account", "ada", "--occurred", "noon"),
        ("house", "--at", "-1"),
        ("history", "venue", "ada"),
        ("history", "market", "BTC", "--equity"),
        ("history", "account", "ada", "--kind", "Dreamt"),
        ("history", "account", "ada", "--after", "here"),
        ("history", "account", "ada", "--limit", "0"),
        ("frobnicate",),
        ("fund", "--limit", "many"),
        ("fund", "--limit", "-1"),
        ("liquidations", "--limit", "99999999999999999999"),
        ("append", "--batch", "0", "x"),
        ("append", "no-such-file.jsonl"),
        ("import", "binance", "no-such-file.csv"),
    ],
)
def test_a_question_that_makes_no_sense_ends_with_2_and_no_traceback(
    clearing: Run, arguments: tuple[str, ...]
) -> None:
    code, _, err = clearing(*arguments)
    assert code in (1, 2)
    assert "Traceback" not in err


def test_a_run_with_a_missing_file_begins_nothing(
    clearing: Run, answer: Callable[..., Any], file: str
) -> None:
    code, _, err = clearing("append", file, "no-such-file.jsonl")
    assert code == 2
    assert "no-such-file.jsonl is no file" in err
    assert answer("status")["ledger"]["log_position"] == 0
    assert answer("quarantine") == []


def test_funding_balances_are_accrued_and_remainder_to_the_digit(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    rates = [
        event(20 + n, "FundingSettled", 5, market="BTC", rate="0.0001333", price="1003.33")
        for n in range(3)
    ]
    sides = {"buyer": "ada", "seller": "insurance"}
    trade = {"market": "BTC", "size": "0.5", "price": "1000.00", **sides}
    events = [*ledger_events()[:12], rates[0], event(30, "Traded", 5, **trade), *rates[1:]]
    path = tmp_path / "funding.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    assert clearing("append", str(path))[0] == 0
    assert clearing("project")[0] == 0
    lines = {(line["ledger"], line["account"]): line for line in answer("trial-balance")}
    paid = Decimal(lines["funding", "BTC"]["balance"])
    memos = [Decimal(line["balance"]) for line in lines.values() if line["memo"]]
    assert paid == sum(memos) != 0
    assert lines["accrued funding", "BTC"]["memo"]


def test_no_database_ends_with_3_and_shows_no_password(
    clearing: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://somebody:s3cret@127.0.0.1:1/nothing"
    monkeypatch.setenv("CLEARING_DATABASE_URL", url)
    code, out, err = clearing("status")
    assert code == 3
    assert "s3cret" not in out + err


def test_a_time_after_what_is_projected_is_refused_and_not_answered_from_older_books(
    clearing: Run, file: str, tmp_path: Path
) -> None:
    assert clearing("append", file)[0] == 0
    assert clearing("project")[0] == 0
    path = tmp_path / "more.jsonl"
    more = event(50, "Deposited", 6, account="ada", asset="USD", amount="1000")
    path.write_text(json.dumps(more))
    assert clearing("append", str(path))[0] == 0
    for moment in (("--occurred", "2026-01-02T00:00:00Z"), ("--recorded", "2199-01-01T00:00:00Z")):
        code, _, err = clearing("account", "ada", *moment)
        assert code == 2
        assert "log position 14 is not one from 0 to 13" in err


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
def test_psql_is_a_reader_that_changes_nothing(clearing: Run, database_url: str) -> None:
    assert clearing("init")[0] == 0
    done = subprocess.run(
        [sys.executable, "-c", "from clearing.cli import main; main(['psql'])"],
        env={**os.environ, "CLEARING_DATABASE_URL": database_url},
        input="SELECT 'I am ' || current_user; UPDATE clearing.log_head SET position = 9;",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "I am clearing_reader" in done.stdout
    assert "ERROR" in done.stderr
    assert clearing("status")[0] == 0
