"""What was charged or done against the rules becomes breaks that live like any other."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import (
    MAPPING,
    Checked,
    FeeReport,
    FundingCharge,
    FundingReport,
    NotAllowed,
    recompute_fees,
)
from clearing.samples import incident_day
from tests.cli.conftest import Run
from tests.engine.test_scenarios_verifying import FEES, crowd, sold
from tests.reconcile.desk import Day
from tests.reconcile.test_recompute import line, schedule

# The positions that it all begins with were bought before, without a fee.
DAY = (datetime(2026, 1, 1, 0, 0, 22, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
MAY = (datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC))


@pytest.fixture
def venue(database_url: str) -> Iterator[Ledger]:
    """A venue that deleverages the wrong one, at a wrong price and for a wrong fee, on one day."""
    v = crowd(fees=FEES)
    sold(v, "10", "85.40", "dan", buyer_cause="adl", seller_fee="8.54", buyer_fee="1")
    v("FundingSettled", market="BTC", rate="0.001", price="80")
    v("ClockTicked", after=61)
    with Ledger.open(database_url) as ledger:
        ledger.append(v.events)
        ledger.project()
        yield ledger


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def told(ledger: Ledger, account: str | None = None) -> dict[str, tuple[str, str, str, str]]:
    """The open breaks: field, then type, of what, amount, status."""
    return {
        one.field: (one.type, one.what, one.amount, one.account)
        for one in ledger.desk("ann").breaks(status="open")
        if account in (None, one.account)
    }


# -- the rulebook


def test_what_a_venue_did_against_its_rules_is_a_break_of_whom_it_was_done_to(
    venue: Ledger,
) -> None:
    desk = venue.desk("ann")
    found = [desk.check_rules(account, *DAY).found for account in ("ada", "bob", "dan")]
    assert found == [1, 1, 2]
    assert told(venue) == {
        "liquidation_price": ("rule_deviation", "USD", "0", "ada"),
        "funding_unpaid": ("funding", "USD", "-0.8", "bob"),
        "adl_rank": ("rule_deviation", "USD", "0", "dan"),
        "fee_mismatch": ("fee", "USD", "-1", "dan"),
    }
    (price,) = [one for one in desk.breaks() if one.field == "liquidation_price"]
    assert (price.leg, price.here, price.there) == ("rules", "85.5", "85.4")
    assert price.words.startswith("wrong price")
    (event,) = price.ours
    (evidence,) = venue.deviation_evidence(code="liquidation_price")
    assert event["log_position"] == evidence.source.log_position
    assert event["external_id"] == evidence.source.external_id


def test_checking_again_records_nothing_and_another_day_closes_nothing(venue: Ledger) -> None:
    desk = venue.desk("ann")
    first = desk.check_rules("dan", *DAY)
    assert first.recorded is not None
    assert first.recorded.opened == 2
    again = desk.check_rules("dan", *DAY)
    assert (again.run, again.recorded) == (first.run, None)
    later = (DAY[1], DAY[1] + timedelta(days=1))
    assert desk.check_rules("dan", *later).found == 0
    assert len(desk.breaks(status="open")) == 2
    assert desk.check_rules("nobody", *DAY).found == 0


def test_it_is_written_off_by_two_and_never_adjusted(venue: Ledger) -> None:
    desk = venue.desk("ann")
    desk.check_rules("dan", *DAY)
    (fee,) = [one for one in desk.breaks() if one.type == "fee"]
    with pytest.raises(NotAllowed, match="is of a check"):
        desk.propose_for_break("adjustment", fee.number, "they owe it", source="venue")
    asked = desk.propose_for_break("write_off", fee.number, "not worth a letter")
    assert (asked.asset, asked.amount) == ("USD", "1")
    with pytest.raises(NotAllowed, match="cannot decide on it"):
        desk.decide(asked.number, approve=True)
    venue.desk("bob").decide(asked.number, approve=True)
    desk.check_rules("dan", DAY[0], DAY[1] - timedelta(hours=1))
    assert [one.field for one in desk.breaks(status="open")] == ["adl_rank"]


# -- fees and funding


def fees(day: Day, charged: str) -> Checked:
    """One purchase of a notional of 200, whose fee is 0.1 for takers or 0.04 for makers."""
    report = recompute_fees([line(charged, at=MAY[0], trade_id="t-1")], schedule())
    return day.ledger.desk("ann").check_fees(report, "venue", "ada", *MAY)


def test_a_fee_beside_the_schedule_is_a_break_until_it_is_not_found_any_more(day: Day) -> None:
    assert fees(day, "0.25").found == 1
    assert told(day.ledger) == {"fee": ("fee", "USD", "-0.15", "ada")}
    assert fees(day, "0.3").found == 1
    (view,) = day.ledger.desk("ann").breaks()
    assert [step.what for step in view.history] == ["opened", "changed"]
    assert (view.here, view.there, view.amount) == ("0.1", "0.3", "-0.2")
    assert fees(day, "0.1").found == 0
    assert told(day.ledger) == {}
    fees(day, "0.3")
    (view,) = day.ledger.desk("ann").breaks()
    assert [step.what for step in view.history] == ["opened", "changed", "closed", "reopened"]


def funding(day: Day, *charges: FundingCharge) -> FundingReport:
    return day.ledger.desk("ann").recompute_funding("ada", charges)


def test_funding_that_was_not_due_is_a_break(day: Day) -> None:
    report = funding(day, FundingCharge(MAY[0], "BTC", "XBT", Decimal("-0.5")))
    day.ledger.desk("ann").check_funding(report, "ada", *MAY)
    assert told(day.ledger) == {"funding": ("funding", "XBT", "-0.5", "ada")}
    day.ledger.desk("ann").check_funding(FundingReport(), "ada", *MAY)
    assert told(day.ledger) == {}


def test_a_fee_that_its_statement_breaks_on_is_told_once(database_url: str, tmp_path: Path) -> None:
    """The ledger has the fee of the schedule, the statement twice that: one break, not two."""
    span = (datetime(2024, 6, 18, tzinfo=UTC), datetime(2024, 6, 19, tzinfo=UTC))
    path, mapping = tmp_path / "statement.csv", tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    reader, settings = STATEMENT_READERS["generic-csv"], {"mapping": str(mapping)}
    with Ledger.open(database_url) as ledger:
        ledger.append(incident_day(accounts=20))
        ledger.project()
        desk = ledger.desk("ann")
        lines = desk.sample_statement("trader-001", *span, ("fee",))
        path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
        desk.take(reader, str(path), account="trader-001", venue="v", settings=settings)
        (difference,) = desk.reconcile("v", "trader-001").differences
        assert difference.type == "fee"
        report = _twice(ledger, difference.ours[0]["log_position"])
        checked = desk.check_fees(report, "v", "trader-001", *span)
        assert (checked.found, checked.told) == (0, 1)
        asked = desk.propose_for_break("override", 1, "their mistake, they confirmed it")
        ledger.desk("bob").decide(asked.number, approve=True)
        checked = desk.check_fees(report, "v", "trader-001", *span)
        assert (checked.found, checked.told) == (1, 0)


def _twice(ledger: Ledger, position: int) -> FeeReport:
    """A schedule's word on the fill at a log position: twice what it should be."""
    (row,) = ledger.connection.execute(
        "SELECT trade_id, external_id FROM clearing.log WHERE position = %s", (position,)
    )
    at = datetime(2024, 6, 18, 1, tzinfo=UTC)
    return recompute_fees([line("0.2", at=at, trade_id=row[0] or row[1])], schedule())


# -- approvals


def adjusted(day: Day, name: str, source: str = "venue", category: str = "reconciliation") -> None:
    """Somebody appends an adjustment by hand, and names whom they like."""
    day.append(
        {
            "kind": "Adjusted",
            "external_id": name,
            "source": source,
            "account": "ada",
            "asset": "XBT",
            "occurred_at": "2024-05-01T01:00:00Z",
            "amount": "0.5",
            "category": category,
            "author": "eve",
            "approver": "bob",
            "reason": "bob knows",
        }
    )


def test_an_adjustment_that_nobody_approved_here_is_found(day: Day) -> None:
    adjusted(day, "by-hand")
    adjusted(day, "a-rebate", category="rebate")
    desk = day.ledger.desk("ann")
    assert desk.check_approvals().found == 1
    (view,) = desk.breaks()
    assert (view.type, view.what, view.amount) == ("rule_deviation", "XBT", "-0.5")
    assert view.words == "Adjusted by eve, approved by bob, but nobody did so here"
    assert view.ours[0]["external_id"] == "by-hand"
    assert desk.check_approvals(["venue"]).found == 2, "of a source that was named, all of them"
    asked = desk.propose_for_break("override", view.number, "seen on paper")
    day.ledger.desk("bob").decide(asked.number, approve=True)
    desk.check_approvals(["venue"])
    assert [one.ours[0]["external_id"] for one in desk.breaks(status="open")] == ["a-rebate"]


def test_what_went_through_the_desk_is_approved(day: Day) -> None:
    """An adjustment of a break, and what a tolerance let pass."""
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    day.state(("a", 1, 10, 10))
    day.reconcile()
    asked = ann.propose_for_break("adjustment", 1, "never told to us", source="venue")
    bob.decide(asked.number, approve=True)
    assert ann.check_approvals(["venue"]).found == 0
    wanted = ann.propose_tolerance("amount", "1", "dust", residual_account="small-change")
    bob.decide(wanted.number, approve=True)
    day.deposit("b", "0.00000005", 2)
    day.state(("b", 2, 7, 17))
    answer = day.reconcile(with_matches=True)
    assert ann.post_residuals(answer, "venue")
    assert ann.check_approvals(["venue"]).found == 0
    ((residual,),) = day.ledger.connection.execute(
        "SELECT external_id FROM clearing.log WHERE external_id LIKE '%:residual-%'"
    )
    adjusted(day, f"x{residual}")
    assert ann.check_approvals().found == 1, "a residual by eve is of no tolerance of hers"


def test_a_rulebook_of_a_named_source_must_have_been_approved(venue: Ledger) -> None:
    desk = venue.desk("ann")
    assert desk.check_approvals().found == 0
    assert desk.check_approvals(["venue"]).found == 1
    (view,) = desk.breaks()
    assert (view.what, view.amount, view.ours[0]["account"]) == ("rulebook", "0", "")


# -- as commands


def test_checks_are_commands(venue: Ledger, clearing: Run) -> None:
    code, out, _ = clearing("check", "rules", "dan", "--day", "2026-01-01", "--json")
    assert (code, json.loads(out)["found"]) == (1, 3)
    code, out, _ = clearing("check", "rules", "dan", "--day", "2026-01-01")
    assert code == 1
    assert "said the same: nothing is recorded again" in out
    assert clearing("check", "rules", "ada", "--day", "2025-12-31")[0] == 0
    code, out, _ = clearing("check", "approvals", "--source", "venue", "--as", "ann")
    assert (code, out.splitlines()[0]) == (1, "approvals of *: 1 found")
    assert len(venue.desk("ann").breaks(status="open")) == 4
