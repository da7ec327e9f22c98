"""Scenarios: markets whose gains and losses are paid in cash at every mark.

bob is long 10 BTC from 100: 6 of ada, who has 200, and 4 of cyd. dan trades with whom he is told.
"""

from typing import Any

import pytest

from clearing.engine import Engine, Entry
from tests.engine.test_scenarios_waterfall import COIN, SCHEDULE
from tests.engine.venue import Venue, deviations, of_kind, rulebook

IMPACT = {"op": "linear", "coefficient": "0.1", "depth": "5"}
VOLATILITY = {
    "sample_seconds": 60,
    "decay": "0.9",
    "multiple": "3",
    "floor": "0.05",
    "cap": "0.5",
}
TAKEOVER = {"action": "takeover", "when": {"level": "maintenance"}, "residual": "taker"}
PAID = {"*": {"fund": "insurance"}}


class Settled(Venue):
    """A venue that pays variation margin; the fund has nothing unless given something."""

    def __init__(self, variation: dict[str, Any] = PAID, **rules: Any) -> None:
        super().__init__()
        self.market("BTC")
        self.account("ada", "bob", "cyd", "dan")
        document = rulebook(schedule=SCHEDULE, variation_margin=variation, **rules)
        assert deviations(self.adopt(document)) == []
        for name, cash in (("ada", "200"), ("bob", "1000"), ("cyd", "1000"), ("dan", "1000")):
            self.deposit(name, cash)
        self.mark(BTC="100.00")
        self.trade("bob", "ada", "BTC", "6", "100.00")
        self.trade("bob", "cyd", "BTC", "4", "100.00")

    def cashes(self) -> dict[str, str]:
        return {name: self.cash(name) for name in ("ada", "bob", "cyd", "dan")}

    def cut(self, entries: list[Entry]) -> list[tuple[str, int]]:
        names = {self.ordinal(name): name for name in ("ada", "bob", "cyd", "dan")}
        return [(names[int(h["payer"])], int(h["paid"])) for h in of_kind(entries, "haircut")]


def test_a_mark_pays_gains_and_losses_in_cash() -> None:
    v = Settled()
    v.mark(BTC="110.00")
    assert v.cashes() == {"ada": "140", "bob": "1100", "cyd": "960", "dan": "1000"}
    assert [v.equity(name) for name in ("ada", "bob", "cyd")] == ["140", "1100", "960"]


def test_the_same_mark_again_pays_what_was_traded_at_another_price() -> None:
    """dan buys 2 of bob at 105: bob has gained 10, and dan lost 10 at the mark of 100."""
    v = Settled()
    v.trade("dan", "bob", "BTC", "2", "105.00")
    v.mark(BTC="100.00")
    assert v.cashes() == {"ada": "200", "bob": "1010", "cyd": "1000", "dan": "990"}


def test_what_a_loser_lacks_the_fund_pays_and_then_the_winners() -> None:
    """At 150 ada has lost 300 of her 200. The fund has 40; bob gained 500 and bears 60."""
    v = Settled()
    v("FundContributed", fund="insurance", asset="USD", amount="40")
    entries = v.mark(BTC="150.00")
    assert v.cut(entries) == [("bob", 6000)]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["socialised"]) == ("100", "40", "60")
    assert (v.cash("bob"), v.cash("ada"), v.cash("insurance")) == ("1440", "0", "0")


def test_without_a_fund_winners_bear_it_all() -> None:
    v = Settled({"BTC": {}})
    v("FundContributed", fund="insurance", asset="USD", amount="40")
    assert v.cut(v.mark(BTC="150.00")) == [("bob", 10000)]
    assert v.cash("insurance") == "40"


def test_a_gain_that_was_realised_since_the_last_mark_is_cut_like_any_other() -> None:
    """bob sells 4 to dan at 150 before the mark: 200 of his 500 are realised by then.

    dan has gained nothing. What ada lacks is bob's to bear, whatever is left of his position.
    """
    v = Settled()
    v.trade("dan", "bob", "BTC", "4", "150.00")
    assert v.cash("bob") == "1200"
    entries = v.mark(BTC="150.00")
    assert [(int(h["gain"]), int(h["paid"])) for h in of_kind(entries, "haircut")] == [
        (50000, 10000)
    ]
    assert v.cashes()["bob"] == "1400"


def test_winners_share_pro_rata_and_the_last_pays_the_rest() -> None:
    """Three gain 0.01 each of ada, of whom nothing is asked; she has 0.01 and lacks 0.02."""
    v = Venue()
    v.market("BTC")
    v.account("bob", "cyd", "dan")
    v.account("ada", account_class="free")
    v.adopt(rulebook(schedule=SCHEDULE, variation_margin={"*": {}}))
    v.deposit("ada", "0.01")
    v.mark(BTC="100.00")
    for name in ("bob", "cyd", "dan"):
        v.deposit(name, "100")
        v.trade(name, "ada", "BTC", "1", "100.00")
    entries = v.mark(BTC="100.01")
    assert [int(h["paid"]) for h in of_kind(entries, "haircut")] == [1, 1, 0]


def test_funding_that_is_not_paid_is_missing_to_those_who_get_it() -> None:
    """bob owes 1,100 of funding and has 1,000; ada gets 660 and cyd 440, less a tenth."""
    v = Settled(funding={"operator": "per_account"})
    entries = v("FundingSettled", market="BTC", rate="1.1", price="100.00")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["socialised"]) == ("100", "100")
    assert v.cut(entries) == [("ada", 6000), ("cyd", 4000)]
    assert (v.cash("bob"), v.cash("ada"), v.cash("cyd")) == ("0", "800", "1400")


def test_the_end_of_a_market_shares_what_is_missing_as_well() -> None:
    v = Settled()
    entries = v("MarketSettled", market="BTC", price="150.00")
    assert v.cut(entries) == [("bob", 10000)]
    assert v.cashes() == {"ada": "0", "bob": "1400", "cyd": "800", "dan": "1000"}


def test_who_has_other_collateral_has_a_debt_and_nobody_bears_it() -> None:
    """ada's 50 COIN at 10 are worth more than the 300 that she lost of her 200 dollars."""
    v = Venue()
    v("AssetDeclared", name="COIN", decimals=8)
    v.market("COIN-USD")
    v.market("BTC")
    v.account("ada", "bob")
    document = rulebook(
        schedule=SCHEDULE, variation_margin=PAID, collateral={"some": {"assets": {"COIN": COIN}}}
    )
    document["bindings"][0]["collateral"] = "some"
    assert deviations(v.adopt(document)) == []
    v.mark(BTC="100.00", **{"COIN-USD": "10.00"})
    v.deposit("ada", "200")
    v.deposit("ada", "50", "COIN")
    v.deposit("bob", "1000")
    v.trade("bob", "ada", "BTC", "6", "100.00")
    entries = v.mark(BTC="150.00")
    assert of_kind(entries, "loss") == []
    assert (v.cash("ada"), v.cash("bob")) == ("-100", "1300")


def test_a_takeover_pays_the_rest_in_cash_at_once() -> None:
    """At 130 ada has 20 of her 200, and 39 are asked: the fund has them in cash.

    It is short 6 from 130, and at 131 it has lost 6 of them.
    """
    v = Settled(ladder=[TAKEOVER])
    entries = v.mark(BTC="130.00")
    assert [(c["layer"], c["amount"]) for c in of_kind(entries, "closed")] == [("fund", -80000)]
    assert (v.equity("ada"), v.cash("insurance"), v.size("insurance", "BTC")) == ("0", "20", "-6")
    v.mark(BTC="131.00")
    assert (v.cash("insurance"), v.cash("bob")) == ("14", "1310")


def test_a_fund_that_cannot_pay_what_it_took_is_a_loser_like_others() -> None:
    """At 135 the 20 are gone and 10 are missing: bob bears them, cyd is short himself."""
    v = Settled(ladder=[TAKEOVER])
    v.mark(BTC="130.00")
    entries = v.mark(BTC="135.00")
    assert v.cut(entries) == [("bob", 1000)]
    assert (v.cash("insurance"), v.cash("bob"), v.cash("cyd")) == ("0", "1340", "860")


GAINS_COUNT_HALF = {"unrealised": {"maintenance": {"gain": "0.5"}}, "nested": True}


def test_a_gain_that_was_sold_bears_losses_like_any_other() -> None:
    """dan, with 1, sells ada a BTC at 90 and so loses 10. She owes 4, and 2 of her 10 are sold.

    At the next mark of 100 he lacks 9. She won all of 10 since the last one, so they are hers to
    bear.
    """
    v = Venue()
    v.market("BTC")
    v.account("ada")
    v.account("dan", account_class="maker")
    levels = {level: {"op": "rate", "rate": "0.04"} for level in ("initial", "maintenance")}
    sale = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "restore"},
        "gains": {},
    }
    later = {**TAKEOVER, "when": {"level": "zero", "grace_seconds": 100_000}}
    document = rulebook(
        schedule=levels,
        variation_margin={"*": {}},
        collateral={"half": GAINS_COUNT_HALF},
        ladder=[sale, later],
    )
    document["bindings"][0]["collateral"] = "half"
    assert deviations(v.adopt(document)) == []
    v.mark(BTC="100.00")
    v("Withdrawn", account="ada", asset="USD", amount="4")
    v.deposit("dan", "1")
    v.trade("ada", "dan", "BTC", "1", "90.00")
    assert (v.cash("ada"), v.cash("dan")) == ("-2", "1")
    entries = v.mark(BTC="100.00")
    (cut,) = of_kind(entries, "haircut")
    assert (cut["payer"], cut["gain"], cut["paid"]) == (v.ordinal("ada"), 1000, 900)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"variation_margin": {"DOGE": {}}}, "variation_margin.DOGE: market 'DOGE' is not"),
        ({"variation_margin": {"*": {"fund": "bob"}}}, "fund: account 'bob' is not of class fund"),
        ({"variation_margin": {"*": {"fund": "eve"}}}, "fund: account 'eve' is not declared"),
        ({"impact": {"DOGE": IMPACT}}, "impact.DOGE: market 'DOGE' is not declared"),
        ({"volatility": {"DOGE": VOLATILITY}}, "volatility.DOGE: market 'DOGE' is not declared"),
    ],
)
def test_rules_for_what_is_not_there_are_refused(rules: dict[str, Any], problem: str) -> None:
    v = Settled()
    (refused,) = of_kind(v.adopt(rulebook(**rules)), "deviation")
    assert refused["code"] == "rulebook_refused"
    assert problem in str(refused["detail"])


def test_markets_without_the_rule_and_other_modes_pay_nothing() -> None:
    for variation, mode in (({}, "derive"), (PAID, "record"), (PAID, "verify")):
        v = Settled(variation, mode=mode)
        v.mark(BTC="110.00")
        assert v.cash("bob") == "1000"


def test_a_snapshot_knows_what_was_realised_since_the_last_mark() -> None:
    v = Settled()
    v.trade("dan", "bob", "BTC", "10", "150.00")
    v.engine = Engine.restore(v.engine.snapshot(), resolver=v.find)
    assert v.cut(v.mark(BTC="150.00")) == [("bob", 10000)]
