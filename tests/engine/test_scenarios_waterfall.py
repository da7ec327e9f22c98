"""Scenarios: who bears a loss, layer by layer, in any order that a rulebook states."""

from typing import Any

import pytest

from clearing.engine import Engine
from tests.engine.venue import Venue, deviations, of_kind, rulebook

SCHEDULE = {
    "initial": {"op": "rate", "rate": "0.1"},
    "maintenance": {"op": "rate", "rate": "0.05"},
}
BELOW_ZERO = {"action": "takeover", "when": {"level": "zero"}}
DEFICIT = {"layer": "deficit"}
FUNDS = ("insurance", "majors", "shared")
COIN = {"market": "COIN-USD", "weights": {"maintenance": "0.8"}}


class Lost(Venue):
    """ada is long 10 BTC from 100 with 200; bob is short 6 and cyd short 4 from there.

    Nothing is left at 80; at 75 her equity is −50. Funds have nothing unless given something.
    """

    def __init__(self, *layers: dict[str, Any], decimals: int = 2, **rules: Any) -> None:
        super().__init__(decimals=decimals)
        self.market("BTC")
        self.market("ETH")
        self.account("ada", "bob", "cyd", "dan")
        self.account("majors", "shared", account_class="fund")
        for name, cash in (("bob", "300"), ("cyd", "900"), ("dan", "10000")):
            self.deposit(name, cash)
        ladder = rules.pop("ladder", [BELOW_ZERO])
        document = rulebook(ladder=ladder, schedule=SCHEDULE, layers=layers, **rules)
        assert deviations(self.adopt(document)) == []
        self.deposit("ada", "200")
        self.mark(BTC="100.00", ETH="10.00")
        self.trade("ada", "bob", "BTC", "6", "100.00")
        self.trade("ada", "cyd", "BTC", "4", "100.00")

    def give(self, **amounts: str) -> None:
        for fund, amount in amounts.items():
            self("FundContributed", fund=fund, asset="USD", amount=amount)

    def falls(self, mark: str = "75.00") -> tuple[dict[str, str], list[tuple[str, int]]]:
        """What each layer bore, and which layers closed how much (in thousandths)."""
        entries = self.mark(BTC=mark)
        (loss,) = of_kind(entries, "loss")
        names = ("fund", "adl", "socialised", "deficit", "rounding", "kept")
        borne = {name: str(loss[name]) for name in names if loss[name] != "0"}
        closed = of_kind(entries, "closed")
        return borne, [(str(c["layer"]), abs(int(c["size"]))) for c in closed]


def test_a_fund_of_the_market_comes_before_a_shared_one() -> None:
    """5 a BTC are lost: 20 pay for 4, the shared fund assumes the other 6."""
    venue = Lost(
        {"layer": "fund", "account": "majors", "markets": ["BTC"]},
        {"layer": "fund", "account": "shared"},
        DEFICIT,
    )
    venue.give(majors="20", shared="1000")
    assert venue.falls() == ({"fund": "50"}, [("fund", 4000), ("fund", 6000)])
    assert (venue.equity("majors"), venue.equity("shared")) == ("0", "970")
    assert (venue.size("majors", "BTC"), venue.size("shared", "BTC")) == ("4", "6")


def test_a_fund_of_another_market_stands_aside() -> None:
    venue = Lost({"layer": "fund", "account": "majors", "markets": ["ETH"]}, DEFICIT)
    venue.give(majors="1000")
    assert venue.falls() == ({"deficit": "50"}, [("deficit", 10000)])
    assert venue.equity("majors") == "1000"


def test_a_fund_that_pays_leaves_the_position_to_the_waterfalls_own() -> None:
    """majors pays 50 in cash; insurance, without a cent, holds 10 BTC at 75."""
    venue = Lost({"layer": "fund", "account": "majors", "by": "paying"}, DEFICIT)
    venue.give(majors="80")
    assert venue.falls() == ({"fund": "50"}, [("deficit", 10000)])
    assert (venue.cash("majors"), venue.size("majors", "BTC")) == ("30", "0")
    assert (venue.equity("insurance"), venue.size("insurance", "BTC")) == ("0", "10")


def test_what_a_reserve_keeps_back_is_not_paid() -> None:
    """Of 40 a reserve of 10 stays; the house pays the other 20."""
    paying = {"layer": "fund", "account": "majors", "by": "paying", "capacity": "cash"}
    venue = Lost({**paying, "reserve": "10"}, DEFICIT)
    venue.give(majors="40")
    assert venue.falls()[0] == {"fund": "30", "deficit": "20"}
    assert venue.cash("majors") == "10"


def test_a_fund_may_go_below_zero_where_the_rulebook_says_so() -> None:
    venue = Lost({"layer": "fund", "by": "paying", "capacity": "unlimited"}, DEFICIT)
    assert venue.falls()[0] == {"fund": "50"}
    assert venue.cash("insurance") == "-50"


def test_a_fund_assumes_no_more_notional_than_its_own_size_allows() -> None:
    """300 in the fund and a cap of once that: 4 BTC at 75. The rest is deleveraged."""
    venue = Lost({"layer": "fund", "notional": "1"}, {"layer": "adl"}, DEFICIT)
    venue.give(insurance="300")
    borne, closed = venue.falls()
    assert borne == {"fund": "20", "adl": "30"}
    assert closed == [("fund", 4000), ("adl", 6000)]


def test_what_a_fund_bears_in_a_period_is_limited() -> None:
    """At most 30 an hour: 6 BTC now; the rest is the house's. An hour later 30 again."""
    period = {"seconds": 3600, "amount": "30"}
    venue = Lost({"layer": "fund", "period": period}, DEFICIT)
    venue.give(insurance="1000")
    assert venue.falls() == (
        {"fund": "30", "deficit": "20"},
        [("fund", 6000), ("deficit", 4000)],
    )
    for after, borne in ((1, {"deficit": "50"}), (3600, {"fund": "30", "deficit": "20"})):
        venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
        venue("ClockTicked", after=after)
        venue.mark(BTC="100.00")
        venue.deposit("ada", "200")
        venue.trade("ada", "dan", "BTC", "10", "100.00")
        assert venue.falls()[0] == borne


def test_gains_bear_a_loss_pro_rata_and_no_more_than_they_are() -> None:
    """bob gained 150 and cyd 100: 30 and 20 of 50. dan holds nothing and pays nothing."""
    venue = Lost({"layer": "haircut"}, DEFICIT)
    assert venue.falls() == ({"socialised": "50"}, [("deficit", 10000)])
    assert (venue.equity("bob"), venue.equity("cyd")) == ("420", "980")
    assert venue.cash("dan") == "10000"


def test_the_fund_pays_first_and_gains_the_rest() -> None:
    venue = Lost({"layer": "fund", "by": "paying"}, {"layer": "haircut"}, DEFICIT)
    venue.give(insurance="20")
    assert venue.falls()[0] == {"fund": "20", "socialised": "30"}
    assert (venue.equity("bob"), venue.equity("cyd")) == ("432", "988")


def test_shares_of_a_haircut_are_rounded_up_and_the_last_pays_what_is_left() -> None:
    """At 79.99 a loss of 0.10: 3/5 and 2/5 of 10 cents."""
    venue = Lost({"layer": "haircut"}, DEFICIT)
    entries = venue.mark(BTC="79.99")
    cuts = of_kind(entries, "haircut")
    assert [(c["payer"], c["gain"], c["paid"]) for c in cuts] == [
        (venue.ordinal("bob"), 12006, 6),
        (venue.ordinal("cyd"), 8004, 4),
    ]


def test_more_than_all_gains_is_the_houses() -> None:
    """bob and cyd took their gains before, and dan, short from 70, has none."""
    venue = Lost({"layer": "haircut"}, DEFICIT)
    venue.mark(BTC="95.00")
    for name, size in (("bob", "6"), ("cyd", "4")):
        venue.trade(name, "dan", "BTC", size, "70.00")
    assert venue.falls()[0] == {"deficit": "50"}
    assert venue.cash("bob") == "480"


def test_every_unit_of_both_sides_pays_the_same() -> None:
    """50 over 20 BTC: the fund's 10, bob's 6 and cyd's 4 pay 2.50 each, through the indexes."""
    venue = Lost({"layer": "per_unit"}, DEFICIT)
    entries = venue.mark(BTC="75.00")
    (unit,) = of_kind(entries, "per_unit")
    assert (unit["amount"], unit["open_interest"], unit["each"]) == (5000, 20000, "2.5")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["socialised"]) == ("50", "50")
    assert (venue.equity("bob"), venue.equity("cyd")) == ("435", "990")
    assert venue.equity("insurance") == "-25"
    venue.trade("bob", "dan", "BTC", "6", "75.00")
    assert venue.cash("bob") == "435", "300 + 150 − 15"
    assert venue.ledger("funding", "BTC") == "-35", "what others have not paid yet"


def test_what_a_rounded_index_collects_beyond_the_loss_is_roundings() -> None:
    """49.99 over 30 BTC (dan is long 5 from bob and short 5 to him) does not end."""
    venue = Lost({"layer": "per_unit"}, DEFICIT)
    venue.trade("dan", "cyd", "BTC", "5", "90.00")
    entries = venue.mark(BTC="75.01")
    (unit,) = of_kind(entries, "per_unit")
    assert unit["amount"] == 4990
    market = venue.engine.book.markets[1]
    collected = (market.index - market.short_index) * int(unit["open_interest"]) // 2
    assert collected >= 4990 * 10 ** (market.accrued_decimals - 2)
    for name, side in (("bob", "buy"), ("cyd", "buy"), ("dan", "sell"), ("insurance", "sell")):
        size = venue.size(name, "BTC").lstrip("-")
        buyer, seller = (name, "ada") if side == "buy" else ("ada", name)
        venue.trade(buyer, seller, "BTC", size, "75.01")
    assert venue.size("ada", "BTC") == "0"
    assert -2 <= float(venue.ledger("funding", "BTC")) * 100 <= 2, "fractions of a cent a head"


def rank(key: str, **more: Any) -> dict[str, Any]:
    return {"layer": "adl", "rank": key, **more}


@pytest.mark.parametrize(
    ("layer", "first"),
    [
        # bob: profit 150 on 600, 450 at 75 with equity 450; cyd: 100 on 400, 300 with 1,000.
        (rank("profit_by_leverage"), "bob"),
        (rank("profit_by_margin_ratio"), "bob"),
        (rank("price_by_leverage"), "bob"),
        (rank("price_by_leverage_side_adjusted"), "bob"),
        (rank("profit"), "bob"),
    ],
)
def test_the_other_side_is_ranked_by_the_key_of_the_rulebook(
    layer: dict[str, Any], first: str
) -> None:
    venue = Lost(layer, DEFICIT)
    entries = venue.mark(BTC="75.00")
    ranks = of_kind(entries, "adl")
    assert [r["rank"] for r in ranks] == [1, 2]
    assert ranks[0]["candidate"] == venue.ordinal(first)
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["adl"]) == ("50", "50")
    assert (venue.size("bob", "BTC"), venue.size("cyd", "BTC")) == ("0", "0")


def test_read_literally_a_more_profitable_short_ranks_lower() -> None:
    """Two shorts of the same leverage, one from 180 and one from 100, at a mark of 75.

    mark / entry is 0.417 and 0.75; entry / mark is 2.4 and 1.333.
    """
    for key, first in (
        ("price_by_leverage", "cyd"),
        ("price_by_leverage_side_adjusted", "dan"),
    ):
        venue = Lost(rank(key), DEFICIT)
        venue.deposit("bob", "10000")
        venue.mark(BTC="180.00")
        venue.deposit("ada", "4000")
        venue.trade("ada", "dan", "BTC", "4", "180.00")
        dan, cyd = (venue.engine.book.scope(venue.ordinal(n), 1) for n in ("dan", "cyd"))
        # Both have 1,000 at 75: dan 420 of it, cyd 100 by what they gained.
        venue("Withdrawn", account="dan", asset="USD", amount="9420")
        venue.mark(BTC="100.00")
        assert dan.cash + 42000 == cyd.cash + 10000
        venue("Withdrawn", account="ada", asset="USD", amount="3790")
        ranks = of_kind(venue.mark(BTC="75.00"), "adl")
        order = [r["candidate"] for r in ranks if r["candidate"] != venue.ordinal("bob")]
        assert order[0] == venue.ordinal(first)


def test_pro_rata_takes_the_same_share_of_everybody() -> None:
    """5 of 10 are assumed by the fund; the other 5 come half from each: 3 and 2."""
    fund = {"layer": "fund"}
    venue = Lost(fund, rank("profit", allocation="pro_rata"), DEFICIT)
    venue.give(insurance="25")
    borne, closed = venue.falls()
    assert borne == {"fund": "25", "adl": "25"}
    assert closed == [("fund", 5000), ("adl", 3000), ("adl", 2000)]


def test_only_profitable_candidates_where_the_rulebook_says_so() -> None:
    """cyd is short from 70 now, at a loss: bob's 6 are taken, the house has the other 4."""
    venue = Lost(rank("profit", candidates="profitable"), DEFICIT)
    venue.trade("cyd", "dan", "BTC", "4", "100.00")
    venue.trade("dan", "cyd", "BTC", "4", "70.00")
    borne, closed = venue.falls()
    assert borne == {"adl": "30", "deficit": "20"}
    assert closed == [("adl", 6000), ("deficit", 4000)]


def test_a_random_rank_is_a_function_of_seed_and_event() -> None:
    def order(seed: str) -> list[Any]:
        venue = Lost(rank("random", seed=seed), DEFICIT)
        return [r["candidate"] for r in of_kind(venue.mark(BTC="75.00"), "adl")]

    orders = {seed: order(seed) for seed in "abcdefgh"}
    assert orders == {seed: order(seed) for seed in "abcdefgh"}
    assert len({tuple(found) for found in orders.values()}) == 2, "both orders come up"


@pytest.mark.parametrize(
    ("price", "adl", "rest", "kept"),
    [
        # At the mark the other side loses nothing, and 50 stay missing.
        ("mark", "0", "50", "0"),
        # At the mark before (90) it gives up 150, of which 100 are beyond the loss.
        ("previous_mark", "150", "0", "100"),
    ],
)
def test_deleveraging_at_a_price(price: str, adl: str, rest: str, kept: str) -> None:
    venue = Lost(rank("profit", price=price), {"layer": "deficit"})
    venue.mark(BTC="90.00")
    entries = venue.mark(BTC="75.00")
    (loss,) = of_kind(entries, "loss")
    assert (loss["adl"], loss["deficit"], loss["kept"]) == (adl, rest, kept)
    assert loss["loss"] == "50"
    assert venue.cash("ada") == kept
    assert venue.cash("bob") == ("450" if price == "mark" else "360")


def test_deleveraging_at_a_published_price_and_the_fund_for_the_rest() -> None:
    """At 78 the other side bears 30 of 50, the fund's cash the rest."""
    tree = {"op": "source", "source": "venue", "price": "index"}
    venue = Lost(
        rank("profit", price="adl"),
        {"layer": "fund", "by": "paying"},
        DEFICIT,
        prices={"BTC": {"roles": {"adl": tree}}},
    )
    venue.give(insurance="100")
    venue("PriceObserved", market="BTC", role="index", price="78.00")
    assert venue.falls()[0] == {"adl": "30", "fund": "20"}
    assert venue.cash("insurance") == "80"


def test_layers_may_come_in_any_order() -> None:
    """Gains first, then the fund, then the other side; a loss of 300 on 10 BTC at 50."""
    venue = Lost(
        {"layer": "adl", "candidates": "profitable"},
        {"layer": "haircut"},
        {"layer": "fund"},
        DEFICIT,
    )
    venue.give(insurance="100")
    venue.trade("bob", "dan", "BTC", "2", "100.00")
    borne, closed = venue.falls("50.00")
    assert borne == {"adl": "300"}
    assert sum(size for _, size in closed) == 10000


def test_a_gain_that_was_cut_is_not_found_by_the_next_loss() -> None:
    """bob gains 250; two losses of 200 may cut that, and no more than that."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "eve", "bob", "dan")
    for name, cash in (("ada", "50"), ("eve", "50"), ("bob", "1000"), ("dan", "1000")):
        venue.deposit(name, cash)
    schedule = {
        "initial": {"op": "rate", "rate": "0.02"},
        "maintenance": {"op": "rate", "rate": "0.01"},
    }
    layers = [{"layer": "haircut"}, DEFICIT]
    venue.adopt(rulebook(ladder=[BELOW_ZERO], schedule=schedule, layers=layers))
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    venue.trade("eve", "dan", "BTC", "10", "100.00")
    venue.trade("dan", "insurance", "BTC", "10", "100.00")
    entries = venue.mark(BTC="75.00")
    cuts = [(cut["gain"], cut["paid"]) for cut in of_kind(entries, "haircut")]
    assert cuts == [(25000, 20000), (5000, 5000)]
    losses = [(loss["socialised"], loss["deficit"]) for loss in of_kind(entries, "loss")]
    assert losses == [("200", "0"), ("50", "150")]
    assert (venue.cash("bob"), venue.equity("bob")) == ("1000", "1000")


@pytest.mark.parametrize(
    ("first", "amount", "borne"),
    [
        ({"reserve": "10"}, "30", {"fund": "30", "deficit": "20"}),
        (
            {"markets": ["BTC"], "capacity": "cash", "period": {"seconds": 3600, "amount": "25"}},
            "25",
            {"fund": "25", "deficit": "25"},
        ),
    ],
)
def test_what_a_fund_pays_in_one_layer_it_has_no_more_in_the_next(
    first: dict[str, Any], amount: str, borne: dict[str, str]
) -> None:
    layer = {"layer": "fund", "account": "majors", "by": "paying"}
    venue = Lost({**layer, **first}, layer, DEFICIT)
    venue.give(majors=amount)
    assert venue.falls()[0] == borne
    assert venue.cash("majors") == "0"


def test_a_fund_may_be_drawn_down_by_a_share_in_a_period() -> None:
    """Three tenths of 100; the 30 that it bore count in the same hour, so then it bears nothing.

    An hour later it is three tenths of 70.
    """
    period = {"seconds": 3600, "share": "0.3"}
    venue = Lost({"layer": "fund", "account": "shared", "by": "paying", "period": period}, DEFICIT)
    venue.give(shared="100")
    assert venue.falls()[0] == {"fund": "30", "deficit": "20"}
    for after, borne in ((1, {"deficit": "50"}), (3600, {"fund": "21", "deficit": "29"})):
        venue("ClockTicked", after=after)
        venue.mark(BTC="100.00")
        venue.deposit("ada", "200")
        venue.trade("ada", "dan", "BTC", "10", "100.00")
        assert venue.falls()[0] == borne


def test_a_period_counts_what_its_fund_bore_in_other_layers() -> None:
    """30 a day stay 30, though another layer of the same fund has 10 a minute."""
    layer = {"layer": "fund", "account": "shared", "by": "paying"}
    minute = {**layer, "period": {"seconds": 60, "amount": "10"}}
    day = {**layer, "period": {"seconds": 86400, "amount": "30"}}
    venue = Lost(minute, day, DEFICIT)
    venue.give(shared="1000")
    assert venue.falls()[0] == {"fund": "30", "deficit": "20"}
    venue("ClockTicked", after=3600)
    venue.mark(BTC="100.00")
    venue.deposit("ada", "200")
    venue.trade("ada", "dan", "BTC", "10", "100.00")
    assert venue.falls()[0] == {"fund": "10", "deficit": "40"}
    restored = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    assert restored.digest() == venue.engine.digest()


def test_the_mark_before_is_that_of_this_event_alone() -> None:
    """Marks of 70 and 100 came before; whoever withdraws too much at 100 is closed at 100."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.deposit("bob", "10000")
    venue("FundContributed", fund="insurance", asset="USD", amount="1000")
    adl = {"action": "adl", "when": {"level": "maintenance"}}
    layers = [{"layer": "adl", "price": "previous_mark"}, {"layer": "fund"}, DEFICIT]
    venue.adopt(rulebook(ladder=[adl], schedule=SCHEDULE, layers=layers))
    venue.mark(BTC="70.00")
    venue.mark(BTC="100.00")
    venue.deposit("ada", "200")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    entries = venue("Withdrawn", account="ada", asset="USD", amount="160")
    assert [(c["layer"], c["amount"]) for c in of_kind(entries, "closed")] == [("adl", 100000)]
    assert (venue.cash("ada"), venue.cash("insurance")) == ("40", "1000")


def test_layers_that_pay_where_there_was_no_loss_are_stated() -> None:
    """At 85 ada has 50; deleveraged at a published 75 she lacks 50, and the fund pays them."""
    adl = {"action": "adl", "when": {"level": "maintenance", "factor": "2"}}
    roles = {"adl": {"op": "source", "source": "venue", "price": "oracle"}}
    fund = {"layer": "fund", "by": "paying"}
    venue = Lost(
        {"layer": "adl", "price": "adl"},
        fund,
        DEFICIT,
        ladder=[adl],
        prices={"BTC": {"roles": roles}},
    )
    venue.give(insurance="1000")
    venue("PriceObserved", market="BTC", role="oracle", price="75.00")
    (loss,) = of_kind(venue.mark(BTC="85.00"), "loss")
    assert (loss["loss"], loss["adl"], loss["fund"]) == ("-50", "-100", "50")
    assert (venue.cash("ada"), venue.cash("insurance")) == ("0", "950")


def test_taking_a_position_costs_a_fund_what_it_loses_on_its_own() -> None:
    """All its 250 in cash go to close its short from 50 at 75; nothing of them pays a loss."""
    venue = Lost({"layer": "fund", "by": "paying", "capacity": "cash"}, DEFICIT)
    venue.give(insurance="250")
    venue.mark(BTC="100.00")
    venue.trade("dan", "insurance", "BTC", "10", "50.00")
    assert venue.falls()[0] == {"deficit": "50"}
    assert (venue.cash("insurance"), venue.equity("insurance")) == ("0", "0")


def test_a_charge_on_every_unit_does_not_depend_on_the_assets_decimals() -> None:
    """2.5 a BTC, with 2 decimals, and with 18: more than the funding index has."""
    found = []
    for decimals in (2, 18):
        venue = Venue(decimals=decimals)
        venue.market("BTC", lot="1", size_decimals=0)
        venue.account("ada", "bob", "cyd")
        for name, cash in (("bob", "300"), ("cyd", "900"), ("ada", "200")):
            venue.deposit(name, cash)
        layers = [{"layer": "per_unit"}, DEFICIT]
        venue.adopt(rulebook(ladder=[BELOW_ZERO], schedule=SCHEDULE, layers=layers))
        venue.mark(BTC="100.00")
        venue.trade("ada", "bob", "BTC", "6", "100.00")
        venue.trade("ada", "cyd", "BTC", "4", "100.00")
        (charge,) = of_kind(venue.mark(BTC="75.00"), "per_unit")
        found.append((charge["each"], venue.equity("bob"), venue.equity("cyd")))
    assert found == [("2.5", "435", "990")] * 2


@pytest.mark.parametrize("owned", ["USD", "COIN"])
def test_what_a_fund_may_assume_counts_the_collateral_it_bought(owned: str) -> None:
    """300 of its own and 20 COIN at 10 for 200: as much as 300 and 200 in dollars."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("maker", "100000")
    venue("FundContributed", fund="insurance", asset="USD", amount="300")
    document = rulebook(
        ladder=[{"action": "takeover", "when": {"level": "maintenance"}}],
        schedule=SCHEDULE,
        layers=[{"layer": "fund", "notional": "1"}, DEFICIT],
        collateral={"some": {"assets": {"COIN": COIN}}},
    )
    document["bindings"][0]["collateral"] = "some"
    assert deviations(venue.adopt(document)) == []
    venue.mark(BTC="100.00", **{"COIN-USD": "10.00"})
    venue.deposit("ada", "200" if owned == "USD" else "20", owned)
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    closed = of_kind(venue.mark(BTC="75.00"), "closed")
    assert [(c["layer"], c["size"]) for c in closed] == [("fund", 4000), ("deficit", 6000)]


def test_a_small_estate_costs_a_fund_only_a_part_of_what_its_position_lost() -> None:
    """Short 200 from 50, the fund is 5,000 down at 75; taking 10 realises 250 of its 1,000."""
    venue = Lost({"layer": "fund", "by": "paying", "capacity": "cash"}, DEFICIT)
    venue.give(insurance="1000")
    venue.mark(BTC="100.00")
    venue.trade("dan", "insurance", "BTC", "200", "50.00")
    assert venue.falls()[0] == {"fund": "50"}
    assert venue.cash("insurance") == "700"
