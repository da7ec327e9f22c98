"""Scenarios: pooled funds, whose providers hold shares and bear losses and gains pro rata."""

from typing import Any

import pytest

from clearing.engine import Engine, Entry
from tests.engine.venue import PERSON, TAKEOVER, Venue, deviations, of_kind, rulebook

END = {**TAKEOVER, "when": {"level": "zero"}, "residual": "taker"}


class Pooled(Venue):
    """pat and quy have 1,000 each; ada is a trader; the fund ``insurance`` is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.market("BTC")
        self.account("ada", "bob")
        self.account("pat", "quy", account_class="provider")
        for name in ("pat", "quy"):
            self.deposit(name, "1000")

    def gives(self, amount: str) -> list[Entry]:
        return self("FundContributed", fund="insurance", asset="USD", amount=amount)

    def gains(self, amount: str) -> None:
        """The fund earns something, or loses it."""
        fields = {"account": "insurance", "asset": "USD", "category": "test", **PERSON}
        self("Adjusted", amount=amount, **fields)

    def joins(self, who: str, amount: str) -> list[Entry]:
        return self("PoolJoined", account=who, fund="insurance", asset="USD", amount=amount)

    def leaves(self, who: str, shares: str) -> list[Entry]:
        return self("PoolLeft", account=who, fund="insurance", asset="USD", shares=shares)

    def asks(self, who: str, shares: str) -> list[Entry]:
        told = {"account": who, "fund": "insurance", "asset": "USD", "shares": shares}
        return self("PoolLeaveRequested", **told)

    def stays(self, who: str) -> list[Entry]:
        return self("PoolLeaveCancelled", account=who, fund="insurance", asset="USD")

    def shares(self) -> dict[str, str]:
        """Everybody's shares; the house is nobody."""
        scope = self.engine.book.scope(self.ordinal("insurance"), 1)
        names = {self.ordinal(name): name for name in ("pat", "quy")}
        return {names.get(who, "house"): f"{n / 100:g}" for who, n in scope.shares.items()}


def test_the_first_share_is_a_unit_and_later_ones_cost_what_they_are_worth() -> None:
    """pat has 100 shares for 100. Once the fund has 200 a share is 2, and quy gets 50 for 100."""
    v = Pooled()
    v.joins("pat", "100")
    v.gains("100")
    (told,) = of_kind(v.joins("quy", "100"), "shares")
    assert (told["shares"], told["total"]) == (5000, 15000)
    assert v.shares() == {"pat": "100", "quy": "50"}
    assert (v.cash("pat"), v.cash("quy"), v.cash("insurance")) == ("900", "900", "300")


def test_what_a_fund_had_before_is_the_houses() -> None:
    v = Pooled()
    v.gives("300")
    v.joins("pat", "100")
    assert v.shares() == {"house": "300", "pat": "100"}
    v.gives("200")
    assert v.shares()["house"] == "500"
    v("FundWithdrawn", fund="insurance", asset="USD", amount="400", **PERSON)
    assert v.shares() == {"house": "100", "pat": "100"}


def test_the_house_takes_no_more_than_its_shares_without_a_word() -> None:
    """150 would be 150 of its 100 shares: the other 50 are pat's loss."""
    v = Pooled()
    v.gives("100")
    v.joins("pat", "100")
    entries = v("FundWithdrawn", fund="insurance", asset="USD", amount="150", **PERSON)
    (said,) = of_kind(entries, "deviation")
    assert (said["code"], said["expected"], said["found"]) == ("beyond_shares", "100", "150")
    assert v.shares() == {"pat": "100"}
    v.leaves("pat", "100")
    assert v.cash("pat") == "950"


def test_a_loss_is_every_providers_pro_rata_and_so_is_what_is_left() -> None:
    """ada loses 300 beyond what she has. pat put in 400 and quy 200: 200 and 100 are gone."""
    v = Pooled()
    v.joins("pat", "400")
    v.joins("quy", "200")
    v.adopt(
        rulebook(ladder=[END], layers=[{"layer": "fund", "by": "paying"}, {"layer": "deficit"}])
    )
    v.deposit("ada", "700")
    v.deposit("bob", "100000")
    v.mark(BTC="1000")
    v.trade("ada", "bob", "BTC", "10", "1000")
    (loss,) = of_kind(v.mark(BTC="900"), "loss")
    assert (loss["loss"], loss["fund"]) == ("300", "300")
    v.leaves("pat", "400")
    v.leaves("quy", "200")
    assert (v.cash("pat"), v.cash("quy"), v.shares()) == ("800", "900", {})


def test_shares_are_rounded_down_for_who_comes_and_what_they_are_worth_for_who_goes() -> None:
    """Three shares for ten: one more costs 3.34, and 3.33 is what it fetches."""
    v = Pooled()
    v.joins("pat", "0.03")
    v.gains("0.07")
    v.joins("quy", "0.03")
    assert v.shares() == {"pat": "0.03"}
    v.leaves("pat", "0.01")
    assert (v.cash("pat"), v.cash("insurance")) == ("1000.01", "0.09")


def test_nobody_gives_back_more_than_there_is() -> None:
    v = Pooled()
    v.joins("pat", "100")
    (said,) = of_kind(v.leaves("pat", "130"), "deviation")
    assert (said["code"], said["expected"], said["found"]) == ("beyond_shares", "100", "130")
    assert (v.cash("pat"), v.shares()) == ("1000", {})
    assert deviations(v.leaves("quy", "1")) == ["beyond_shares"]


def test_a_fund_that_is_worth_nothing_sells_no_shares() -> None:
    v = Pooled()
    v.joins("pat", "100")
    v.gains("-100")
    assert deviations(v.joins("quy", "10")) == ["pool_worthless"]
    assert v.shares() == {"pat": "100"}


def test_inventory_counts_at_the_mark_and_only_cash_leaves() -> None:
    v = Pooled()
    v.joins("pat", "100")
    v.deposit("bob", "100000")
    v.mark(BTC="1000")
    v.trade("insurance", "bob", "BTC", "1", "1000")
    v.mark(BTC="1050")
    entries = v.leaves("pat", "100")
    (said,) = of_kind(entries, "deviation")
    assert (said["code"], said["expected"], said["found"]) == ("fund_overdrawn", "100", "150")
    assert v.cash("pat") == "1050"


def test_who_asked_to_leave_gains_nothing_from_then_on_and_loses_with_the_others() -> None:
    v = Pooled()
    v.joins("pat", "100")
    v.joins("quy", "100")
    v.asks("pat", "100")
    v.gains("100")
    v.leaves("pat", "100")
    assert v.cash("pat") == "1000"
    v.asks("quy", "100")
    v.gains("-50")
    v.leaves("quy", "100")
    assert v.cash("quy") == "1050"


def test_who_stays_after_all_gives_up_what_its_shares_gained_meanwhile() -> None:
    """100 of 200 shares were worth 100; now the fund has 400. It keeps 33 of 133: worth 99.25."""
    v = Pooled()
    v.joins("pat", "100")
    v.joins("quy", "100")
    v.asks("pat", "100")
    v.gains("200")
    entries = v.stays("pat")
    assert [r["shares"] for r in of_kind(entries, "leave_request")] == [0]
    assert v.shares() == {"pat": "33.33", "quy": "100"}
    assert deviations(v.stays("pat")) == ["no_request"]


def test_a_snapshot_knows_shares_and_requests() -> None:
    v = Pooled()
    v.joins("pat", "100")
    v.asks("pat", "40")
    v.engine = Engine.restore(v.engine.snapshot(), resolver=v.find)
    v.gains("50")
    v.stays("pat")
    assert v.shares() == {"pat": "81.81"}


@pytest.mark.parametrize("fields", [{"account": "zoe"}, {"fund": "zoe"}])
def test_money_of_and_for_nobody_stands_on_suspense(fields: dict[str, Any]) -> None:
    v = Pooled()
    told = {"account": "pat", "fund": "insurance", "asset": "USD", "amount": "10", **fields}
    assert deviations(v("PoolJoined", **told)) == ["unknown_account"]
    assert v.shares() == {}


def test_who_puts_more_than_it_can_spare_into_a_fund_that_nobody_declared_is_told() -> None:
    """pat has 1,000: it is money that leaves its account, whoever gets it."""
    v = Pooled()
    told = {"account": "pat", "fund": "zoe", "asset": "USD", "amount": "1000.01"}
    entries = v("PoolJoined", **told)
    assert deviations(entries) == ["unknown_account", "withdrawn_too_much"]
    said = of_kind(entries, "deviation")[1]
    assert (said["expected"], said["found"]) == ("1000", "1000.01")
    assert v.cash("pat") == "-0.01"


def test_a_fund_below_zero_is_said_where_the_rulebook_does_not_allow_it() -> None:
    for below_zero, said in (("allowed", []), ("deviation", ["fund_below_zero"])):
        v = Pooled()
        v.adopt(rulebook(mode="record", funds={"below_zero": below_zero}))
        v.gives("10")
        entries = v("FundWithdrawn", fund="insurance", asset="USD", amount="30", **PERSON)
        assert deviations(entries) == ["fund_overdrawn", *said]
        more = v("FundWithdrawn", fund="insurance", asset="USD", amount="5", **PERSON)
        assert deviations(more) == ["fund_overdrawn"], "once, until it is above zero again"
