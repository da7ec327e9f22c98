"""What differs is neither lost nor netted out, and what is recorded of it has a name of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.ledger import Ledger
from clearing.reconcile.fills import match_fills
from clearing.reconcile.lines import SCALE
from clearing.reconcile.tolerances import Tolerance, Tolerances
from tests.reconcile.desk import Day
from tests.reconcile.sides import fill, found, match, side

AT = "2024-05-01T01:00:00Z"


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def test_parts_of_the_same_classes_are_compared_class_by_class() -> None:
    """They charged 2 too much and credited 2 of profit that was none: the sum is right."""
    ours = side(
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
        {"amount": -1, "ids": "t", "kind": "fee"},
    )
    theirs = side(
        {"amount": 12, "ids": "t", "kind": "realised_pnl"},
        {"amount": -3, "ids": "t", "kind": "fee"},
    )
    assert found(match(ours, theirs)) == [("amount", (0,), (0,)), ("fee", (1,), (1,))]


def test_a_tolerance_of_fees_lets_no_profit_pass() -> None:
    """Of a trade told in one line the fee stands first among ours."""
    ours = side(
        {"amount": -1, "ids": "t", "kind": "fee"},
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
    )
    theirs = side({"amount": 5, "ids": "t", "kind": "trade"})
    of_fees = Tolerances([Tolerance(7, "*", "*", "fee", 4 * SCALE, 0, "rounding")])
    assert [one[0] for one in found(match(ours, theirs, of_fees))] == ["amount"]


def test_a_deposit_is_not_made_up_of_funding_and_interest() -> None:
    ours = side({"amount": 3, "kind": "funding"}, {"amount": 4, "kind": "interest"})
    matched = match(ours, side({"amount": 7}))
    assert matched.matches == []
    assert sorted(one[0] for one in found(matched)) == [
        "missing_here",
        "missing_there",
        "missing_there",
    ]


def test_a_fee_may_be_part_of_what_it_was_charged_for() -> None:
    """They took 101 for a withdrawal; we have the withdrawal and its fee."""
    ours = side({"amount": -100, "kind": "withdrawal"}, {"amount": -1, "kind": "fee"})
    (one,) = match(ours, side({"amount": -101, "kind": "withdrawal"})).matches
    assert (one.rule, one.ours) == ("one to many", (0, 1))


def test_fees_of_a_fill_told_in_parts_are_compared_in_sum() -> None:
    ours = [fill(0, size=2, fee=2, ids="t")]
    theirs = [fill(0, size=1, fee=4, ids="t"), fill(1, size=1, fee=4, ids="t")]
    matched = match_fills(ours, theirs, Tolerances())
    assert [(one.type, one.here, one.there) for one in matched.differences] == [("fee", "2", "8")]


def test_trade_ids_that_two_markets_share_do_not_mix_them_up() -> None:
    """A venue numbers the trades of each market by themselves; of one of ours they know nothing."""
    ours = [fill(0, market="BTC", size=5, ids="17")]
    theirs = [fill(0, market="ETH", size=1, ids="17"), fill(1, market="BTC", size=5, ids="17")]
    matched = match_fills(ours, theirs, Tolerances())
    assert found(matched) == [("missing_here", (), (0,))]


def test_of_fills_under_one_id_equal_ones_belong_together() -> None:
    ours = [fill(0, size=5, ids="t")]
    theirs = [fill(0, size=3, ids="t"), fill(1, size=5, ids="t")]
    assert found(match_fills(ours, theirs, Tolerances())) == [("missing_here", (), (0,))]


def test_two_postings_of_one_event_that_they_lack_are_two_breaks(day: Day) -> None:
    """A fill realised a loss and was charged a fee, both in one asset."""
    at = "2024-05-01T03:00:00Z"
    trade = {"kind": "Filled", "account": "ada", "market": "X", "occurred_at": at}
    day.append(
        {
            "kind": "MarketDeclared",
            "name": "X",
            "occurred_at": "2024-05-01T00:00:00Z",
            "settlement_asset": "XBT",
            "lot": "0.01",
            "price_decimals": 2,
            "mark_decimals": 2,
            "size_decimals": 2,
        }
    )
    day.deposit("a", "1", 1)
    day.append(
        {**trade, "external_id": "f1", "side": "buy", "size": "1", "price": "100", "fee": "0"},
        {**trade, "external_id": "f2", "side": "sell", "size": "1", "price": "99.9", "fee": "0.01"},
    )
    day.state(("a", 1, 100_000_000, 100_000_000), ("z", 4, 1, 100_000_001))
    answer = day.reconcile()
    missing = [one.amount for one in answer.differences if one.type == "missing_there"]
    assert len(missing) > 1, answer
    recorded = [one.amount for one in day.ledger.desk("ann").breaks(kind="missing_there")]
    assert sorted(recorded) == sorted(missing)


def test_a_break_of_an_amount_is_the_same_when_more_of_ours_belongs_to_it(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    day.deposit("a", "0.00000004", 1)
    day.reconcile()
    day.append(
        {
            "kind": "Adjusted",
            "external_id": "a:more",
            "account": "ada",
            "asset": "XBT",
            "occurred_at": AT,
            "amount": "0.00000003",
            "category": "reconciliation",
            "author": "ann",
            "approver": "bob",
            "reason": "found some of it",
        }
    )
    day.reconcile()
    (view,) = day.ledger.desk("ann").breaks()
    assert [step.what for step in view.history] == ["opened", "changed"]


def test_what_came_at_another_time_explains_the_balances_in_between(day: Day) -> None:
    """They booked a deposit two hours after us, another one in between."""
    for native, amount, hour in (("z", 1, 1), ("a", 10, 2), ("b", 5, 3), ("c", 1, 6)):
        day.deposit(native, f"0.{amount:08d}", hour)
    day.state(("z", 1, 1, 1), ("b", 3, 5, 6), ("a", 4, 10, 16), ("c", 6, 1, 17))
    assert [one.type for one in day.reconcile().differences] == ["timing"]


def test_what_tolerances_let_pass_is_posted_for_each_part(day: Day) -> None:
    """Two assets of one identifier differ by a little each."""
    day.append({"kind": "AssetDeclared", "name": "USDT", "decimals": 6, "occurred_at": AT})
    for asset in ("XBT", "USDT"):
        day.append(
            {
                "kind": "Deposited",
                "external_id": f"a:{asset}",
                "account": "ada",
                "asset": asset,
                "amount": "0.00001",
                "occurred_at": AT,
            }
        )
    asked = day.ledger.desk("ann").propose_tolerance(
        "amount", "0.00001", "their rounding", residual_account="small-change"
    )
    day.ledger.desk("bob").decide(asked.number, approve=True)
    day.state(("a", 1, 1_001, 1_001), currency="XBt")
    day.state(("a", 1, 11, 11), currency="USDt")
    answer = day.reconcile(with_matches=True)
    assert len(answer.residuals) == 2, answer
    assert len(set(day.ledger.desk("ann").post_residuals(answer, "venue"))) == 2
    after = day.reconcile(with_matches=True)
    assert (after.residuals, after.differences) == ({}, ())


def test_residuals_of_what_has_no_identifier_there_are_posted_once() -> None:
    """Ours with its posted residual is theirs exactly; no tolerance is needed any more."""
    ours = side({"amount": 100, "ids": "e1"}, {"amount": 1, "ids": "e1", "kind": "reconciliation"})
    tolerances = Tolerances([Tolerance(7, "*", "*", "amount", 2 * SCALE, 0, "rounding")])
    matched = match(ours, side({"amount": 101}), tolerances)
    assert [(one.ours, one.residual) for one in matched.matches] == [((0, 1), 0)]
    assert matched.differences == []


def test_the_present_counts_again_after_the_past_was_looked_at(day: Day) -> None:
    """Seen from before the deposit it is missing; seen from now it is not, as before."""
    day.state(("a", 1, 7, 7))
    before = day.ledger.status().log_position
    day.deposit("a", "0.00000007", 1)
    assert day.reconcile().clean
    assert [one.type for one in day.reconcile(at=before).differences] == ["missing_here"]
    assert day.reconcile().clean
    assert [view.status for view in day.ledger.desk("ann").breaks()] == ["closed"]
    assert day.reconcile().again
