"""Scenarios: each action of a ladder, when it acts, how much it closes and at which price."""

from decimal import Decimal
from typing import Any

import pytest

from clearing.engine import Engine, Entry
from clearing.rulebook import check_document
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook, transitions

SCHEDULE: dict[str, Any] = {
    "initial": {"op": "rate", "rate": "0.1"},
    "maintenance": {"op": "rate", "rate": "0.05"},
}
BELOW_ZERO = {**TAKEOVER, "when": {"level": "zero"}}
HALF = {"op": "share", "share": "0.5"}
TIERS = [("0", "0.01"), ("1000", "0.02"), ("2000", "0.05"), ("4000", "0.1")]


def reduce(quantity: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"action": "reduce", "when": {"level": "maintenance"}, "quantity": quantity, **fields}


class Laddered(Venue):
    """ada is long 10 BTC from 100 with 200 in cash; a maker is short; the fund has 1,000.

    5 % maintenance: below it at a mark of 84.21 and less; nothing is left at 80.
    """

    def __init__(self, *ladder: dict[str, Any], lot: str = "0.001", **rules: Any) -> None:
        super().__init__(decimals=rules.pop("decimals", 2))
        for name in ("BTC", "ETH"):
            self.market(name, lot=lot)
        self.account("ada", "maker", "keeper")
        self.account("backstop", account_class="vault")
        self.deposit("maker", "1000000")
        self.deposit("keeper", "100000")
        self("FundContributed", fund="insurance", asset="USD", amount="1000")
        rules.setdefault("schedule", SCHEDULE)
        assert deviations(self.adopt(rulebook(ladder=ladder, **rules))) == []
        self.deposit("ada", "200")
        self.mark(BTC="100.00", ETH="10.00")
        self.trade("ada", "maker", "BTC", "10", "100.00")

    def closes(self, mark: str) -> list[tuple[str, int, str]]:
        """The layer, size (in thousandths) and amount of each part that a mark closes."""
        closed = of_kind(self.mark(BTC=mark), "closed")
        units = [f"{int(c['amount']) / 100:.2f}" for c in closed]
        return [(str(c["layer"]), int(c["size"]), a) for c, a in zip(closed, units, strict=True)]


def test_a_notice_is_given_once_each_time_its_condition_begins_to_hold() -> None:
    venue = Laddered({"action": "notify", "when": {"level": "initial"}}, BELOW_ZERO)
    (notice,) = of_kind(venue.mark(BTC="88.00"), "notice")
    assert (notice["equity"], notice["comparator"], notice["threshold"]) == ("80", "<", "88")
    assert of_kind(venue.mark(BTC="87.00"), "notice") == []
    assert of_kind(venue.mark(BTC="95.00"), "notice") == []
    assert len(of_kind(venue.mark(BTC="87.00"), "notice")) == 1
    assert venue.size("ada", "BTC") == "10"


def test_a_notice_is_given_in_every_mode_and_a_cancellation_in_derive_mode_only() -> None:
    cancel = {"action": "cancel_orders", "when": {"level": "initial"}}
    notify = {"action": "notify", "when": {"level": "initial"}}
    venue = Laddered(notify, cancel, BELOW_ZERO, mode="record")
    venue("OrdersObserved", account="ada", market="ETH", buy_size="5", sell_size="0")
    entries = venue.mark(BTC="88.00")
    assert len(of_kind(entries, "notice")) == 1
    assert of_kind(entries, "orders") == []


def test_open_orders_are_cancelled_before_anything_is_closed() -> None:
    """With orders for 20, 30 BTC ask 132 at 88; without them 80 covers the 44 of 10 BTC."""
    orders = {"op": "with_orders", "of": {"op": "rate", "rate": "0.05"}}
    schedule = {"initial": {"op": "sum", "of": [orders, orders]}, "maintenance": orders}
    cancel = {"action": "cancel_orders", "when": {"level": "maintenance"}}
    venue = Laddered(cancel, TAKEOVER, schedule=schedule)
    venue("OrdersObserved", account="ada", market="BTC", buy_size="20", sell_size="0")
    entries = venue.mark(BTC="88.00")
    assert [e["action"] for e in of_kind(entries, "liquidation")] == ["cancel_orders"]
    assert of_kind(entries, "orders") == [{"account": 2, "market": 1, "buys": 0, "sells": 0}]
    assert venue.size("ada", "BTC") == "10"
    assert venue.asked("ada", "maintenance") == "44"


def test_a_condition_that_has_to_hold_for_some_time() -> None:
    """30 seconds below maintenance; being above it in between begins anew."""
    slow = {**TAKEOVER, "when": {"level": "maintenance", "grace_seconds": 30}}
    venue = Laddered(slow)
    ada = venue.ordinal("ada")
    assert transitions(venue.mark(BTC="84.00")) == [(ada, "healthy", "restricted")]
    venue("Marked", after=20, marks=[{"market": "BTC", "price": "95.00"}])
    assert of_kind(venue.mark(BTC="84.00"), "liquidation") == []
    assert of_kind(venue("ClockTicked", after=29), "liquidation") == []
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    entries = venue("ClockTicked", after=1)
    assert [e["action"] for e in of_kind(entries, "liquidation")] == ["takeover"]


def test_a_condition_that_goes_on_until_more_is_there_than_it_began_with() -> None:
    """Entered below 5 %, left at 8 %: a tenth is closed again and again until equity is there."""
    until = {"level": "maintenance", "factor": "1.6"}
    rung = reduce({"op": "share", "share": "0.1"}, pause_seconds=10)
    rung["when"] = {"level": "maintenance", "until": until}
    venue = Laddered(rung, BELOW_ZERO)
    assert venue.closes("84.00") == [("reduce", 1000, "84.00")]
    equity, _, maintenance = venue.margin("ada")
    assert (equity, maintenance) == ("40", "37.8"), "above maintenance, and goes on"
    assert venue.status("ada") == "liquidation"
    sizes = []
    while venue.status("ada") == "liquidation":
        venue("ClockTicked", after=10)
        sizes.append(venue.size("ada", "BTC"))
    assert sizes[-1] == "5.904", "40 covers 8 % of 5.904 × 84, not of 6.56 × 84"
    assert of_kind(venue("ClockTicked", after=60), "closed") == []


def test_a_pause_between_steps() -> None:
    """A fifth of a large position first; thirty seconds later everything."""
    fifth = reduce({"op": "share", "share": "0.2"}, pause_seconds=30)
    venue = Laddered(fifth, BELOW_ZERO)
    assert venue.closes("82.00") == [("reduce", 2000, "164.00")]
    assert venue.closes("81.90") == [], "20 seconds remain"
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    entries = venue("ClockTicked", after=30)
    assert [c["size"] for c in of_kind(entries, "closed")] == [1600]


@pytest.mark.parametrize(
    ("quantity", "mark", "closed"),
    [
        (HALF, "84.00", 5000),
        ({"op": "all"}, "84.00", 10000),
        # 40 at 84 covers 5 % of 9.523 BTC; 0.477 have to go.
        ({"op": "restore"}, "84.00", 477),
        # Twice 5 % asks for 4.761.
        ({"op": "restore", "factor": "2"}, "84.00", 5239),
        ({"op": "restore", "level": "initial"}, "84.00", 5239),
    ],
)
def test_how_much_is_closed(quantity: dict[str, Any], mark: str, closed: int) -> None:
    venue = Laddered(reduce(quantity), BELOW_ZERO, decimals=6)
    _, size, _ = venue.closes(mark)[0]
    assert size == closed


def test_a_restored_level_counts_what_the_close_itself_costs() -> None:
    """At 2 % below the mark and with 1 % penalty, more has to go than at the mark."""
    costs = {"rate": "0.01", "recipients": [{"account": "insurance", "share": "1"}]}
    rung = reduce({"op": "restore"}, price={"op": "mark", "spread": "0.02"}, penalty=costs)
    venue = Laddered(rung, BELOW_ZERO, decimals=6)
    # 40 − 3 % × 84 q ≥ 5 % × 84 × (10 − q), so q ≥ 2 / (4.2 − 2.52) = 1.1905
    ((_, size, _),) = venue.closes("84.00")
    assert size == 1191
    equity, _, maintenance = venue.margin("ada")
    assert float(equity) >= float(maintenance)


def test_half_of_the_notional_of_all_positions() -> None:
    """10 BTC at 84 and 20 ETH at 10 are 1,040; half of that is 6.191 of BTC."""
    rung = reduce({"op": "share", "share": "0.5", "of": "scope"}, pause_seconds=60)
    venue = Laddered(rung, BELOW_ZERO)
    venue.trade("ada", "maker", "ETH", "20", "10.00")
    assert [size for _, size, _ in venue.closes("84.00")] == [6191]


def test_two_tiers_down() -> None:
    """2,430 lies in the third tier, from 2,000 on; below 1,000 is two lower: 12.34 are left."""
    rows = [{"floor": floor, "rate": rate} for floor, rate in TIERS]
    maintenance = {"op": "tiers", "tiers": rows}
    initial = {"op": "ratio", "level": "maintenance", "factor": "2"}
    down = reduce({"op": "tiers_down", "down": 2}, pause_seconds=60)
    venue = Laddered(
        down, BELOW_ZERO, lot="0.01", schedule={"initial": initial, "maintenance": maintenance}
    )
    venue.deposit("ada", "400")
    venue.trade("ada", "maker", "BTC", "20", "100.00")
    assert venue.closes("81.00") == [("reduce", 17660, "1430.46")]
    assert venue.size("ada", "BTC") == "12.34", "999.54 at 81"


def test_the_lowest_tiers_close_everything() -> None:
    """1,640 lies in the second tier: there are no two below it."""
    rows = [{"floor": floor, "rate": rate} for floor, rate in TIERS]
    maintenance = {"op": "tiers", "tiers": rows}
    initial = {"op": "ratio", "level": "maintenance", "factor": "2"}
    schedule = {"initial": initial, "maintenance": maintenance}
    venue = Laddered(reduce({"op": "tiers_down", "down": 2}), BELOW_ZERO, schedule=schedule)
    venue.deposit("ada", "180")
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    assert venue.closes("82.00") == [("reduce", 20000, "1640.00")]


def test_limits_of_one_step() -> None:
    """At most 15 % and 200 of notional, at least 100: in lots of 0.1."""
    most = {"share": "0.15", "notional": "200"}
    venue = Laddered(reduce({"op": "all"}, at_most=most, pause_seconds=60), BELOW_ZERO, lot="0.1")
    assert venue.closes("84.00") == [("reduce", 1500, "126.00")]
    venue = Laddered(
        reduce({"op": "share", "share": "0.001"}, at_least={"notional": "100"}, pause_seconds=60),
        BELOW_ZERO,
        lot="0.1",
    )
    assert venue.closes("84.00") == [("reduce", 1200, "100.80")]


def test_a_fillable_price_falls_as_equity_does() -> None:
    """40 of 42: a twenty-first of the way; 1.5 × 42 of the whole position's value at the end of it.

    1 BTC of 10 goes for 84 − 0.1 × 1.5 × 42 × (1 − 40/42) = 83.70.
    """
    price = {"op": "fillable", "spread": "1.5"}
    tenth = reduce({"op": "share", "share": "0.1"}, price=price, pause_seconds=60)
    venue = Laddered(tenth, BELOW_ZERO)
    assert venue.closes("84.00") == [("reduce", 1000, "83.70")]


@pytest.mark.parametrize(("tick", "amount"), [("0.5", "84.00"), ("0.25", "83.75")])
def test_a_price_on_the_tick_is_no_worse_for_the_account(tick: str, amount: str) -> None:
    price = {"op": "fillable", "spread": "1.5", "tick": tick}
    tenth = reduce({"op": "share", "share": "0.1"}, price=price, pause_seconds=60)
    assert Laddered(tenth, BELOW_ZERO).closes("84.00") == [("reduce", 1000, amount)]


def test_a_bankruptcy_price_leaves_the_rest_as_safe_as_it_was() -> None:
    """A tenth goes with a tenth of the equity of 40: for 80 a BTC."""
    tenth = reduce({"op": "share", "share": "0.1"}, price={"op": "bankruptcy"}, pause_seconds=60)
    venue = Laddered(tenth, BELOW_ZERO)
    assert venue.closes("84.00") == [("reduce", 1000, "80.00")]
    assert venue.margin("ada") == ("36", "75.6", "37.8")


def test_a_penalty_limited_by_what_was_fetched_beyond_the_bankruptcy_amount() -> None:
    """1 BTC at 84 is 4 more than its bankruptcy amount of 80: 10 % of 84 would be 8.40."""
    penalty = {
        "rate": "0.1",
        "limit": "surplus",
        "recipients": [
            {"account": "keeper", "share": "0.75"},
            {"account": "insurance", "share": "0.25"},
        ],
    }
    tenth = reduce({"op": "share", "share": "0.1"}, penalty=penalty, pause_seconds=60)
    venue = Laddered(tenth, BELOW_ZERO)
    entries = venue.mark(BTC="84.00")
    paid = [p["amount"] for p in of_kind(entries, "posting") if p["purpose"] == "penalty"]
    assert paid == [300, 100]


def test_a_reduction_may_have_another_taker_than_the_fund() -> None:
    venue = Laddered(reduce(HALF, to="backstop"), BELOW_ZERO)
    venue.mark(BTC="84.00")
    assert (venue.size("backstop", "BTC"), venue.size("insurance", "BTC")) == ("5", "0")


def test_a_backstop_takes_positions_and_margin_while_there_is_equity() -> None:
    """Below two thirds of maintenance everything goes to the backstop, the margin with it."""
    third = {"level": "maintenance", "factor": "0.666666666667"}
    backstop = {**TAKEOVER, "when": third, "to": "backstop", "residual": "taker"}
    venue = Laddered(backstop, {"action": "adl", "when": {"level": "zero"}})
    entries = venue.mark(BTC="82.00")
    (closed,) = of_kind(entries, "closed")
    assert (closed["layer"], closed["taker"]) == ("backstop", venue.ordinal("backstop"))
    assert (venue.size("backstop", "BTC"), venue.equity("backstop")) == ("10", "20")
    assert venue.equity("ada") == "0"


def test_an_account_below_nothing_is_closed_against_the_other_side() -> None:
    """At 79 equity is −10: the maker's short is bought back at the bankruptcy price of 80."""
    venue = Laddered({"action": "adl", "when": {"level": "zero"}})
    entries = venue.mark(BTC="79.00")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["adl"], loss["fund"]) == ("10", "10", "0")
    assert (venue.size("maker", "BTC"), venue.cash("ada")) == ("0", "0")
    assert venue.equity("insurance") == "1000"


COIN = {"market": "COIN-USD", "weights": {"maintenance": "0.8"}}


class Lender(Venue):
    """ada has 10 COIN at 10 and owes 60 dollars; the fund has 1,000, a keeper 1,000."""

    def __init__(self, *ladder: dict[str, Any], debt: str = "60", **liabilities: str) -> None:
        super().__init__()
        self("AssetDeclared", name="COIN", decimals=8)
        self.market("COIN-USD")
        self.account("ada", "protocol")
        self.account("keeper", account_class="vault")
        self("FundContributed", fund="insurance", asset="USD", amount="1000")
        self.deposit("keeper", "1000")
        self.mark(**{"COIN-USD": "10.00"})
        policy = {"assets": {"COIN": COIN | ({"liabilities": liabilities} if liabilities else {})}}
        document = rulebook(ladder=ladder, collateral={"some": policy})
        document["bindings"][0]["collateral"] = "some"
        assert deviations(self.adopt(document)) == []
        self.deposit("ada", "10", "COIN")
        self("Withdrawn", account="ada", asset="USD", amount=debt)

    def balances(self, account: str) -> tuple[str, str]:
        """Dollars and coin."""
        return self.cash(account), self.cash(account, "COIN")


def test_collateral_is_sold_for_what_is_owed() -> None:
    """At 7 the coin counts 56 to a debt of 60; at 5 % discount 9.02255640 COIN fetch 60."""
    convert = {"action": "convert", "when": {"level": "maintenance"}, "discount": "0.05"}
    venue = Lender(convert, BELOW_ZERO)
    venue.mark(**{"COIN-USD": "7.00"})
    assert venue.balances("ada") == ("0", "0.9774436")
    assert venue.balances("insurance") == ("940", "9.0225564")
    assert venue.status("ada") == "flat"


def test_all_collateral_may_be_sold() -> None:
    convert = {"action": "convert", "when": {"level": "maintenance"}, "amount": "all"}
    venue = Lender({**convert, "to": "keeper"}, BELOW_ZERO)
    venue.mark(**{"COIN-USD": "7.00"})
    assert venue.balances("ada") == ("10", "0")
    assert venue.balances("keeper") == ("930", "10")


SEIZE = {
    "action": "repay_and_seize",
    "when": {"level": "maintenance"},
    "keeper": "keeper",
    "close_factor": "0.5",
    "bonus": "0.05",
}


def test_a_keeper_repays_half_and_seizes_collateral_worth_that_and_a_bonus() -> None:
    """At 7.40 the coin counts 59.20: 30 are repaid for 31.50 worth, 4.25675675 COIN."""
    venue = Lender(SEIZE, BELOW_ZERO)
    venue.mark(**{"COIN-USD": "7.40"})
    assert venue.balances("ada") == ("-30", "5.74324325")
    assert venue.balances("keeper") == ("970", "4.25675675")
    assert venue.status("ada") == "healthy"


def test_the_protocol_has_its_share_of_the_bonus() -> None:
    """Of the bonus of 1.50, a tenth."""
    venue = Lender({**SEIZE, "protocol": "protocol", "protocol_share": "0.1"}, BELOW_ZERO)
    venue.mark(**{"COIN-USD": "7.40"})
    assert venue.cash("protocol", "COIN") == "0.02027027"


def test_a_small_debt_is_repaid_whole() -> None:
    venue = Lender({**SEIZE, "minimum_value": "100"}, BELOW_ZERO)
    venue.mark(**{"COIN-USD": "7.40"})
    assert venue.balances("ada") == ("0", "1.48648649")


def test_a_debt_without_collateral_is_the_deficits() -> None:
    """At 5 the coin is 50 to a debt of 60: all of it goes, and what is left owed is nobody's.

    47.62 are repaid for 50 worth of coin; 12.38 are left, which the fund does not pay here.
    """
    venue = Lender(SEIZE, BELOW_ZERO, debt="60")
    document = rulebook(
        ladder=[{**SEIZE, "close_factor": "1"}, BELOW_ZERO],
        layers=[{"layer": "deficit"}],
        collateral={"some": {"assets": {"COIN": COIN}}},
    )
    document["bindings"][0]["collateral"] = "some"
    venue.adopt(document)
    entries = venue.mark(**{"COIN-USD": "5.00"})
    assert venue.balances("ada") == ("0", "0")
    assert venue.balances("keeper") == ("952.38", "10")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["deficit"]) == ("12.38", "12.38")
    assert venue.ledger("deficit") == "-12.38"


@pytest.mark.parametrize(
    ("rung", "path"),
    [
        ({**TAKEOVER, "to": "maker"}, "0.to"),
        ({**SEIZE, "keeper": "maker"}, "0.keeper"),
        ({"action": "convert", "when": {"level": "maintenance"}, "to": "maker"}, "0.to"),
        (reduce(HALF, to="maker"), "0.to"),
    ],
)
def test_whoever_takes_may_not_be_liquidated_by_the_same_rules(
    rung: dict[str, Any], path: str
) -> None:
    """Or two accounts could hand the same position to each other for ever."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.account("maker", "keeper")
    document = rulebook(ladder=[rung, BELOW_ZERO], collateral={"some": {"assets": {"COIN": COIN}}})
    document["bindings"][0]["collateral"] = "some"
    (refused,) = of_kind(venue.adopt(document), "deviation")
    assert refused["code"] == "rulebook_refused"
    assert f"ladders.standard.{path}: " in str(refused["detail"])
    assert "'maker' is of class 'trader'" in str(refused["detail"])


def test_steps_without_a_pause_have_no_limit() -> None:
    """The next one would follow at once, so a limit would mean nothing."""
    venue = Venue()
    venue.market("BTC")
    rung = reduce({"op": "all"}, at_most={"share": "0.1"})
    (refused,) = of_kind(venue.adopt(rulebook(ladder=[rung, BELOW_ZERO])), "deviation")
    assert "ladders.standard.0.at_most: " in str(refused["detail"])


def waits(**price: str) -> dict[str, Any]:
    """A rung that leaves the close to the venue, for at most 1 % of a fill and of its surplus."""
    penalty = {
        "rate": "0.01",
        "limit": "surplus",
        "recipients": [{"account": "insurance", "share": "1"}],
    }
    return reduce({"op": "all"}, price={"op": "recorded", **price}, penalty=penalty)


def test_a_venues_fill_closes_what_is_left_to_it_and_its_surplus_limits_the_penalty() -> None:
    """At 84, 5 BTC fetch 83: 15 beyond their bankruptcy amount of 400; 1 % of 415 is 4.15."""
    venue = Laddered(waits(), BELOW_ZERO)
    assert venue.closes("84.00") == []
    told = {"market": "BTC", "buyer": "maker", "seller": "ada", "seller_cause": "liquidation"}
    entries = venue("Traded", size="5", price="83.00", **told)
    assert deviations(entries) == []
    (penalty,) = [p for p in of_kind(entries, "posting") if p["purpose"] == "penalty"]
    assert (penalty["amount"], venue.size("ada", "BTC")) == (415, "5")
    # 35 − 4.15 of 21: healthy again, so the next one is not the rulebook's.
    assert deviations(venue("Traded", size="5", price="83.00", **told)) == ["venue_outcome"]
    assert venue.size("ada", "BTC") == "5"


def test_what_a_venues_fill_fetches_below_the_bankruptcy_amount_is_made_up_for() -> None:
    """At 84, 5 BTC fetch 79: 5 below 400. The fund pays 3 that it has, and the house 2."""
    layers = [{"layer": "fund", "by": "paying"}, {"layer": "deficit"}]
    venue = Laddered(waits(shortfall="waterfall"), BELOW_ZERO, layers=layers)
    person = {"author": "ann", "approver": "bob", "reason": "scenario"}
    venue("FundWithdrawn", fund="insurance", asset="USD", amount="997", **person)
    venue.mark(BTC="84.00")
    told = {"market": "BTC", "buyer": "maker", "seller": "ada", "seller_cause": "liquidation"}
    entries = venue("Traded", size="5", price="79.00", **told)
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["found"]) == ("shortfall_beyond_funds", "2")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["deficit"]) == ("5", "3", "2")
    assert venue.margin("ada")[0] == "20", "half of 40 is left, as if at the bankruptcy price"


def test_a_fill_of_more_than_is_held_is_not_the_rulebooks() -> None:
    venue = Laddered(waits(), BELOW_ZERO)
    venue.mark(BTC="84.00")
    told = {"market": "BTC", "buyer": "maker", "seller": "ada", "seller_cause": "liquidation"}
    assert deviations(venue("Traded", size="11", price="83.00", **told)) == ["venue_outcome"]


UNTIL_TREBLE = {"level": "maintenance", "until": {"level": "maintenance", "factor": "3"}}


def opens_again(venue: Laddered) -> list[Entry]:
    """A day after she went flat, ada opens 10 BTC at 100 with 100: healthy, but below treble."""
    venue("ClockTicked", after=86400)
    venue.mark(BTC="100.00")
    cash = Decimal(venue.cash("ada"))
    venue.deposit("ada", str(100 - cash))
    return venue.trade("ada", "maker", "BTC", "10", "100.00")


@pytest.mark.parametrize(
    "rung",
    [
        {**TAKEOVER, "when": UNTIL_TREBLE},
        {**TAKEOVER, "when": {"level": "maintenance", "grace_seconds": 30}},
        reduce({"op": "share", "share": "0.1"}, pause_seconds=10) | {"when": UNTIL_TREBLE},
    ],
)
def test_what_began_before_an_account_went_flat_has_ended(rung: dict[str, Any]) -> None:
    """Whoever has no position is short of nothing, so nothing goes on from there."""
    venue = Laddered(rung, BELOW_ZERO)
    venue.mark(BTC="84.00")
    if venue.size("ada", "BTC") != "0":
        venue.trade("maker", "ada", "BTC", venue.size("ada", "BTC"), "84.00")
    assert venue.status("ada") == "flat"
    entries = opens_again(venue)
    assert of_kind(entries, "closed") == []
    assert (venue.status("ada"), venue.size("ada", "BTC")) == ("healthy", "10")


def test_a_call_without_an_end_of_its_own_is_all_that_is_accepted() -> None:
    """A call ends when what it restores is there; another end could never be reached."""
    call = {"action": "margin_call", "when": UNTIL_TREBLE, "grace_seconds": 60}
    _, problems = check_document(rulebook(ladder=[call, BELOW_ZERO]))
    assert problems == [
        "ladders.standard.0.when.until: a margin call ends when restore is; leave it out"
    ]


def test_a_debt_that_no_mark_values_is_left_where_it_is() -> None:
    """There is nothing to sell and nothing to bear: a takeover waits for the first mark."""
    ladder = {"action": "takeover", "when": {"level": "zero", "comparator": "<="}}
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.account("ada")
    document = rulebook(ladder=[ladder], collateral={"some": {"assets": {"COIN": COIN}}})
    document["bindings"][0]["collateral"] = "some"
    venue.adopt(document)
    entries = venue("Withdrawn", account="ada", asset="COIN", amount="1")
    assert of_kind(entries, "liquidation") == []
    marked = venue.mark(**{"COIN-USD": "10.00"})
    assert [entry["action"] for entry in of_kind(marked, "liquidation")] == ["takeover"]
    assert venue.cash("ada", "COIN") == "0"


def test_a_recorded_close_where_nothing_is_asked_is_short_of_the_loss_alone() -> None:
    """Equity −10 on a position without a schedule: the fund pays 10, not the notional."""
    recorded = {"op": "recorded", "shortfall": "waterfall"}
    rung = {**reduce({"op": "all"}, price=recorded), "when": {"level": "zero"}}
    late = {"action": "takeover", "when": {"level": "zero", "grace_seconds": 600}}
    venue = Venue()
    venue.market("ETH")
    venue.account("ada", "maker")
    venue.deposit("maker", "100000")
    venue("FundContributed", fund="insurance", asset="USD", amount="5000")
    layers = [{"layer": "fund", "by": "paying"}, {"layer": "deficit"}]
    document = rulebook(ladder=[rung, late], layers=layers)
    venue.market("BTC")
    document["bindings"][0]["markets"] = {"BTC": "majors"}
    venue.adopt(document)
    venue.deposit("ada", "100")
    venue.mark(ETH="100.00")
    venue.trade("maker", "ada", "ETH", "10", "100.00")
    venue.mark(ETH="111.00")
    fill = {"market": "ETH", "buyer": "ada", "seller": "maker", "size": "10", "price": "111.00"}
    (loss,) = of_kind(venue("Traded", **fill, buyer_cause="liquidation"), "loss")
    assert (loss["loss"], loss["fund"]) == ("10", "10")
    assert (venue.cash("ada"), venue.cash("insurance")) == ("0", "4990")


@pytest.mark.parametrize("asked", ["schedule", "minimum", "portfolio"])
def test_a_tenth_at_the_bankruptcy_price_takes_a_tenth_of_the_equity(asked: str) -> None:
    """Whatever it is that asks: 40 are left at 84, so 4 go with one of 10 BTC."""
    price = {"op": "bankruptcy"}
    rung = reduce({"op": "share", "share": "0.1"}, price=price, pause_seconds=60)
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("maker", "100000")
    venue("FundContributed", fund="insurance", asset="USD", amount="5000")
    document = rulebook(ladder=[rung, BELOW_ZERO], schedule=SCHEDULE)
    if asked == "minimum":
        document["bindings"][0]["minimum"] = {"initial": "100", "maintenance": "100"}
    if asked == "portfolio":
        group = {
            "moves": ["-0.05", "0.05"],
            "classes": {"a": {"markets": ["BTC"], "offset": "1"}},
        }
        levels = {"initial": "2", "maintenance": "1"}
        document["portfolios"] = {"grid": {"groups": {"g": group}, "levels": levels}}
        document["bindings"][0] |= {"portfolio": "grid", "markets": {}}
    assert deviations(venue.adopt(document)) == []
    venue.deposit("ada", "200")
    venue.mark(BTC="100.00")
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    (closed,) = of_kind(venue.mark(BTC="84.00"), "closed")
    assert (closed["amount"], closed["loss"]) == (8000, "-4")
    assert venue.equity("ada") == "36"


def test_a_price_of_nothing_is_on_no_tick() -> None:
    """A spread of everything leaves an inverse short no price; equity is what it may cost."""
    venue = Venue(decimals=6)
    venue.market("INV", payoff="inverse", multiplier="1", lot="1", size_decimals=0)
    venue.account("ada", "maker")
    venue.deposit("maker", "100000")
    venue.deposit("ada", "200")
    venue("FundContributed", fund="insurance", asset="USD", amount="1000")
    price = {"op": "mark", "spread": "1", "tick": "0.5"}
    venue.adopt(rulebook(ladder=[reduce(HALF, price=price), BELOW_ZERO], schedule=SCHEDULE))
    venue.mark(INV="100.00")
    venue.trade("maker", "ada", "INV", "100000", "100.00")
    entries = venue.mark(INV="120.00")
    assert of_kind(entries, "closed") != []
    assert of_kind(entries, "loss") == []


def test_a_backstop_does_not_take_the_collateral_of_a_loss() -> None:
    """100 in cash and 10 COIN at 10 against a loss of 250: the fund has both, and the position."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.account("backstop", account_class="vault")
    venue.deposit("maker", "100000")
    venue("FundContributed", fund="insurance", asset="USD", amount="300")
    document = rulebook(
        ladder=[{**TAKEOVER, "to": "backstop"}],
        schedule=SCHEDULE,
        collateral={"some": {"assets": {"COIN": COIN}}},
    )
    document["bindings"][0]["collateral"] = "some"
    venue.adopt(document)
    venue.mark(BTC="100.00", **{"COIN-USD": "10.00"})
    venue.deposit("ada", "10", "COIN")
    venue.deposit("ada", "100")
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    (loss,) = of_kind(venue.mark(BTC="75.00"), "loss")
    assert (loss["loss"], loss["fund"]) == ("50", "50")
    assert (venue.cash("backstop"), venue.cash("backstop", "COIN")) == ("0", "0")
    assert venue.cash("insurance", "COIN") == "10"


@pytest.mark.parametrize(("floor", "left"), [("equity", "0"), ("bankruptcy", "9")])
def test_a_fillable_price_may_be_floored_at_the_parts_share(floor: str, left: str) -> None:
    """10 left at 81: a tenth may cost 1.5 × (1 − 10/40.50) × 4.05, or no more than 1."""
    price = {"op": "fillable", "spread": "15", "floor": floor}
    rung = reduce({"op": "share", "share": "0.1"}, price=price, pause_seconds=60)
    venue = Laddered(rung, BELOW_ZERO)
    (closed,) = of_kind(venue.mark(BTC="81.00"), "closed")
    assert closed["size"] == 1000
    assert venue.equity("ada") == left


def test_what_began_has_ended_within_a_pause_too() -> None:
    """Flat and long again while the rung rests: when it has rested, nothing goes on from before."""
    tenth = reduce({"op": "share", "share": "0.1"}, pause_seconds=10)
    venue = Laddered(tenth | {"when": UNTIL_TREBLE}, BELOW_ZERO)
    venue.mark(BTC="84.00")
    venue.trade("maker", "ada", "BTC", venue.size("ada", "BTC"), "84.00")
    venue.mark(BTC="100.00")
    venue.deposit("ada", "60")
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    assert of_kind(venue("ClockTicked", after=30), "closed") == []
    assert (venue.status("ada"), venue.size("ada", "BTC")) == ("healthy", "10")


def test_no_price_counts_on_a_fraction_that_goes_with_the_position() -> None:
    """0.008 of funding, less than a cent, is dropped when all of BTC goes: 40.995 are left to pay.

    So the price costs 40.99, where 41 would have left a loss of half a cent.
    """
    rung = reduce({"op": "all"}, price={"op": "mark", "spread": "1"})
    venue = Laddered(rung, BELOW_ZERO)
    venue.trade("ada", "maker", "ETH", "0.199", "10.00")
    paid = {"rate": "-0.000008", "price": "100.00", "interval_seconds": 3600}
    venue("FundingSettled", market="BTC", **paid)
    venue.mark(ETH="15.00")
    assert venue.equity("ada") == "201.003"
    entries = venue.mark(BTC="84.00")
    assert [c["amount"] for c in of_kind(entries, "closed")] == [79901, 298]
    assert of_kind(entries, "loss") == []
    assert venue.equity("ada") == "0"
