"""How much somebody may approve: what a fee or a price differs by is money, and so is a limit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.ledger import Ledger
from clearing.reconcile import NotAllowed, Proposal
from clearing.reconcile.desk import Desk
from tests.reconcile.desk import Day
from tests.reconcile.test_trades_of_the_ledger import ledger_with_a_trade, reconciled


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def given(ledger: Ledger, person: str, kind: str, asset: str, amount: str, by: str) -> None:
    """Have a limit proposed by ann and approved."""
    asked = ledger.desk("ann").propose_limit(person, kind, asset, amount, "the board's table")
    ledger.desk(by).decide(asked.number, approve=True)


def written_off(desk: Desk, type_: str) -> Proposal:
    """Propose to write off the break of the fill that is of a type."""
    (view,) = [one for one in desk.breaks(status="open") if (one.type, one.side) == (type_, "fill")]
    return desk.propose_for_break("write_off", view.number, "not worth a letter")


def test_a_fee_of_a_fill_is_measured_by_its_difference_in_the_fees_asset(
    database_url: str, tmp_path: Path
) -> None:
    """They charge 0.3 USDC, we have 0.2."""
    with ledger_with_a_trade(database_url) as ledger:
        ann = ledger.desk("ann")
        reconciled(ledger, tmp_path, "ada", fee="0.3")
        asked = written_off(ann, "fee")
        assert (asked.asset, asked.amount) == ("USDC", "0.1")
        given(ledger, "bob", "write_off", "USDC", "0.05", by="ida")
        with pytest.raises(NotAllowed, match=r"over 0\.1 USDC, and bob may approve up to 0\.05"):
            ledger.desk("bob").decide(asked.number, approve=True)


def test_a_fee_that_they_do_not_charge_is_in_the_asset_that_we_have(
    database_url: str, tmp_path: Path
) -> None:
    with ledger_with_a_trade(database_url) as ledger:
        reconciled(ledger, tmp_path, "ada", fee="0")
        asked = written_off(ledger.desk("ann"), "fee")
        assert (asked.asset, asked.amount) == ("USDC", "0.2")


def test_a_price_is_measured_by_what_the_size_would_have_cost_more(
    database_url: str, tmp_path: Path
) -> None:
    """2 at 101.5 where we have 100: 3 USDC."""
    with ledger_with_a_trade(database_url) as ledger:
        reconciled(ledger, tmp_path, "ada", px="101.5")
        asked = written_off(ledger.desk("ann"), "price")
        assert (asked.asset, asked.amount) == ("USDC", "3")
        given(ledger, "bob", "write_off", "USDC", "3", by="ida")
        ledger.desk("bob").decide(asked.number, approve=True)


def test_nobody_approves_a_limit_higher_than_their_own(day: Day) -> None:
    given(day.ledger, "bob", "write_off", "XBT", "10", by="ida")
    more = day.ledger.desk("ann").propose_limit("eve", "write_off", "XBT", "11", "she asked")
    for name, most in (("bob", "10"), ("ida", "0")):
        with pytest.raises(NotAllowed, match=f"gives a limit of 11 .* up to {most}"):
            day.ledger.desk(name).decide(more.number, approve=True)
    given(day.ledger, "eve", "write_off", "XBT", "10", by="bob")


def test_a_limit_of_everything_takes_one_of_everything_and_none_that_is_lower(day: Day) -> None:
    """Who may write off 10 only cannot give anybody 50 of all kinds, whatever else is theirs."""
    for person in ("bob", "kim"):
        given(day.ledger, person, "*", "*", "100", by="ida" if person == "bob" else "bob")
    given(day.ledger, "bob", "write_off", "XBT", "10", by="kim")
    asked = day.ledger.desk("ann").propose_limit("eve", "*", "*", "50", "she asked")
    with pytest.raises(NotAllowed, match="up to 10"):
        day.ledger.desk("bob").decide(asked.number, approve=True)
    given(day.ledger, "joe", "tolerance", "XBT", "90", by="bob")
    with pytest.raises(NotAllowed, match="may approve up to 0"):
        day.ledger.desk("joe").decide(asked.number, approve=True)
    day.ledger.desk("kim").decide(asked.number, approve=True)


def test_a_limit_of_another_asset_is_free_while_nobody_has_one(day: Day) -> None:
    given(day.ledger, "bob", "write_off", "XBT", "10", by="ida")
    given(day.ledger, "eve", "write_off", "USD", "1000", by="ida")
    given(day.ledger, "eve", "adjustment", "XBT", "1000", by="ida")
