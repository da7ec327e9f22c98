"""The sample day: the same from its seed everywhere, acceptable to the ledger, and a good story."""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

import clearing.samples
from clearing.engine import ENTRY_FIELDS, Engine
from clearing.events import Event, EventRow, Kind, Registry, encode, pack
from clearing.events.kinds import REGISTRY_KINDS
from clearing.samples import DEFAULT_INCIDENT_SEED, incident_day
from clearing.samples.traders import Trader
from clearing.samples.venue import MARKETS

# The default day, as the digest of its stored bytes. It changes only when somebody means to
# change the sample: everything printed about the day in the documentation changes with it.
PINNED = "c0c77d7622056e96c1a55a8d9e803b3f97b8c1b2047f1e88ec4119fda12a6216"


def rows_of(events: Iterable[Event]) -> list[EventRow]:
    registry = Registry()
    rows = []
    for position, event in enumerate(events, start=1):
        row = encode(event, registry)
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        row.position = position
        rows.append(row)
    return rows


def digest_of(rows: list[EventRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(pack(row))
    return digest.hexdigest()


@cache
def the_day() -> tuple[tuple[Event, ...], list[EventRow]]:
    events = tuple(incident_day())
    return events, rows_of(events)


def test_the_default_day_is_the_same_bytes_everywhere() -> None:
    assert digest_of(the_day()[1]) == PINNED


def test_another_seed_is_another_day() -> None:
    one = digest_of(rows_of(incident_day(seed=1, accounts=12, trades_per_minute=1)))
    again = digest_of(rows_of(incident_day(seed=1, accounts=12, trades_per_minute=1)))
    other = digest_of(rows_of(incident_day(seed=2, accounts=12, trades_per_minute=1)))
    assert one == again != other


def test_every_identity_is_unique() -> None:
    events = the_day()[0]
    assert len({(event.source, event.external_id) for event in events}) == len(events)


def test_the_day_has_a_size_that_a_demo_can_carry() -> None:
    assert 15_000 < len(the_day()[0]) < 30_000


def test_events_stand_in_order_of_time_but_for_one_late_deposit() -> None:
    late, latest = [], the_day()[0][0].occurred_at
    for event in the_day()[0]:
        if event.occurred_at < latest:
            late.append(event.kind)
        latest = max(latest, event.occurred_at)
    assert late == ["Deposited"]


def test_every_kind_of_event_that_a_venue_writes_is_there() -> None:
    kinds = Counter(event.kind for event in the_day()[0])
    # Fills of one side, carried positions and funding as paid belong to other people's records;
    # certifications need digests that only a ledger has. The venue's rules ask for nothing by
    # orders, chosen leverage or open interest, it holds no auctions, and its deposits are final.
    absent = {
        "DepositConfirmed",
        "LeverageSet",
        "OrdersObserved",
        "AuctionTaken",
        "AuctionBid",
        "OpenInterestObserved",
        "PremiumSampled",
        "InterestSettled",
        "InterestPaid",
        "MarketSettled",
        "DepthObserved",
        "RiskArrayPublished",
        "RiskScored",
        "DeleveragingRanked",
        "PoolJoined",
        "PoolLeft",
        "PoolLeaveRequested",
        "PoolLeaveCancelled",
        "Filled",
        "PositionCarried",
        "FundingPaid",
        "StateCertified",
        "RestatementAccepted",
    }
    assert {kind.name for kind in Kind} - set(kinds) == absent


def test_marks_come_alone_and_together() -> None:
    sizes = {len(event.marks) for event in the_day()[0] if event.kind == "Marked"}
    assert sizes == {1, 4}


def test_the_crash_takes_a_third_to_a_half_within_minutes() -> None:
    low: dict[str, int] = {}
    before: dict[str, int] = {}
    for event in the_day()[0]:
        if event.kind != "Marked":
            continue
        for mark in event.marks:
            clock = event.occurred_at.strftime("%d %H:%M")
            scaled = int(mark.price * 10**8)
            if clock < "18 13:08":
                before[mark.market] = scaled
            elif clock < "18 13:20":
                low[mark.market] = min(scaled, low.get(mark.market, scaled))
    falls = {market: 100 - 100 * low[market] // before[market] for market in low}
    assert all(28 <= fall <= 50 for fall in falls.values()), falls


def test_the_story() -> None:
    """Margin calls, reductions, takeovers, a fund that runs out, ADL, and a partial recovery."""
    rows = the_day()[1]
    known: dict[tuple[int, str], EventRow] = {}
    engine = Engine(resolver=lambda source, external_id: known.get((source, external_id)))
    entries: list[dict[str, str | int]] = []
    for row in rows:
        entries += [
            dict(zip(("kind", *ENTRY_FIELDS[str(entry[0])]), entry, strict=True))
            for entry in engine.apply(row)
        ]
        known[row.source, row.external_id] = row

    def of(kind: str) -> list[dict[str, str | int]]:
        return [entry for entry in entries if entry["kind"] == kind]

    closed_out = {entry["account"] for entry in of("liquidation") if entry["action"] == "takeover"}
    liquidated = {entry["account"] for entry in of("liquidation")}
    assert 20 <= len(liquidated) <= 60
    assert len(closed_out) >= 10
    outcomes = Counter(entry["outcome"] for entry in of("margin_call"))
    assert outcomes["opened"] > 20
    assert outcomes["met"] >= 2
    assert {entry["layer"] for entry in of("closed")} >= {"reduce", "fund", "adl"}
    assert len({entry["candidate"] for entry in of("adl") if entry["taken"] != 0}) >= 5
    assert len(of("withheld")) >= 3
    codes = Counter(entry["code"] for entry in of("deviation"))
    assert codes["withdrawn_too_much"] == 1
    assert sum(codes.values()) < 5, codes
    equities = [int(str(entry["equity"]).split(".")[0]) for entry in of("fund")]
    top, bottom, last = max(equities), min(equities), equities[-1]
    assert bottom < 0 < last < top


@pytest.mark.parametrize("seed", [DEFAULT_INCIDENT_SEED + 1, 7])
def test_other_days_are_accepted_and_fold(seed: int) -> None:
    rows = rows_of(incident_day(seed=seed, accounts=40, trades_per_minute=2))
    known: dict[tuple[int, str], EventRow] = {}
    engine = Engine(resolver=lambda source, external_id: known.get((source, external_id)))
    liquidations = 0
    for row in rows:
        liquidations += sum(entry[0] == "liquidation" for entry in engine.apply(row))
        known[row.source, row.external_id] = row
    assert liquidations > 0


@pytest.mark.parametrize(("accounts", "trades"), [(9, 1), (10, 0)])
def test_a_day_too_small_is_refused(accounts: int, trades: int) -> None:
    with pytest.raises(ValueError, match=r"needs at least 10|at least 1 is needed"):
        incident_day(accounts=accounts, trades_per_minute=trades)


def test_samples_are_made_of_integers() -> None:
    """No division that gives a float, no float literal, no method of random but its bits."""
    for path in Path(clearing.samples.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Div), path
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).startswith("random"):
                assert node.attr in ("Random", "getrandbits"), path


def test_half_of_a_single_step_short_is_nothing_to_hand_over() -> None:
    """It used to divide by the size of nothing where the taker held the other side."""
    marks = [10**8] * len(MARKETS)
    poor, taker = (Trader(name, "trader", 0, 100, 50, [0]) for name in ("poor", "taker"))
    poor.sizes[0], taker.sizes[0] = -1, 5
    poor.costs[0] = MARKETS[0].value(-1, marks[0])
    poor.cash = poor.required(marks, initial=False) // 2 + 1
    poor.hand_over(taker, marks)
    assert (poor.sizes[0], taker.sizes[0]) == (-1, 5)
