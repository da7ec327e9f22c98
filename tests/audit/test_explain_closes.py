"""Closes at a price that others named, explained: what is taken, awarded, or told by the venue."""

from dataclasses import asdict
from fractions import Fraction

import pytest

from clearing.audit import NameUnknown
from clearing.audit.explain import CloseStep, Node
from tests.audit.stories import stored
from tests.engine.test_scenarios_auctions import LINEAR, SEALED, House
from tests.engine.test_scenarios_backstop import Backed
from tests.engine.test_scenarios_ladder import BELOW_ZERO, Laddered, waits
from tests.engine.test_scenarios_pacing import SECOND
from tests.engine.test_scenarios_pacing import venue as paced
from tests.engine.venue import rulebook
from tests.workings import computed


def figures(close: CloseStep) -> dict[str, Fraction]:
    """What each working of a close comes to, computed from its facts."""
    return {part.name: computed(asdict(part)) for part in close.did}


def posted(close: CloseStep) -> dict[str, Fraction]:
    """What each posting of a close says its amount is the result of."""
    found = {}
    for entry in close.entries:
        if entry["entry"] == "posting":
            working = close.did[int(entry["working"]) - 1]
            assert abs(computed(asdict(working))) == Fraction(str(entry["amount"]))
            found[working.name] = Fraction(str(entry["amount"]))
    return found


def test_what_is_taken_says_the_price_of_its_moment_and_the_opening_where_it_comes_from(
    database_url: str,
) -> None:
    """From 88.20 a step of 0.084 a second: 84.00 after 50. dan wanted 40 of the 10 that are left.

    He pays 840 for what would have to fetch 800; 1 % of it is 8.40, which he leaves ada to pay.
    """
    penalty = {"rate": "0.01", "recipients": [{"account": "insurance", "share": "1"}]}
    venue = House(LINEAR, floor="bankruptcy", penalty=penalty)
    opening = venue.mark(BTC="84.00")
    venue.take("dan", "40", after=50)
    taken_at = venue.engine.position
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
        (opened,) = ledger.explain_liquidation("ada", taken_at - 1).steps
    assert opening[-1][0] == "auction"
    (price,) = (part for part in opened.did if part.name == "price BTC")
    assert computed(asdict(price)) == Fraction("88.20")
    assert price.named("factor").result == "1.05"
    (close,) = answer.closes
    assert (answer.log_position, answer.steps) == (taken_at, ())
    assert (close.outcome, close.rung, close.account) == ("taken", 1, "ada")
    assert close.marks == {"BTC": "84"}
    found = figures(close)
    assert found["quantity BTC"] == 10
    assert found["price BTC"] == 84
    assert found["at bankruptcy BTC"] == 800
    assert found["proceeds BTC"] == 840
    assert found["surplus BTC"] == 40
    assert found["penalty BTC"] == Fraction("8.40")
    assert found["bears dan"] == 1
    assert posted(close) == {
        "realised_pnl BTC ada": 160,
        "penalty to insurance": Fraction("8.40"),
    }
    (factor,) = (part.named("factor") for part in close.did if part.name == "price BTC")
    assert (factor.result, factor.note) == ("1", "ladders.standard.0.method")
    assert factor.named("elapsed").result == "50"
    assert [entry["outcome"] for entry in close.entries if entry["entry"] == "auction"] == ["taken"]


def test_a_power_of_a_cut_is_computed_again_square_by_square(database_url: str) -> None:
    """The 20th power of 0.99, each product rounded at 27 decimals: 96 × it is 78.517."""
    cut = {"op": "exponential", "start": "1.2", "end": "0.5", "cut": "0.99", "step_seconds": 90}
    venue = House(cut | {"duration_seconds": 7200}, ends_when_restored=False)
    venue.mark(BTC="80.00")
    venue.take("vault", "0.001", after=1800)
    with stored(venue, database_url) as ledger:
        (close,) = ledger.explain_liquidation("ada").closes
    assert figures(close)["price BTC"] == Fraction("78.52")
    (factor,) = (part.named("factor") for part in close.did if part.name == "price BTC")
    note = "ladders.standard.0.method.cut to the power of 20: one every 90 seconds"
    assert factor.named("power").note == note


def test_awards_pay_their_own_bids_and_say_the_reserve(database_url: str) -> None:
    """The reserve is 79.80. The vault's 3 at 84.50 go first, then 7 of dan's 9 at 83."""
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    venue.bid("dan", "9", "83.00")
    venue.bid("vault", "3", "84.50")
    venue.tick(60)
    with stored(venue, database_url) as ledger:
        first, second = ledger.explain_liquidation("ada").closes
    sizes = [figures(close)["quantity BTC"] for close in (first, second)]
    prices = [figures(close)["price BTC"] for close in (first, second)]
    assert sizes == [Fraction(3), Fraction(7)]
    assert prices == [Fraction("84.50"), Fraction(83)]
    (price,) = (part for part in second.did if part.name == "price BTC")
    assert price.named("reserve").result == "79.8"
    assert price.named("bid").note == f"of the bid at log position {venue.engine.position - 2}"
    assert "bears dan" in figures(second)
    assert "bears vault" not in figures(first), "nothing is asked of it"


def test_where_nothing_goes_below_bankruptcy_bids_say_what_they_fetch_together(
    database_url: str,
) -> None:
    """3 BTC at 84.50 fetch 13.50 more than the 80 of bankruptcy, 7 at 79.90 take 0.70 of that."""
    venue = House(SEALED, floor="bankruptcy")
    venue.mark(BTC="84.00")
    venue.bid("vault", "3", "84.50")
    venue.bid("eve", "7", "79.90")
    venue.tick(60)
    with stored(venue, database_url) as ledger:
        closes = ledger.explain_liquidation("ada").closes
    assert [figures(close)["together BTC"] for close in closes] == [
        Fraction("13.50"),
        Fraction("12.80"),
    ]


def test_what_a_venue_told_where_no_ladder_waits_is_explained_by_what_stood_before(
    database_url: str,
) -> None:
    """In record mode a liquidation is the venue's alone: ada had 40, of which 8.40 were asked."""
    venue = Laddered(waits(), BELOW_ZERO)
    venue.adopt(rulebook(mode="record"))
    told = {"market": "BTC", "buyer": "maker", "seller": "ada", "seller_cause": "liquidation"}
    venue.mark(BTC="84.00")
    venue("Traded", size="5", price="83.00", **told)
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
        with pytest.raises(NameUnknown, match="no rung acted on account 'maker'"):
            ledger.explain_liquidation("maker")
    (close,) = answer.closes
    assert (close.outcome, close.rung, close.did, answer.steps) == ("told", 0, (), ())
    assert close.marks == {"BTC": "84"}
    before = {part.name: computed(asdict(part)) for part in close.working}
    assert (before["equity"], before["maintenance"]) == (Fraction(40), Fraction("8.4"))
    both = ["posting", "position"]
    assert [entry["entry"] for entry in close.entries] == [
        *both,
        "venue_liquidation",
        *both,
        "transition",
    ]


def test_a_venues_fill_stands_beside_what_the_rulebook_would_have_closed(
    database_url: str,
) -> None:
    """The rulebook wants all 10; the venue closed 5, at 83.00 where the mark is 84.00."""
    venue = Laddered(waits(), BELOW_ZERO)
    venue.mark(BTC="84.00")
    told = {"market": "BTC", "buyer": "maker", "seller": "ada", "seller_cause": "liquidation"}
    venue("Traded", size="5", price="83.00", seller_fee="0.10", **told)
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
    (close,) = answer.closes
    assert (close.outcome, close.rung) == ("recorded", 1)
    found = figures(close)
    assert found["size beyond the rulebook's BTC"] == -5
    assert found["price beyond the mark BTC"] == -1
    assert found["proceeds BTC"] == 415
    assert found["at bankruptcy BTC"] == 400
    assert found["penalty BTC"] == Fraction("4.15"), "1 % of 415, within the 15 beyond"
    assert posted(close) == {
        "realised_pnl BTC ada": 85,
        "fee ada": Fraction("0.10"),
        "penalty to insurance": Fraction("4.15"),
    }


def test_a_backstop_says_what_each_provider_bears_and_a_ramp_why_so_much(
    database_url: str,
) -> None:
    """10 pay for 2 of pia's 7 BTC, and not for one lot more; pam takes its 3 and 5 more."""
    backed = Backed(("pia", "0.7"), ("pam", "0.3"), pia="10")
    backed.mark(BTC="75.00")
    with stored(backed, database_url) as ledger:
        (step,) = ledger.explain_liquidation("ada").steps
    parts = {part.name: part for part in step.did}
    pia = parts["taken BTC by backstop pia"]
    (share, *_) = pia.inputs
    assert computed(asdict(pia)) == 2
    assert share.named("wanted").result == "7"
    assert [share.named(name).result for name in ("bears", "bears one lot more")] == ["1", "0"]
    pam = parts["taken BTC by backstop pam"]
    assert computed(asdict(pam)) == 8
    assert [part.result for part in pam.inputs] == ["3", "5"]


def test_a_ramp_says_how_much_of_the_shortage_may_be_made_up_for_yet(database_url: str) -> None:
    """Half of 95 after 3 seconds, less the 19 that are made up for: 28.50 of the 76 left."""
    ramp = {"initial": "0.2", "seconds": 10}
    venue = paced({"quantity": {"op": "restore"}, "ramp": ramp, **SECOND})
    venue.mark(BTC="990")
    venue("ClockTicked", after=3)
    with stored(venue, database_url) as ledger:
        (step,) = ledger.explain_liquidation("ada").steps
    (share,) = (node for part in step.did for node in every(part) if node.name == "share")
    assert computed(asdict(share)) == Fraction("0.375")
    allowed = share.named("allowed")
    assert (allowed.result, allowed.named("reached").result) == ("28.5", "0.5")
    assert share.note == "ladders.standard.0.ramp"


def every(node: Node) -> list[Node]:
    """A working and all that it stands on."""
    return [node, *(found for child in node.inputs for found in every(child))]
