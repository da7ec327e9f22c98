"""Scenarios: auctions as a rung: how each kind finds its price, partial takes, what is unsold."""

from datetime import timedelta
from typing import Any

import pytest

from clearing.engine import Engine, Entry
from clearing.rulebook import check_document
from tests.engine.venue import PERSON, TAKEOVER, Venue, deviations, of_kind, rulebook, transitions

SCHEDULE: dict[str, Any] = {
    "initial": {"op": "rate", "rate": "0.1"},
    "maintenance": {"op": "rate", "rate": "0.05"},
}
LINEAR = {"op": "linear", "start": "1.05", "end": "0.9", "duration_seconds": 150}
SEALED = {"op": "sealed", "duration_seconds": 60, "reserve": "0.95"}


def auction(method: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"action": "auction", "when": {"level": "maintenance"}, "method": method, **fields}


class House(Venue):
    """ada is long 10 BTC from 100 with 200 in cash, bob is short 10 with 250; dan and eve have
    plenty, and a vault is asked for nothing. The fund has 1,000.

    5 % maintenance: ada is below it at a mark of 84 (equity 40 of 42), bob at 120 (50 of 60).
    """

    def __init__(self, method: dict[str, Any], *after: dict[str, Any], **fields: Any) -> None:
        super().__init__()
        for name in ("BTC", "ETH"):
            self.market(name)
        self.account("ada", "bob", "dan", "eve", "maker", "poor")
        self.account("vault", account_class="vault")
        for name in ("dan", "eve", "maker", "vault"):
            self.deposit(name, "100000")
        self.deposit("poor", "10")
        self("FundContributed", fund="insurance", asset="USD", amount="1000")
        rules = {"schedule": SCHEDULE, **fields.pop("rules", {})}
        ladder = [auction(method, **fields), *(after or (TAKEOVER,))]
        self.document = rulebook(ladder=ladder, **rules)
        assert deviations(self.adopt(self.document)) == []
        self.deposit("ada", "200")
        self.deposit("bob", "250")
        self.mark(BTC="100.00", ETH="10.00")
        self.trade("ada", "bob", "BTC", "10", "100.00")

    def take(self, taker: str, size: str, account: str = "ada", **fields: Any) -> list[Entry]:
        fields = {"market": "BTC", **fields}
        return self("AuctionTaken", taker=taker, account=account, size=size, **fields)

    def bid(self, bidder: str, size: str, price: str, account: str = "ada") -> list[Entry]:
        fields = {"account": account, "market": "BTC", "size": size, "price": price}
        return self("AuctionBid", bidder=bidder, **fields)

    def tick(self, seconds: int) -> list[Entry]:
        return self("ClockTicked", after=seconds)

    def price_after(self, seconds: int, account: str = "ada") -> str:
        """What the vault is asked for the least lot, so long after the last clock."""
        (take,) = said(self.take("vault", "0.001", account, after=seconds), "taken")
        return f"{int(take['price']) / 100:.2f}"


def said(entries: list[Entry], outcome: str = "") -> list[dict[str, str | int]]:
    """What auctions say, of one outcome or any."""
    return [a for a in of_kind(entries, "auction") if outcome in ("", a["outcome"])]


def outcomes(entries: list[Entry]) -> list[tuple[str, int]]:
    """Outcome and size (in thousandths) of what auctions say."""
    return [(str(a["outcome"]), int(a["size"])) for a in said(entries)]


def closed(entries: list[Entry]) -> list[tuple[str, int, str]]:
    """Layer, size and amount of each part closed."""
    parts = of_kind(entries, "closed")
    return [(str(c["layer"]), int(c["size"]), f"{int(c['amount']) / 100:.2f}") for c in parts]


def test_a_linear_auction_declines_evenly_until_somebody_takes() -> None:
    """The mark at the opening is 84: from 88.20 (1.05) a step of 0.084 a second to 75.60 (0.9).

    At 50 seconds it is at the mark: dan pays what his part is worth, so ada's equity stays 40. That
    is enough for the 6 she keeps, so the auction ends.
    """
    venue = House(LINEAR)
    entries = venue.mark(BTC="84.00")
    ada = venue.ordinal("ada")
    assert transitions(entries) == [(ada, "healthy", "liquidation")]
    (opened,) = said(entries)
    assert (opened["outcome"], opened["size"], opened["price"]) == ("opened", 10_000, 88_20)
    assert closed(entries) == [], "the takeover after it waits"
    entries = venue.take("dan", "4", after=50)
    assert outcomes(entries) == [("taken", 4_000), ("cancelled", 0)]
    assert closed(entries) == [("auction", 4_000, "336.00")]
    assert (venue.size("ada", "BTC"), venue.size("dan", "BTC")) == ("6", "4")
    assert venue.equity("ada") == "40"
    assert transitions(entries)[0] == (ada, "liquidation", "restricted"), "25.20 are needed"


def test_prices_of_a_linear_auction_second_by_second_and_at_the_end() -> None:
    venue = House(LINEAR, ends_when_restored=False)
    venue.mark(BTC="84.00")
    assert venue.price_after(1) == "88.12", "88.116, rounded up: in favour of the account"
    assert venue.price_after(74) == "81.90", "75 seconds are half of the way"
    assert venue.price_after(74) == "75.69", "the last second"
    assert deviations(venue.take("vault", "0.001")) == ["no_auction"], "its time is over"


def test_a_stair_auction_steps_down_and_stops_at_its_end() -> None:
    """1.1, then 0.1 less every 30 seconds, to 0.85 at the least."""
    stair = {"op": "stair", "start": "1.1", "end": "0.85", "step": "0.1", "step_seconds": 30}
    venue = House(stair | {"duration_seconds": 600}, ends_when_restored=False)
    venue.mark(BTC="80.00")
    assert venue.price_after(29) == "88.00"
    assert venue.price_after(1) == "80.00"
    assert venue.price_after(59) == "72.00"
    assert venue.price_after(1) == "68.00", "not 64: 0.85 of 80 is where it ends"
    assert venue.price_after(500) == "68.00"


def test_an_exponential_auction_is_cut_by_a_share_of_itself() -> None:
    """1.2, of which 99 % are left every 90 seconds: as in Maker's first auctions."""
    cut = {"op": "exponential", "start": "1.2", "end": "0.5", "cut": "0.99", "step_seconds": 90}
    venue = House(cut | {"duration_seconds": 7200}, ends_when_restored=False)
    venue.mark(BTC="80.00")
    assert venue.price_after(89) == "96.00"
    assert venue.price_after(1) == "95.04"
    assert venue.price_after(90) == "94.09", "96 × 0.9801 is 94.0896"
    assert venue.price_after(20 * 90 - 180) == "78.52", "96 × 0.99 to the 20th is 78.517..."
    assert venue.price_after(5000) == "45.18", "6,800 seconds are 75 steps: 96 × 0.470587..."


def test_sealed_bids_are_awarded_best_first_and_each_pays_its_own_price() -> None:
    """The reserve is 79.80 (0.95 of 84). eve is first of the two at 83; the last one gets the rest.

    ada has 200 and loses 170 on 3 at 84.50, 4 at 83.00 and 3 of the 5 at 83.00.
    """
    venue = House(SEALED)
    (opened,) = said(venue.mark(BTC="84.00"))
    assert opened["price"] == 79_80
    for bidder, size, price in (
        ("eve", "4", "83.00"),
        ("dan", "5", "83.00"),
        ("vault", "3", "84.50"),
        ("dan", "9", "79.79"),
    ):
        assert [a["outcome"] for a in said(venue.bid(bidder, size, price))] == ["bid"]
    assert venue.size("ada", "BTC") == "10", "nothing happens before the end"
    entries = venue.tick(56)
    awarded = [(a["taker"], a["size"], a["price"]) for a in said(entries, "awarded")]
    vault, eve, dan = (venue.ordinal(name) for name in ("vault", "eve", "dan"))
    assert awarded == [(vault, 3_000, 84_50), (eve, 4_000, 83_00), (dan, 3_000, 83_00)]
    assert outcomes(entries)[-1] == ("over", 0)
    assert venue.cash("ada") == "34.5"
    assert venue.status("ada") == "flat"


def test_in_a_uniform_auction_all_pay_what_the_last_bid_awarded_says() -> None:
    venue = House(SEALED | {"pays": "uniform"})
    venue.mark(BTC="84.00")
    for bidder, size, price in (("eve", "4", "84.00"), ("dan", "8", "82.00"), ("vault", "1", "80")):
        venue.bid(bidder, size, price)
    entries = venue.tick(57)
    assert [(a["size"], a["price"]) for a in said(entries, "awarded")] == [
        (4_000, 82_00),
        (6_000, 82_00),
    ]
    assert venue.cash("ada") == "20"


def test_a_short_position_is_bought_back_and_the_price_is_mirrored() -> None:
    """From 114 (2 − 1.05 of 120), which a taker would not want, up to 132; at the mark after 50."""
    venue = House(LINEAR)
    (opened,) = said(venue.mark(BTC="120.00"))
    assert (opened["size"], opened["price"]) == (-10_000, 114_00)
    assert deviations(venue.take("dan", "4", "bob", after=24, limit="118.00")) == ["auction_price"]
    entries = venue.take("dan", "4", "bob", after=26, limit="120.00")
    assert closed(entries) == [("auction", -4_000, "-480.00")]
    assert (venue.size("bob", "BTC"), venue.size("dan", "BTC")) == ("-6", "-4")


def test_bids_for_a_short_position_win_by_the_lowest_price() -> None:
    """What they are paid for it; the reserve is 126, 1.05 of 120."""
    venue = House(SEALED)
    venue.mark(BTC="120.00")
    for bidder, size, price in (("eve", "8", "125"), ("dan", "4", "121"), ("vault", "9", "126.01")):
        venue.bid(bidder, size, price, "bob")
    entries = venue.tick(57)
    assert [(a["size"], a["price"]) for a in said(entries, "awarded")] == [
        (-4_000, 121_00),
        (-6_000, 125_00),
    ]
    assert venue.cash("bob") == "16"


def test_what_is_unsold_goes_down_the_ladder_at_once_and_is_not_put_up_again() -> None:
    """At 81 ada has 10 of 40.50. dan takes 1 at the mark, which is not enough; nobody else does.

    The fund takes over the other 9 at the tick that ends the auction.
    """
    venue = House(LINEAR)
    venue.mark(BTC="81.00")
    assert outcomes(venue.take("dan", "1", after=50)) == [("taken", 1_000)]
    assert venue.tick(99) == [], "one second before its end"
    entries = venue.tick(1)
    assert outcomes(entries) == [("over", 9_000)]
    assert [part[:2] for part in closed(entries)] == [("fund", 9_000)]
    assert (venue.size("ada", "BTC"), venue.size("insurance", "BTC")) == ("0", "9")


def test_what_was_over_in_this_stay_is_not_put_up_again_while_later_rungs_do_not_act() -> None:
    """The takeover is for less than nothing; the next auction opens in the next stay."""
    venue = House(LINEAR, {**TAKEOVER, "when": {"level": "zero"}})
    venue.mark(BTC="81.00")
    assert outcomes(venue.tick(150)) == [("over", 10_000)]
    assert outcomes(venue.mark(BTC="80.50")) == []
    assert venue.status("ada") == "liquidation"
    assert outcomes(venue.mark(BTC="81.50")) == []
    venue.mark(BTC="90.00")
    assert outcomes(venue.mark(BTC="81.00")) == [("opened", 10_000)]


def test_a_rung_before_the_auction_may_act_while_it_is_open() -> None:
    """ada is at nothing at 80, which is the urgent rung's: the auction has nothing left to sell."""
    urgent = {**TAKEOVER, "when": {"level": "zero", "comparator": "<="}}
    venue = House(LINEAR)
    document = rulebook(ladder=[urgent, auction(LINEAR), TAKEOVER], schedule=SCHEDULE)
    venue.adopt(document)
    assert outcomes(venue.mark(BTC="84.00")) == [("opened", 10_000)]
    entries = venue.mark(BTC="79.00")
    assert closed(entries)[0][:2] == ("fund", 10_000)
    assert outcomes(entries) == [("cancelled", 0)]


def test_an_auction_ends_when_the_account_is_restored_and_opens_anew_at_the_next_fall() -> None:
    venue = House(LINEAR)
    venue.mark(BTC="84.00")
    entries = venue.mark(BTC="90.00")
    assert outcomes(entries) == [("cancelled", 0)]
    assert deviations(venue.take("dan", "1")) == ["no_auction"]
    (opened,) = said(venue.mark(BTC="83.00"))
    assert (opened["outcome"], opened["price"]) == ("opened", 87_15)


def test_an_auction_that_is_not_to_end_runs_on_and_sells_what_need_not_be_sold() -> None:
    """100 seconds after a start at 84 the price is 79.80, though the mark is at 95 by then.

    ada's 200 do not cover the loss of 202: what it fetched below bankruptcy is the account's.
    """
    venue = House(LINEAR, ends_when_restored=False)
    venue.mark(BTC="84.00")
    assert outcomes(venue.mark(BTC="95.00")) == []
    assert venue.status("ada") == "healthy"
    entries = venue.take("dan", "10", after=99)
    assert outcomes(entries) == [("taken", 10_000), ("over", 0)]
    assert venue.cash("ada") == "-2"
    assert deviations(entries) == ["negative_balance"]


def test_the_waterfall_makes_up_for_what_is_fetched_below_bankruptcy() -> None:
    """The same with shortfall waterfall. At 95 the 10 would have to fetch 800, and fetch 798."""
    layers = [{"layer": "fund", "by": "paying"}, {"layer": "adl"}, {"layer": "deficit"}]
    rules = {"layers": layers}
    venue = House(LINEAR, ends_when_restored=False, shortfall="waterfall", rules=rules)
    venue.mark(BTC="84.00")
    venue.mark(BTC="95.00")
    entries = venue.take("dan", "10", after=99)
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"]) == ("2", "2")
    assert (venue.cash("ada"), venue.cash("insurance")) == ("0", "998")
    assert deviations(entries) == []


def test_with_a_floor_of_bankruptcy_a_taker_pays_that_at_least() -> None:
    """At 81 ada has 10: the 10 have to fetch 800, or 80 each; the price alone would be 75.60."""
    venue = House(LINEAR, floor="bankruptcy")
    venue.mark(BTC="81.00")
    assert deviations(venue.take("dan", "2", limit="79.99", after=100)) == ["auction_price"]
    entries = venue.take("dan", "10", limit="80.00")
    assert closed(entries) == [("auction", 10_000, "800.00")]
    assert (venue.cash("ada"), deviations(entries)) == ("0", [])


@pytest.mark.parametrize(
    ("pays", "fetched"), [("own", ["242.70", "320.80"]), ("uniform", ["240.60", "320.80"])]
)
def test_bids_that_fetch_less_than_bankruptcy_together_do_not_win(
    pays: str, fetched: list[str]
) -> None:
    """At 81 ada has 10, 1 for each BTC: 3 at 80.90 and 4 at 80.20 fetch more than 560. With 3 at 78
    it would be 797.50 for all 10, or 780 if all paid 78: less than 800. The fund gets these 3.
    """
    venue = House(SEALED | {"pays": pays}, floor="bankruptcy")
    venue.mark(BTC="81.00")
    for bidder, size, price in (("eve", "3", "80.90"), ("dan", "4", "80.20"), ("vault", "3", "78")):
        venue.bid(bidder, size, price)
    entries = venue.tick(57)
    assert [part[2] for part in closed(entries) if part[0] == "auction"] == fetched
    assert ("over", 3_000) in outcomes(entries)


def test_a_penalty_is_charged_on_what_is_taken() -> None:
    """1 % of 324 for 4 at the mark of 81; only what was fetched beyond bankruptcy (4) limits it."""
    recipients = [{"account": "insurance", "share": "0.5"}, {"account": "vault", "share": "0.5"}]
    penalty = {"rate": "0.01", "limit": "surplus", "recipients": recipients}
    venue = House(LINEAR, penalty=penalty)
    venue.mark(BTC="81.00")
    venue.take("dan", "4", after=50)
    assert venue.equity("ada") == "6.76"
    assert (venue.cash("insurance"), venue.cash("vault")) == ("1001.62", "100001.62")


def test_a_take_beyond_what_is_left_takes_what_is_left() -> None:
    venue = House(LINEAR)
    venue.mark(BTC="84.00")
    entries = venue.take("dan", "12", after=10)
    assert deviations(entries) == ["beyond_auction"]
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["expected"], deviation["found"]) == ("10", "12")
    assert (venue.size("ada", "BTC"), venue.size("dan", "BTC")) == ("0", "10")
    assert outcomes(entries) == [("taken", 10_000), ("over", 0)]
    assert deviations(venue.take("dan", "1")) == ["no_auction"]


@pytest.mark.parametrize(
    ("taker", "account", "code"),
    [
        ("dan", "bob", "no_auction"),
        ("ada", "ada", "own_auction"),
        ("dan", "nobody", "unknown_account"),
        ("nobody", "ada", "unknown_account"),
        ("poor", "ada", "beyond_margin"),
        ("isolated", "ada", "outside_scope"),
        ("unscheduled", "ada", "no_schedule"),
    ],
)
def test_takes_that_move_nothing(taker: str, account: str, code: str) -> None:
    """poor has 10, of which 10 % of a BTC at 84 or more is too much to ask with the price above."""
    venue = House(LINEAR)
    venue("AccountOpened", account="isolated", account_class="trader", isolates=["ETH"])
    venue("AccountOpened", account="unscheduled", account_class="other")
    for name in ("isolated", "unscheduled"):
        venue.deposit(name, "1000")
    other = {
        **venue.document["bindings"][0],
        "account_class": "other",
        "markets": {"ETH": "majors"},
    }
    venue.document["bindings"].append(other)
    venue.adopt(venue.document)
    venue.mark(BTC="84.00")
    entries = venue.take(taker, "1", account)
    assert [e[0] for e in entries] == ["deviation"]
    assert deviations(entries) == [code]
    assert venue.size("ada", "BTC") == "10"
    assert outcomes(venue.mark(BTC="83.00")) == [], "the auction goes on"


def test_bids_that_are_not_kept() -> None:
    venue = House(SEALED)
    assert deviations(venue.bid("dan", "1", "84")) == ["no_auction"]
    venue.mark(BTC="84.00")
    assert deviations(venue.bid("ada", "1", "84")) == ["own_auction"]
    assert deviations(venue.take("dan", "1")) == ["no_auction"], "it is not a price to be taken"
    late = venue(
        "AuctionBid", bidder="dan", account="ada", market="BTC", size="1", price="84", after=58
    )
    assert deviations(late) == ["no_auction"], "by its own time the bidding is over"
    assert outcomes(venue.tick(0)) == [("over", 10_000)]


def test_a_bid_is_no_take_and_a_dutch_auction_knows_no_bids() -> None:
    venue = House(LINEAR)
    venue.mark(BTC="84.00")
    assert deviations(venue.bid("dan", "1", "84")) == ["no_auction"]


def test_a_bidder_that_cannot_bear_what_it_wins_is_left_out() -> None:
    """poor has 10 for a requirement of 10 % of 10 at 84; what it bid for goes to the next."""
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    venue.bid("poor", "10", "84.00")
    venue.bid("dan", "10", "83.00")
    entries = venue.tick(58)
    assert [a["taker"] for a in said(entries, "awarded")] == [venue.ordinal("dan")]
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["expected"], deviation["found"]) == (
        "beyond_margin",
        "84",
        "10",
    )


def test_two_bids_of_one_bidder_are_borne_together() -> None:
    """poor could bear 1 at 84 (8.40 of 10), not 2."""
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    venue.bid("poor", "1", "84.00")
    venue.bid("poor", "1", "84.00")
    entries = venue.tick(58)
    assert [a["size"] for a in said(entries, "awarded")] == [1_000]
    assert deviations(entries) == ["beyond_margin"]


def test_a_price_falls_by_the_takes_own_time_where_that_is_later_than_the_clock() -> None:
    """A late take has the price of the clock, not an earlier one of its own."""
    venue = House(LINEAR)
    venue.mark(BTC="81.00")
    opened = venue.now
    (take,) = said(venue.take("vault", "0.001", after=100), "taken")
    assert take["price"] == 76_95
    (take,) = said(venue.take("vault", "0.001", at=opened - timedelta(seconds=60)), "taken")
    assert take["price"] == 85_05


def test_every_position_is_put_up_by_itself_and_rungs_wait_for_all_of_them() -> None:
    venue = House(LINEAR)
    venue.trade("ada", "maker", "ETH", "10", "10.00")
    entries = venue.mark(BTC="82.00", ETH="9.90")
    assert [(a["market"], a["size"]) for a in said(entries, "opened")] == [(1, 10_000), (2, 10_000)]
    venue.mark(BTC="81.50")
    entries = venue.take("dan", "10", market="ETH", after=10)
    assert outcomes(entries) == [("taken", 10_000), ("over", 0)]
    assert closed(venue.mark(BTC="81.00")) == [], "BTC's auction is open"
    entries = venue.tick(150)
    assert [part[:2] for part in closed(entries)] == [("fund", 10_000)]


@pytest.mark.parametrize("state", ["halted", "liquidations_paused"])
def test_where_nothing_may_close_an_auction_ends_and_opens_anew_at_the_next_price(
    state: str,
) -> None:
    """Bids are void. The new auction starts at 0.95 of 83, the mark when the market opens again."""
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    venue.bid("dan", "10", "84.00")
    entries = venue("MarketStateChanged", market="BTC", state=state, **PERSON)
    assert outcomes(entries) == [("cancelled", 0)]
    assert [w["action"] for w in of_kind(entries, "withheld")] == ["auction"]
    assert deviations(venue.bid("dan", "10", "84.00")) == ["no_auction"]
    assert outcomes(venue.mark(BTC="83.00")) == []
    entries = venue("MarketStateChanged", market="BTC", state="normal", **PERSON)
    (opened,) = said(entries)
    assert (opened["outcome"], opened["price"]) == ("opened", 78_85)
    assert outcomes(venue.tick(58)) == [], "60 seconds after the clock at the opening, not before"
    assert outcomes(venue.tick(1)) == [("over", 10_000)]


def test_an_auction_ends_when_its_position_does() -> None:
    venue = House(LINEAR)
    venue.mark(BTC="81.00")
    assert outcomes(venue.trade("maker", "ada", "BTC", "4", "81.00")) == []
    entries = venue.take("dan", "10", after=50)
    assert outcomes(entries) == [("taken", 6_000), ("over", 0)], "what there is of it"
    venue = House(LINEAR)
    venue.mark(BTC="81.00")
    assert outcomes(venue.trade("maker", "ada", "BTC", "10", "81.00")) == [("cancelled", 0)]


def test_a_position_that_was_turned_over_is_put_up_on_its_other_side() -> None:
    venue = House(LINEAR)
    venue.mark(BTC="80.10")
    entries = venue.trade("maker", "ada", "BTC", "15", "80.00")
    assert outcomes(entries) == [("cancelled", 0), ("opened", -5_000)]


def test_another_ladder_or_mode_ends_auctions_and_the_same_one_goes_on_with_them() -> None:
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    venue.bid("dan", "10", "84.00")
    assert outcomes(venue.adopt(venue.document | {"numerics": {"funding": "up"}})) == []
    assert len(said(venue.tick(58), "awarded")) == 1
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    other = rulebook(ladder=[auction(LINEAR), TAKEOVER], schedule=SCHEDULE)
    entries = venue.adopt(other)
    assert outcomes(entries) == [("cancelled", 0), ("opened", 10_000)]
    assert outcomes(venue.adopt(other | {"mode": "record"})) == [("cancelled", 0)]
    assert deviations(venue.take("dan", "1")) == ["no_auction"]


def test_an_inverse_position_is_sold_at_a_price_too() -> None:
    """ada is long 10 contracts of 1,000 from 100: a value of -105.26 at 95, where it falls short.

    At 85.50, 0.9 of 95, one of them is worth -11.6959: the taker gets 11.69 for assuming it.
    """
    venue = Venue()
    venue.market("INV", payoff="inverse", multiplier="1000", lot="1", size_decimals=0)
    venue.account("ada", "maker", "dan")
    for name, cash in (("ada", "10"), ("maker", "100000"), ("dan", "1000")):
        venue.deposit(name, cash)
    stair = {"op": "stair", "start": "1", "end": "0.9", "step": "0.1", "step_seconds": 10}
    ladder = [auction(stair | {"duration_seconds": 60}), TAKEOVER]
    venue.adopt(rulebook(ladder=ladder, schedule=SCHEDULE))
    venue.mark(INV="100.00")
    venue.trade("ada", "maker", "INV", "10", "100.00")
    venue.mark(INV="95.00")
    take = {"taker": "dan", "account": "ada", "market": "INV", "size": "1", "after": 10}
    assert deviations(venue("AuctionTaken", limit="85.49", **take)) == ["auction_price"]
    entries = venue("AuctionTaken", limit="85.50", **take | {"after": 0})
    assert closed(entries) == [("auction", 1, "-11.69")]


def test_a_book_restored_in_the_middle_of_auctions_goes_on_with_them() -> None:
    """An auction with bids, and one that is over with something unsold."""
    unsold = House(LINEAR, {**TAKEOVER, "when": {"level": "zero"}})
    unsold.mark(BTC="81.00")
    unsold.tick(200)
    sealed = House(SEALED)
    sealed.mark(BTC="84.00")
    sealed.bid("dan", "4", "84.00")
    for venue in (unsold, sealed):
        before = venue.engine.digest()
        venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
        assert venue.engine.digest() == before
    assert outcomes(unsold.mark(BTC="80.90")) == []
    assert outcomes(sealed.tick(59)) == [("awarded", 4_000), ("over", 6_000)]


def test_auctions_end_in_the_order_of_their_own_times_whatever_timers_are_left() -> None:
    """bob's first auction is cancelled, and the timer of its end stays; a book restored has none.

    ada's auction opens before bob's second ones, so it ends first at a clock that is late for all.
    """
    venue = House(LINEAR)
    assert outcomes(venue.mark(BTC="120.00")) == [("opened", -10_000)]
    assert outcomes(venue.mark(BTC="100.00")) == [("cancelled", 0)]
    assert outcomes(venue.mark(BTC="84.00")) == [("opened", 10_000)]
    venue.trade("bob", "maker", "ETH", "100", "10.00")
    assert len(said(venue.mark(ETH="6.00"), "opened")) == 2
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    ended = [int(a["account"]) for a in said(venue.tick(1000), "over")]
    assert ended == [venue.ordinal("ada"), venue.ordinal("bob"), venue.ordinal("bob")]


def test_an_auction_of_another_rung_may_follow() -> None:
    """First a Dutch auction, then bids for what it left, then the fund."""
    venue = House(LINEAR, auction(SEALED), TAKEOVER)
    venue.mark(BTC="81.00")
    entries = venue.tick(150)
    assert outcomes(entries) == [("over", 10_000), ("opened", 10_000)]
    assert closed(entries) == []
    venue.bid("dan", "4", "80.00")
    entries = venue.tick(60)
    assert outcomes(entries) == [("awarded", 4_000), ("over", 6_000)]
    assert [part[:2] for part in closed(entries)] == [("auction", 4_000), ("fund", 6_000)]


@pytest.mark.parametrize(
    ("method", "fields", "problem"),
    [
        (LINEAR | {"end": "1.06"}, {}, "end: 1.06 is above start"),
        (LINEAR | {"start": "2"}, {}, "must be at least 0 and below 2"),
        (LINEAR | {"duration_seconds": 0}, {}, "must be at least 1"),
        (
            {"op": "stair", "step": "0.1", "step_seconds": 150, **LINEAR} | {"op": "stair"},
            {},
            "the price would never move",
        ),
        (LINEAR, {"floor": "bankruptcy", "shortfall": "waterfall"}, "nothing falls short"),
        ({"op": "english"}, {}, "linear"),
    ],
)
def test_rungs_that_are_refused(
    method: dict[str, Any], fields: dict[str, Any], problem: str
) -> None:
    document = rulebook(ladder=[auction(method, **fields), TAKEOVER], schedule=SCHEDULE)
    _, problems = check_document(document)
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_ladder_does_not_end_with_an_auction() -> None:
    _, problems = check_document(rulebook(ladder=[auction(LINEAR)], schedule=SCHEDULE))
    assert "must end its closing rungs with takeover or adl" in problems[0]
