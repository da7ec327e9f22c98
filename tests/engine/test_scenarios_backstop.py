"""Scenarios: backstop pools, told ranks, limits of deleveraging, and who has what a rounding left.

ada is long 10 BTC from 100 with 200, bob short 6 with 300 and cyd short 4 with 900. At 75 she lacks
50, which is 5 a BTC.
"""

from typing import Any

import pytest

from clearing.engine import Engine, Entry
from clearing.rulebook import check_document
from tests.engine.test_scenarios_waterfall import DEFICIT, SCHEDULE, Lost
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook


class Backed(Lost):
    """pia and pam back the venue; dan, who is margined like ada, too."""

    def __init__(self, *shares: tuple[str, str], **cash: str) -> None:
        self.cash_of = {"pia": "1000", "pam": "1000", **cash}
        self.shares = shares
        super().__init__(DEFICIT)
        self.account("pia", "pam", account_class="backer")
        for name, amount in self.cash_of.items():
            self.deposit(name, amount)
        providers = [{"account": name, "share": share} for name, share in shares]
        backstop = {"layer": "backstop", "providers": providers}
        ladder = [{**TAKEOVER, "when": {"level": "zero"}}]
        document = rulebook(ladder=ladder, layers=[backstop, DEFICIT])
        assert deviations(self.adopt(document)) == []

    def assumed(self, entries: list[Entry]) -> dict[str, str]:
        """Who took how many BTC."""
        names = {self.ordinal(name): name for name in ("pia", "pam", "dan")}
        return {
            names.get(int(c["taker"]), str(c["layer"])): f"{abs(int(c['size'])) / 1000:g}"
            for c in of_kind(entries, "closed")
        }


def test_each_provider_assumes_its_share_and_bears_what_it_costs() -> None:
    v = Backed(("pia", "0.7"), ("pam", "0.3"))
    entries = v.mark(BTC="75.00")
    assert v.assumed(entries) == {"pia": "7", "pam": "3"}
    assert (v.equity("pia"), v.equity("pam")) == ("965", "985")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["deficit"]) == ("50", "50", "0")


def test_who_cannot_bear_its_share_takes_what_it_can_and_others_the_rest() -> None:
    """10 pay for 2 of pia's 7 BTC; pam takes its 3 and the 5 that are left."""
    v = Backed(("pia", "0.7"), ("pam", "0.3"), pia="10")
    assert v.assumed(v.mark(BTC="75.00")) == {"pia": "2", "pam": "8"}
    assert (v.equity("pia"), v.equity("pam")) == ("0", "960")


def test_what_nobody_can_bear_goes_on_down() -> None:
    v = Backed(("pia", "0.7"), ("pam", "0.3"), pia="10", pam="10")
    entries = v.mark(BTC="75.00")
    assert v.assumed(entries) == {"pia": "2", "pam": "2", "deficit": "6"}
    (loss,) = of_kind(entries, "loss")
    assert (loss["fund"], loss["deficit"]) == ("20", "30")


def test_a_provider_that_is_margined_keeps_its_initial_margin() -> None:
    """dan has 10,000 with 9,970 of it gone: of 30, 5 are lost and 3.75 asked by each BTC: 3.428."""
    v = Backed(("dan", "1"))
    v("Withdrawn", account="dan", asset="USD", amount="9970")
    entries = v.mark(BTC="75.00")
    assert v.assumed(entries)["dan"] == "3.428"
    equity, initial, _ = v.margin("dan")
    assert float(equity) >= float(initial)


def adl(**fields: Any) -> dict[str, Any]:
    return {"layer": "adl", **fields}


def told(venue: Lost, *accounts: str) -> list[Entry]:
    return venue("DeleveragingRanked", market="BTC", side="short", accounts=list(accounts))


def ranked(venue: Lost, entries: list[Entry]) -> list[tuple[int, int]]:
    """Candidates in order, as ordinals after ada's, and what they gave in thousandths."""
    first = venue.ordinal("ada")
    return [(int(a["candidate"]) - first, int(a["taken"])) for a in of_kind(entries, "adl")]


def test_a_recorded_rank_is_what_was_told_last() -> None:
    venue = Lost(adl(rank="recorded"), DEFICIT)
    told(venue, "bob", "cyd")
    told(venue, "cyd", "bob")
    assert ranked(venue, venue.mark(BTC="75.00")) == [(2, 4000), (1, 6000)]


def test_whoever_the_list_leaves_out_comes_last_or_is_spared() -> None:
    for others, expected in (("last", [(2, 4000), (1, 6000)]), ("none", [(2, 4000)])):
        venue = Lost(adl(rank="recorded", others=others), DEFICIT)
        told(venue, "cyd")
        assert ranked(venue, venue.mark(BTC="75.00")) == expected


def test_who_is_listed_and_no_candidate_is_said_to_be() -> None:
    venue = Lost(adl(rank="recorded"), DEFICIT)
    assert deviations(told(venue, "dan", "zoe", "bob")) == ["unknown_account"]
    entries = venue.mark(BTC="75.00")
    assert deviations(entries) == ["no_candidate"]
    assert ranked(venue, entries) == [(1, 6000), (2, 4000)]


def test_no_more_counterparties_than_the_rulebook_looks_at() -> None:
    """The first gives all it has, 6 BTC; the rest is the house's."""
    venue = Lost(adl(most=1), DEFICIT)
    entries = venue.mark(BTC="75.00")
    assert ranked(venue, entries) == [(1, 6000), (2, 0)]
    (loss,) = of_kind(entries, "loss")
    assert (loss["adl"], loss["deficit"]) == ("30", "20")


@pytest.mark.parametrize("allocation", ["queue", "pro_rata"])
def test_nobody_gives_more_than_a_share_of_its_position(allocation: str) -> None:
    venue = Lost(adl(at_most="0.5", allocation=allocation), DEFICIT)
    assert ranked(venue, venue.mark(BTC="75.00")) == [(1, 3000), (2, 2000)]


def test_a_snapshot_knows_what_was_told() -> None:
    venue = Lost(adl(rank="recorded"), DEFICIT)
    told(venue, "cyd", "bob")
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    assert ranked(venue, venue.mark(BTC="75.00"))[0] == (2, 4000)


def test_who_has_what_a_penalty_leaves_over() -> None:
    """1 % of 83.333 BTC-dollars at two decimals; three recipients of a third, nearly."""
    thirds = [
        {"account": "insurance", "share": "0.333333333334"},
        {"account": "majors", "share": "0.333333333333"},
        {"account": "shared", "share": "0.333333333333"},
    ]
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "share", "share": "0.0123"},
        "pause_seconds": 60,
        "penalty": {"rate": "0.01", "recipients": thirds},
    }
    paid = {}
    for rounding in ("down", "up"):
        for dust in ("first", "last"):
            numerics = {"penalty": rounding, "penalty_dust": dust}
            end = {**TAKEOVER, "when": {"level": "zero"}}
            venue = Lost(DEFICIT, ladder=[reduce, end], numerics=numerics)
            postings = of_kind(venue.mark(BTC="83.00"), "posting")
            parts = [int(p["amount"]) for p in postings if p["purpose"] == "penalty"]
            paid[rounding, dust] = parts
    # 0.123 BTC at 83 are 10.209: a hundredth is 0.10209.
    assert paid["down", "first"] == [4, 3, 3]
    assert paid["down", "last"] == [3, 3, 4]
    assert paid["up", "first"] == [5, 3, 3]
    assert sum(paid["up", "last"]) == 11


def test_shares_of_a_haircut_may_be_rounded_down_and_the_last_pays_the_rest() -> None:
    """50.01 of gains of 150 and 100: 30.006 and 20.004."""
    for haircut, expected in (("up", [3001, 2000]), ("down", [3000, 2001])):
        venue = Lost({"layer": "haircut"}, DEFICIT, numerics={"haircut": haircut})
        venue("Withdrawn", account="ada", asset="USD", amount="0.01")
        entries = venue.mark(BTC="75.00")
        assert [int(h["paid"]) for h in of_kind(entries, "haircut")] == expected


def test_nobody_pays_more_than_its_gain_for_what_rounding_leaves() -> None:
    """Three have 0.02 to lose each, of 0.05: 0.01 each, rounded down, and 0.02 are left.

    The last can pay only one cent of that, so the one before it pays the other.
    """
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob", "cyd", "dan")
    layers = [{"layer": "haircut"}, DEFICIT]
    ladder = [{**TAKEOVER, "when": {"level": "zero"}}]
    document = rulebook(ladder=ladder, layers=layers, numerics={"haircut": "down"})
    assert deviations(venue.adopt(document)) == []
    venue.deposit("ada", "0.03")
    venue.mark(BTC="100.00")
    for name in ("bob", "cyd", "dan"):
        venue.deposit(name, "10")
        venue.trade("ada", name, "BTC", "0.001", "100.00")
    cuts = of_kind(venue.mark(BTC="75.00"), "haircut")
    assert [(int(cut["gain"]), int(cut["paid"])) for cut in cuts] == [(2, 1), (2, 2), (2, 2)]


def test_whoever_is_taken_over_backs_up_others_but_not_itself() -> None:
    """Nobody is ranked for deleveraging, so ada's 10 BTC come to the pool: she would be able to
    take them with her 200, and pia does.
    """
    venue = Lost(DEFICIT)
    venue.account("pia", account_class="backer")
    venue.deposit("pia", "1000")
    providers = [{"account": "ada", "share": "0.5"}, {"account": "pia", "share": "0.5"}]
    layers = [
        adl(rank="recorded", others="none"),
        {"layer": "backstop", "providers": providers},
        DEFICIT,
    ]
    ladder = [{"action": "adl", "when": {"level": "maintenance", "factor": "5"}}]
    entries = venue.adopt(rulebook(ladder=ladder, schedule=SCHEDULE, layers=layers))
    assert deviations(entries) == []
    assert venue.size("ada", "BTC") == "0"
    assert venue.size("pia", "BTC") == "10"


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (adl(others="none"), "others: only a recorded rank leaves anybody out"),
        (adl(most=0), "most"),
        (
            {"layer": "backstop", "providers": [{"account": "pia", "share": "0.5"}]},
            "providers: their shares add up to 0.5, not 1",
        ),
        (
            {"layer": "backstop", "providers": [{"account": "pia", "share": "0.5"}] * 2},
            "providers: an account may stand only once",
        ),
    ],
)
def test_layers_that_are_refused(layer: dict[str, Any], problem: str) -> None:
    problems = check_document(rulebook(layers=[layer, DEFICIT]))[1]
    assert any(problem in found for found in problems), problems
