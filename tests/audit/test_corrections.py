"""Late facts and corrections: what the books said, what they would have said, and for whom."""

from datetime import timedelta

import pytest

from clearing.audit import NotACorrection
from tests.audit.stories import stored
from tests.audit.test_scenarios import AFTER, wick
from tests.engine.venue import PERSON


def test_a_late_fill_would_have_liquidated(database_url: str) -> None:
    """Ada's sale of nine was told after the wick; in time it would have spared her."""
    venue = wick()
    sold_at = venue.now + timedelta(seconds=1)
    venue("Marked", marks=[{"market": "BTC", "price": "94"}], after=5)
    wicked = venue.now
    venue("Traded", market="BTC", buyer="bob", seller="ada", size="9", price="100", at=sold_at)
    late = venue.engine.position
    with stored(venue, database_url) as ledger:
        (listed,) = ledger.corrections()
        assert (listed.log_position, listed.what, listed.late_seconds) == (late, "late", "4")
        answer = ledger.impact(late)
    assert (answer.what, answer.amends) == ("late", None)
    findings = {view.account: view for view in answer.impacted}
    ada = findings["ada"]
    assert (ada.finding, ada.log_position, ada.at) == (
        "would not have been liquidated",
        AFTER,
        wicked,
    )
    (fate,) = [fate for fate in answer.diff.fates if fate.account == "ada"]
    assert fate.b.status == "healthy"


def test_a_corrected_mark_that_came_too_late_has_an_impact_list(database_url: str) -> None:
    venue = wick()
    venue("Marked", marks=[{"market": "BTC", "price": "50"}], id="fat finger")
    venue.mark(BTC="100")
    wrong = {"source": "venue", "external_id": "fat finger"}
    venue("Marked", marks=[{"market": "BTC", "price": "99.5"}], amends=wrong)
    position = venue.engine.position
    compensation = {"account": "ada", "asset": "USD", "amount": "60", "category": "compensation"}
    reference = {"source": "venue", "external_id": venue.events[-1].external_id}
    venue("Adjusted", **compensation, reference=reference, **PERSON)
    with stored(venue, database_url) as ledger:
        marked, adjusted = ledger.corrections()
        assert (marked.what, marked.amends, marked.effective) == ("corrected_mark", AFTER, False)
        assert (adjusted.what, adjusted.amends) == ("adjustment", position)
        assert (adjusted.author, adjusted.approver) == ("ann", "bob")
        answer = ledger.impact(position)
        with pytest.raises(NotACorrection, match="neither late nor"):
            ledger.impact(AFTER)
        with pytest.raises(NotACorrection, match="no event at log position 99"):
            ledger.impact(99)
        again = ledger.replay(answer.scenario)
    assert answer.amends == AFTER
    ada = next(view for view in answer.impacted if view.account == "ada")
    assert ada.finding == "would not have been liquidated"
    assert [o.events for o in again.overrides] == [1, 1]


def test_a_reversed_deposit(database_url: str) -> None:
    """The deposit saved ada until it was taken back: without it she would have been closed."""
    venue = wick()
    venue("Deposited", account="ada", asset="USD", amount="100", id="wrong")
    venue.mark(BTC="94")
    venue.mark(BTC="110")
    venue("Reversed", target={"source": "venue", "external_id": "wrong"}, **PERSON)
    with stored(venue, database_url) as ledger:
        (reversal,) = ledger.corrections()
        assert (reversal.what, reversal.amends, reversal.reason) == ("reversal", AFTER, "scenario")
        answer = ledger.impact(venue.engine.position)
    ada = next(view for view in answer.impacted if view.account == "ada")
    assert (ada.finding, ada.log_position) == ("would have been liquidated", AFTER + 1)
    assert ada.equity == "-160"
