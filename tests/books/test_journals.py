"""Journals that beancount and hledger accept, whose balances are the ledger's to the digit."""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from clearing.audit import MomentUnclear, NameUnknown, journal
from clearing.audit.journal import Journal, JournalEvent, JournalPosting
from clearing.audit.load_scopes import _LEDGERS
from clearing.books.exports import JournalWritten, Names, OutputThere, TooManyDigits
from clearing.books.exports.beancount import BeancountWriter
from clearing.database import connect
from clearing.events import Registry
from clearing.ledger import Ledger
from clearing.projectors import OF_MARKETS
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.books.tools import (
    Balances,
    bean_check,
    beancount_balances,
    beancount_transactions,
    by_kind,
    cash,
    hledger,
    hledger_balances,
    trial_balance,
)
from tests.engine.stories import Story
from tests.engine.venue import Venue
from tests.projectors.ledgers import eventful_ledger


def read_back(ledger: Ledger, folder: Path, at: int, **how: Any) -> Balances:
    """Export for both tools, let both check, and return the balances that both read."""
    bean, plain = folder / f"{at}.beancount", folder / f"{at}.journal"
    ledger.export("beancount", bean, at, **how)
    ledger.export("hledger", plain, at, **how)
    checked = bean_check(bean)
    assert (checked.returncode, checked.stderr) == (0, "")
    found = beancount_balances(bean)
    strict = hledger(plain, "check", "--strict")
    assert (strict.returncode, strict.stderr) == (0, "")
    assert hledger_balances(plain) == found
    return found


def compare(ledger: Ledger, folder: Path, seed: int, **how: Any) -> None:
    """Every balance that the tools read is the ledger's, at the end and half-way."""
    ledger.project()
    last = ledger.status().log_position
    for at in (last, last // 2 + seed):
        found = read_back(ledger, folder, at, **how)
        assert by_kind(found) == trial_balance(ledger, at)
        own = {
            key: number
            for key, number in found.items()
            if key[0].startswith(("Liabilities:Accounts:", "Equity:Funds:"))
        }
        assert own == cash(ledger, at)
        assert own, "somebody has cash"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happened_the_tools_read_the_trial_balance(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    with eventful_ledger(database_url, seed, 150) as connection:
        compare(Ledger(connection), tmp_path, seed, daily=seed == 2)


@pytest.mark.parametrize("seed", [3, 4])
def test_several_assets_and_every_payoff_balance_in_the_tools(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(120):
        story.step()
    with connect(database_url, autocommit=True) as connection:
        ledger = Ledger(connection)
        ledger.append(story.venue.events)
        compare(ledger, tmp_path, seed)


def test_a_digit_changed_in_a_file_fails_the_balances_it_asserts(
    database_url: str, tmp_path: Path
) -> None:
    """What is asserted are the ledger's balances, so a journal that changed money is caught."""
    bean, plain = tmp_path / "a.beancount", tmp_path / "a.journal"
    with stored(wick(), database_url) as ledger:
        ledger.export("beancount", bean)
        ledger.export("hledger", plain)
    for file in (bean, plain):
        text = file.read_text()
        assert text.count("60.00") == 4, "both sides of ada's deposit, and two balances"
        external = text.index("60.00")
        ada = text.index("60.00", external + 1)
        file.write_text(f"{text[:external]}61{text[external + 2 : ada]}61{text[ada + 2 :]}")
    failed = bean_check(bean)
    assert (failed.returncode, "Balance failed" in failed.stderr) == (1, True)
    failed = hledger(plain, "check", "--strict")
    assert (failed.returncode, "balance assertion" in failed.stderr) == (1, True)


def test_a_transaction_says_of_which_event_it_is(database_url: str, tmp_path: Path) -> None:
    venue = wick()
    venue("Deposited", account="ada", asset="USD", amount="5", id='odd "quoted\\ [2026-01-02], 50%')
    file = tmp_path / "a.beancount"
    with stored(venue, database_url) as ledger:
        written = ledger.export("beancount", file)
        ledger.export("hledger", tmp_path / "a.journal")
        event = ledger.history("account", "ada").events[-1]
    assert isinstance(written, JournalWritten)
    transactions = beancount_transactions(file)
    assert written.transactions == len(transactions)
    last = transactions[-1]
    told = {name: last.meta[name] for name in ("log-position", "source", "external-id", "occurred")}
    assert told == {
        "log-position": Decimal(event.log_position),
        "source": "venue",
        "external-id": event.external_id,
        "occurred": event.occurred_at.isoformat().replace("+00:00", "Z"),
    }
    assert len(last.meta["leaf"]) == 64
    assert [posting.meta["purpose"] for posting in last.postings] == ["deposit", "deposit"]
    tag = r'external-id=odd "quoted\\ %5B2026-01-02%5D%2C 50%25'
    found = hledger(tmp_path / "a.journal", "print", f"tag:{tag}")
    assert f"({event.log_position}) Deposited" in found.stdout, found.stderr


def test_stricter_checks_than_asked_for_pass_as_well(database_url: str, tmp_path: Path) -> None:
    """Two trades that are alike are two, and nothing is used that is not declared, or not used."""
    venue = wick()
    for _ in range(2):
        venue.trade("ada", "bob", "BTC", "1", "100")
        venue.trade("bob", "ada", "BTC", "1", "101")
    bean, plain = tmp_path / "a.beancount", tmp_path / "a.journal"
    with stored(venue, database_url) as ledger:
        ledger.export("beancount", bean)
        ledger.export("hledger", plain)
    plugins = ("check_commodity", "leafonly", "noduplicates", "nounused", "unique_prices")
    lines = [f'plugin "beancount.plugins.{name}"\n' for name in plugins]
    bean.write_text("".join(lines) + bean.read_text())
    checked = bean_check(bean)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert len(beancount_transactions(bean)) == 5
    checked = hledger(plain, "check", "--strict", "ordereddates", "payees")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_what_one_account_took_part_in_checks_by_itself(database_url: str, tmp_path: Path) -> None:
    venue = wick()
    venue.mark(BTC="50")
    with stored(venue, database_url) as ledger:
        found = read_back(ledger, tmp_path, venue.engine.position, accounts=["ada"], daily=True)
        only = beancount_transactions(tmp_path / f"{venue.engine.position}.beancount")
        with pytest.raises(NameUnknown, match="'eve'"):
            ledger.export("beancount", tmp_path / "no", accounts=["eve"])
    assert ("Liabilities:Accounts:Ada", "USD") not in found, "the wick took all that ada had"
    assert all(
        any(posting.account == "Liabilities:Accounts:Ada" for posting in each.postings)
        for each in only
    )
    assert 0 < len(only) < len(venue.events)
    assert not (tmp_path / "no").exists()


def test_a_late_fact_is_booked_when_it_became_known_and_says_when_it_was(
    database_url: str, tmp_path: Path
) -> None:
    """So days in the file are in the order of the log, and each day's balances are the ledger's."""
    venue = Venue()
    venue.account("ada")
    venue.deposit("ada", "1")
    venue("Deposited", account="ada", asset="USD", amount="2", after=3 * 86_400)
    venue("Deposited", account="ada", asset="USD", amount="4", at=venue.now - dt.timedelta(days=2))
    with stored(venue, database_url) as ledger:
        read_back(ledger, tmp_path, venue.engine.position, daily=True)
    found = beancount_transactions(tmp_path / f"{venue.engine.position}.beancount")
    days = [str(each.date) for each in found]
    assert days == ["2026-01-01", "2026-01-04", "2026-01-04"]
    assert found[2].meta["occurred"].startswith("2026-01-02")
    text = (tmp_path / f"{venue.engine.position}.beancount").read_text()
    assert "2026-01-02 balance Liabilities:Accounts:Ada  -1.00 ~ 0 USD" in text
    assert "2026-01-05 balance Liabilities:Accounts:Ada  -7.00 ~ 0 USD" in text


def test_names_that_the_tools_refuse_are_written_their_way_and_told(
    database_url: str, tmp_path: Path
) -> None:
    venue = Venue()
    accounts = ["ada", "Ada", "ADA", "ada-2", "0x1:2/3@x.y_z", "9"]
    assets = {"usd": 0, "1INCH": 18, "NULL": 8, "null-2": 2, "A+B": 3, "c@": 1, "Q": 0}
    assets["L" * 64] = 2
    venue.account(*accounts)
    for name, decimals in assets.items():
        venue("AssetDeclared", name=name, decimals=decimals)
    for number, account in enumerate(accounts, 1):
        for asset in assets:
            venue.deposit(account, str(number), asset)
    with stored(venue, database_url) as ledger:
        found = read_back(ledger, tmp_path, venue.engine.position)
    own = [key for key in found if key[0].startswith("Liabilities:Accounts:")]
    assert len(own) == len(accounts) * len(assets), "no two names became one"
    names = Names(venue.registry)
    called = [names.account("account", venue.ordinal(account)) for account in accounts]
    assert called == [
        f"Liabilities:Accounts:{part}"
        for part in ("Ada", "Ada-2", "ADA", "Ada-2-2", "0x1-2-3-x-y-z", "9")
    ]
    codes = [names.commodity(venue.registry.asset_ordinals[asset]) for asset in assets]
    assert codes[:-1] == ["USD-2", "X1INCH", "NULL-2", "NULL-2-2", "A-B", "C-X", "Q"]
    text = (tmp_path / f"{venue.engine.position}.beancount").read_text()
    for name, account in zip(accounts, called, strict=True):
        assert f'open {account}\n  name: "{name}"\n' in text
    for asset, code in zip(assets, codes, strict=True):
        assert f'commodity {code}\n  name: "{asset}"\n' in text


def test_every_kind_of_ledger_account_has_a_place() -> None:
    venue = Venue()
    venue.market("BTC")
    names = Names(venue.registry)
    found = [names.account(kind, 0) for kind in _LEDGERS]
    found += [names.account(kind, 1) for kind in (*OF_MARKETS, "contested", "account", "pending")]
    assert len(set(found)) == len(found) == 14


def test_what_a_name_becomes_does_not_change_as_others_are_declared() -> None:
    venue = Venue()
    venue.account("a.b", "a-b", "a:b")
    before = [Names(venue.registry).account("account", n) for n in range(1, 5)]
    venue.account("a_b", "A-b-2")
    after = [Names(venue.registry).account("account", n) for n in range(1, 7)]
    assert after[:4] == before
    assert len(set(after)) == 6


def test_nothing_is_written_over_and_nothing_half(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "books"
    with stored(wick(), database_url) as ledger:

        def stop(position: int) -> None:
            raise KeyboardInterrupt(position)

        for form in ("beancount", "hledger", "csv", "parquet"):
            with pytest.raises(KeyboardInterrupt):
                ledger.export(form, file, progress=stop)
            assert list(tmp_path.iterdir()) == [], "what was begun is gone"
            ledger.export(form, file)
            with pytest.raises(OutputThere, match="books is there already"):
                ledger.export(form, file)
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        with pytest.raises(ValueError, match="no format 'ledger'"):
            ledger.export("ledger", file)
        with pytest.raises(ValueError, match="is no folder"):
            ledger.export("hledger", tmp_path / "nowhere" / "file")
        with pytest.raises(ValueError, match="not of csv tables"):
            ledger.export("csv", file, daily=True)


def test_a_scenario_has_no_journal(database_url: str, tmp_path: Path) -> None:
    venue = wick()
    venue.deposit("bob", "1")
    venue("Deposited", account="bob", asset="USD", amount="2", at=venue.now - dt.timedelta(hours=1))
    venue.mark(BTC="100")
    with stored(venue, database_url) as ledger:
        moment = ledger.moment(occurred=venue.now)
        assert moment.reordered is not None
        for form in ("beancount", "csv"):
            with pytest.raises(MomentUnclear):
                ledger.export(form, tmp_path / "no", moment)


def test_an_amount_that_beancount_would_round_is_refused(tmp_path: Path) -> None:
    """Its sums are of 28 digits; an hledger journal has no such limit."""
    venue = Venue(decimals=18)
    with (tmp_path / "a").open("w") as out:
        writer = BeancountWriter(Names(venue.registry), out)
        writer.transaction(event(10**28 - 1))
        with pytest.raises(TooManyDigits, match=r"10000000000\.0+ USD has more than the 28 digits"):
            writer.transaction(event(10**28))


def event(units: int) -> JournalEvent:
    """A deposit of so many units."""
    sides = (("external", 0), ("account", 1), -units, units)
    posting = JournalPosting(0, 1, units, *sides, "deposit", 0)
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return JournalEvent(1, "Deposited", "s", "x", now, now.date(), "00", (posting,))


@pytest.mark.parametrize("lines", [1, 2, 7, 64])
def test_pages_of_any_size_make_the_same_journal(
    database_url: str, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """Where a page ends, within an event or between the two sides of a posting, shows nowhere."""
    with eventful_ledger(database_url, 5, 60) as connection:
        ledger = Ledger(connection)
        ledger.project()
        moment = ledger.moment()
        names = [view.account for view in ledger.accounts()][:3]
        whole = [list(Journal(connection, moment, of).events()) for of in ((), names)]
        monkeypatch.setattr(journal, "_PAGE", lines)
        monkeypatch.setattr(journal, "_EVENTS", lines)
        again = [list(Journal(connection, moment, of).events()) for of in ((), names)]
    assert again == whole
    assert len(whole[0]) > len(whole[1]) > 3
    assert max(len(event.postings) for event in whole[0]) > 1


def test_an_empty_ledger_makes_a_journal_without_transactions(
    database_url: str, tmp_path: Path
) -> None:
    with Ledger.open(database_url) as ledger:
        assert read_back(ledger, tmp_path, 0) == {}
        assert Names(Registry()).account("external", 0) == "Assets:External"
