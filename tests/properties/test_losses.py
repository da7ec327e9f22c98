"""Through every ladder and waterfall that chance builds: who pays, how much, and that it ends.

That money and sizes sum to zero after every event, a story's venue checks by itself.
"""

import json
from collections import Counter
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearing.engine import ENTRY_FIELDS, Engine, Entry
from clearing.engine.pool_shares import worth
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of, measure
from clearing.events import Event, parse_event
from clearing.events.codec import encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.events.registry import Registry
from clearing.events.row import EventRow
from tests.engine.stories import Story
from tests.engine.venue import of_kind

STEPS = 60
MOST_ACTIONS = 2000
"""More than any event of a story needs: every action of a rung makes something smaller."""


def told(seed: int) -> Story:
    """A story of so many steps."""
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(STEPS):
        story.step()
    return story


def folded(events: list[Event]) -> tuple[list[list[Entry]], Registry]:
    """Every event's entries from genesis, and the names behind their ordinals."""
    rows: dict[tuple[int, str], EventRow] = {}
    registry = Registry()
    engine = Engine(resolver=lambda *identity: rows.get(identity))
    found = []
    for position, event in enumerate(events, start=1):
        row = encode(event, registry)
        row.position = position
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        rows[row.source, row.external_id] = row
        found.append(engine.apply(row))
    return found, registry


class Positions:
    """Who holds what, as the entries say: size and cost by holder and market."""

    def __init__(self) -> None:
        self.held: dict[tuple[Any, Any, Any], tuple[int, int]] = {}

    def of(self, account: Any, market: Any) -> tuple[int, int]:
        return self.held.get(("account", account, market), (0, 0))

    def take(self, entry: Entry) -> None:
        if entry[0] == "position":
            self.held[entry[1], entry[2], entry[3]] = int(entry[4]), int(entry[5])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_loss_is_the_sum_of_the_layers_that_bore_it(seed: int) -> None:
    for entries in folded(told(seed).venue.events)[0]:
        for loss in of_kind(entries, "loss"):
            parts = {name: Fraction(str(loss[name])) for name in ENTRY_FIELDS["loss"][2:]}
            whole = parts.pop("loss") + parts.pop("kept")
            assert whole == sum(parts.values())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_ladder_always_ends(seed: int) -> None:
    for entries in folded(told(seed).venue.events)[0]:
        assert len(of_kind(entries, "liquidation")) < MOST_ACTIONS


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_penalty_never_exceeds_the_equity_that_is_left(seed: int) -> None:
    move = Step.move

    def watched(step: Step, purpose: str, asset: int, *rest: Any) -> None:
        if purpose == "penalty":
            _, payer, _, _, amount, *_ = rest
            scope, lift = step.book.scope(payer, asset), step.book.assets[asset].lift
            assert measure(step.book, scope).equity >= amount * lift
        move(step, purpose, asset, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "move", watched)
        told(seed)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_both_sides_of_a_deleveraging_together_have_what_they_had(seed: int) -> None:
    """Their cash and what their positions cost change by the same: at any price it is worth that.

    Funding that was accrued and is paid out by a close is not of the pair.
    """
    positions = Positions()
    for entries in folded(told(seed).venue.events)[0]:
        for i, entry in enumerate(entries):
            positions.take(entry)
            if entry[0] != "closed" or entry[4] != "adl":
                continue
            _, account, _, market, _, taker, size, *_ = entry
            before = [positions.of(who, market) for who in (account, taker)]
            assert before[0][0] * before[1][0] < 0
            assert abs(int(size)) <= min(abs(held) for held, _ in before)
            after, cash = _until_both(entries[i + 1 :], (account, taker), market)
            assert sum(after) - sum(cost for _, cost in before) == cash


def _until_both(entries: list[Entry], pair: tuple[Any, Any], market: Any) -> tuple[list[int], int]:
    """What the positions cost after both were closed in part, and the cash that both got for it."""
    left, cash, after = list(pair), 0, []
    for entry in entries:
        if entry[0] == "posting" and entry[1] in ("realised_pnl", "cost_basis"):
            _, _, _, payer_kind, payer, payee_kind, payee, amount, _ = entry
            cash -= int(amount) if payer_kind == "account" and payer in pair else 0
            cash += int(amount) if payee_kind == "account" and payee in pair else 0
        if entry[0] == "position" and entry[2] in left and entry[3] == market:
            left.remove(entry[2])
            after.append(int(entry[5]))
        if not left:
            break
    return after, cash


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_what_providers_of_a_pool_may_claim_is_no_more_than_it_has(seed: int) -> None:
    """Each part is rounded down, and nobody has a part of less than nothing."""
    book = told(seed).venue.engine.book
    for scope in book.scopes.values():
        total, lift = sum(scope.shares.values()), book.assets[scope.asset].lift
        equity = equity_of(book, scope)
        claims = [worth(shares, total, equity, lift) for shares in scope.shares.values()]
        assert all(claim >= 0 for claim in claims)
        assert sum(claims) * lift <= max(0, equity)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
@example(362388)
def test_nobody_pays_for_a_loss_without_a_position_but_whom_the_rulebook_names(seed: int) -> None:
    """Funds pay; of all others only holders: of the other side by ADL, of a gain by a haircut.

    Where variation margin is paid, whoever gained since the last mark bears what losers lack, even
    if what gained is closed by now: such a haircut is of no account.
    """
    positions = Positions()
    found, registry = folded(told(seed).venue.events)
    for entries in found:
        for entry in entries:
            positions.take(entry)
            if entry[0] == "posting" and entry[1] == "loss":
                assert registry.account(int(entry[4])).account_class == "fund"
            if entry[0] == "haircut":
                _, account, _, market, payer, gain, paid = entry
                assert 0 <= int(paid) <= int(gain)
                if account:
                    assert positions.of(payer, market)[0]
            if entry[0] == "closed" and entry[4] == "fund":
                assert registry.account(int(entry[5])).account_class == "fund"


def renamed(event: Event, names: dict[str, str]) -> Event:
    """The event with other names for accounts, wherever they stand."""

    def rename(value: Any) -> Any:
        match value:
            case str():
                return names.get(value, value)
            case list():
                return [rename(item) for item in value]
            case dict():
                return {rename(key): rename(item) for key, item in value.items()}
        return value

    document = rename(json.loads(event.model_dump_json(exclude_none=True)))
    document.pop("document_sha256", None)
    return parse_event(document)


def without_hashes(found: list[list[Entry]]) -> list[list[Entry]]:
    """Entries without the hashes of documents, in which names are."""
    return [
        [(*entry[:4], "", *entry[5:]) if entry[0] == "rulebook" else entry for entry in entries]
        for entries in found
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_results_do_not_depend_on_the_names_of_accounts(seed: int) -> None:
    """Named anew so that their alphabetical order is turned round."""
    events = told(seed).venue.events
    accounts = [str(event.account) for event in events if event.kind == "AccountOpened"]
    names = {name: f"a{len(accounts) - i:03}" for i, name in enumerate(sorted(accounts))}
    before, after = folded(events)[0], folded([renamed(event, names) for event in events])[0]
    assert without_hashes(before) == without_hashes(after)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_results_do_not_depend_on_the_order_of_marks_within_one_event(seed: int) -> None:
    events = told(seed).venue.events
    turned = []
    for event in events:
        document = json.loads(event.model_dump_json(exclude_none=True))
        if event.kind == "Marked":
            document["marks"].reverse()
        turned.append(parse_event(document))
    assert Counter(event.kind for event in events)["Marked"] > 1
    assert folded(events)[0] == folded(turned)[0]
