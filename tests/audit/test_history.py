"""Histories: nothing that touched an account or a market is missing, and pages are exact."""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from clearing.audit import HistoryEvent, Moment, MomentUnclear, NameUnknown, Wanted, history
from clearing.audit.touching import paths
from clearing.database import connect
from clearing.engine import ENTRY_FIELDS, Engine, Entry
from clearing.engine.valuation import measure
from clearing.events import EventRow
from clearing.events.kinds import Kind
from clearing.ledger import Ledger
from clearing.log import Connection, LogWriter, read_log
from clearing.projectors import TABLES, log_resolver, project
from clearing.quantities import format_exact, format_scaled
from tests.engine.stories import Story
from tests.log.small import declarations, deposit, event, trade
from tests.projectors.ledgers import eventful_ledger, live

NAMING = {
    **dict.fromkeys(ENTRY_FIELDS, ("account",)),
    "position": ("holder",),
    "remainder": ("holder",),
    "auction": ("account", "taker"),
    "closed": ("account", "taker"),
    "adl": ("account", "candidate"),
    "haircut": ("account", "payer"),
    "shares": ("account", "provider"),
    "leave_request": ("account", "provider"),
}
"""The fields that name an account, in kinds of entry that have them; checked below."""

OF_MARKET = {"clearing", "funding", "control", "spot"}

Told = tuple[EventRow, list[Entry], Engine]
Place = tuple[int, int, str]


def test_every_field_that_could_name_an_account_is_known_here() -> None:
    """A new kind of entry with a field of another name must be looked at, here and in paths."""
    known = {"account", "holder", "taker", "candidate", "payer", "provider", "accounts", "payee"}
    words = known | {"market", "asset", "rung", "rank", "number", "holds", "interval_seconds"}
    ordinals = {name for t in TABLES.values() for name, kind in t.columns if "integer" in kind}
    assert ordinals - {"line", "ordinal", "counter_ordinal"} <= words


def test_every_way_to_rows_that_name_somebody_has_an_index_or_stands_beside_one() -> None:
    for sort in ("account", "market"):
        beside = [path.table for path in paths(sort) if not path.leads]
        assert beside == ([] if sort == "account" else ["posting"])


def lines_of(sort: str, who: int, entries: list[Entry]) -> list[tuple[int, int, str]]:
    """The lines of an event's entries that name somebody, by going through them all."""
    found = []
    for line, entry in enumerate(entries):
        kind = str(entry[0])
        fields = dict(zip(ENTRY_FIELDS[kind], entry[1:], strict=True))
        if kind == "posting":
            found += [(line, side, kind) for side in sides_of(sort, who, fields)]
        elif sort == "market":
            found += [(line, 0, kind)] if fields.get("market") == who else []
        elif kind == "adl_order":
            found += [(line, 0, kind)] if who in json.loads(str(fields["accounts"])) else []
        elif fields.get("holder_kind", "account") == "account":
            named = (fields.get(name) for name in NAMING[kind])
            found += [(line, 0, kind)] if who in named else []
    return found


def sides_of(sort: str, who: int, fields: dict[str, Any]) -> list[int]:
    kinds = {"account", "pending"} if sort == "account" else OF_MARKET
    ends = [(fields["payer_kind"], fields["payer"]), (fields["payee_kind"], fields["payee"])]
    own = [side for side, (kind, whose) in enumerate(ends) if kind in kinds and whose == who]
    apart = all(kind not in OF_MARKET for kind, _ in ends)
    if sort == "market" and fields["market"] == who and apart:
        return [0]
    return own


def names(sort: str, who: int, row: EventRow, declared: int) -> bool:
    """Whether the event itself names somebody (``declared``: of its kind so far, with this)."""
    if sort == "market":
        return row.market == who or (row.kind == Kind.MarketDeclared and declared == who)
    if row.kind == Kind.AccountOpened and declared == who:
        return True
    return row.account == who or (row.contra == who and row.kind != Kind.MarketDeclared)


def expected(sort: str, who: int, told: Iterable[Told]) -> list[tuple[int, list[Any]]]:
    found, declared = [], dict[int, int]()
    for row, entries, _ in told:
        declared[row.kind] = declared.get(row.kind, 0) + 1
        lines = lines_of(sort, who, entries)
        if lines or names(sort, who, row, declared[row.kind]):
            found.append((row.position, lines))
    return found


def fold(ledger: Connection) -> list[Told]:
    engine = Engine(resolver=log_resolver(ledger), watch="naive")
    return [(row, engine.apply(row), engine) for stored in read_log(ledger) for row, _ in stored]


def shown(events: Iterable[HistoryEvent]) -> list[tuple[int, list[tuple[int, str]]]]:
    return [
        (one.log_position, [(entry.line, entry.kind) for entry in one.entries]) for one in events
    ]


def paged(ledger: Connection, sort: str, name: str, moment: Moment, wanted: Wanted) -> Any:
    """All pages, an event that was split put together again."""
    events: list[tuple[int, list[tuple[int, str]]]] = []
    after = ""
    for _ in range(10_000):
        asked = Wanted(
            wanted.kinds, wanted.entries, wanted.first, after, wanted.limit, wanted.equity
        )
        page = history(ledger, sort, name, moment, asked)
        lines = sum(max(1, len(one.entries)) for one in page.events)
        assert lines <= wanted.limit
        for position, entries in shown(page.events):
            if events and events[-1][0] == position:
                events[-1][1].extend(entries)
            else:
                events.append((position, entries))
        after = page.after
        if not after:
            return events
    raise AssertionError("the pages have no end")


def compare(ledger: Connection, seed: int) -> None:
    project(ledger)
    told = fold(ledger)
    dice = Random(seed)  # noqa: S311 - dice
    moment = Moment(live(ledger), told[-1][0].position)
    registry = told[-1][2].book.registry
    subjects = [("account", *item) for item in registry.account_ordinals.items()]
    subjects += [("market", *item) for item in registry.market_ordinals.items()]
    for sort, name, ordinal in subjects:
        wanted = expected(sort, ordinal, told)
        plain = [(p, [(line, kind) for line, _, kind in lines]) for p, lines in wanted]
        whole = history(ledger, sort, name, moment, Wanted(limit=100_000))
        assert whole.after == ""
        assert shown(whole.events) == plain, (sort, name)
        limit = dice.choice([1, 3, 7, 50])
        assert paged(ledger, sort, name, moment, Wanted(limit=limit)) == plain
        filter_and_compare(ledger, sort, name, moment, told, plain, dice)


def filter_and_compare(
    ledger: Connection,
    sort: str,
    name: str,
    moment: Moment,
    told: list[Told],
    plain: list[tuple[int, list[tuple[int, str]]]],
    dice: Random,
) -> None:
    """Some kinds of event, some kinds of entry, from some position on."""
    kinds = dice.sample(sorted({Kind(row.kind).name for row, _, _ in told}), 4)
    entries = dice.sample(sorted({str(e[0]) for _, made, _ in told for e in made}), 4)
    first = dice.randrange(1, len(told))
    of_kind = {row.position for row, _, _ in told if Kind(row.kind).name in kinds}
    fewer = [(p, lines) for p, lines in plain if p in of_kind and p >= first]
    wanted = Wanted(kinds=tuple(kinds), first=first, limit=40)
    assert paged(ledger, sort, name, moment, wanted) == fewer
    chosen = [(p, [line for line in lines if line[1] in entries]) for p, lines in plain]
    wanted = Wanted(entries=tuple(entries), limit=9)
    found = paged(ledger, sort, name, moment, wanted)
    assert found == [(p, lines) for p, lines in chosen if lines]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_history_is_what_names_its_subject_in_random_stories(
    database_url: str, seed: int
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(150):
        story.step()
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story.venue.events)
        compare(ledger, seed)


@pytest.mark.parametrize("seed", [2, 7, 13])
def test_a_history_is_what_names_its_subject_on_generated_venues(
    database_url: str, seed: int
) -> None:
    with eventful_ledger(database_url, seed, 150) as ledger:
        compare(ledger, seed)


@pytest.mark.parametrize("seed", [1, 5])
def test_running_equity_is_the_engines_at_every_mark_of_what_was_held(
    database_url: str, seed: int
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(100):
        story.step()
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story.venue.events)
        project(ledger)
        engine = Engine(resolver=log_resolver(ledger), watch="naive")
        ada = story.venue.ordinal("ada")
        wanted: dict[int, tuple[dict[str, tuple[str, ...]], list[tuple[int, str]]]] = {}
        for stored in read_log(ledger):
            for row, _ in stored:
                before = held(engine, ada)
                entries = engine.apply(row)
                marks = marked(entries, before)
                lines = lines_of("account", ada, entries)
                if marks or lines or names("account", ada, row, 0):
                    own = sorted([*marks, *((line, kind) for line, _, kind in lines)])
                    wanted[row.position] = (standings(engine, ada), own)
        moment = Moment(live(ledger), engine.position)
        page = history(ledger, "account", "ada", moment, Wanted(equity=True, limit=100_000))
        found = {
            one.log_position: (
                {
                    asset: (at.cash, at.equity, at.initial, at.maintenance, at.status)
                    for asset, at in one.standing.items()
                    if at.equity != "0"
                },
                [(entry.line, entry.kind) for entry in one.entries],
            )
            for one in page.events
            if one.kind != "AccountOpened"
        }
        assert found == wanted
        assert any(kind == "mark" for _, lines in wanted.values() for _, kind in lines)
        asked = Wanted(equity=True, limit=5)
        assert [p for p, _ in paged(ledger, "account", "ada", moment, asked)] == [
            one.log_position for one in page.events
        ]


def held(engine: Engine, account: int) -> set[int]:
    book = engine.book
    return {
        market
        for scope in book.scopes.values()
        if scope.account == account
        for market in scope.positions
    }


def marked(entries: list[Entry], markets: set[int]) -> list[tuple[int, str]]:
    """The effective marks and moved funding of some markets: (line, kind)."""
    return [
        (line, str(entry[0]))
        for line, entry in enumerate(entries)
        if entry[0] in ("mark", "funding") and entry[-1] == 1 and entry[1] in markets
    ]


def standings(engine: Engine, account: int) -> dict[str, tuple[str, ...]]:
    book, found = engine.book, {}
    for _, scope in sorted(book.scopes.items()):
        if scope.account != account:
            continue
        asset, now = book.assets[scope.asset], measure(book, scope)
        if now.equity:
            amounts = (now.equity, now.initial, now.maintenance)
            found[book.registry.asset(scope.asset).name] = (
                format_scaled(scope.cash, asset.decimals),
                *(format_exact(amount, asset.working) for amount in amounts),
                scope.status,
            )
    return found


def test_balances_and_positions_are_told_before_and_after(database_url: str) -> None:
    """ada has 1,000, buys 1 BTC at 100 with a fee of 0.5, and sells a quarter of it at 108."""
    facts = [
        deposit(7, amount="1000"),
        trade(8, buyer_fee="0.5"),
        event(9, "Marked", marks=[{"market": "BTC", "price": "108"}]),
        trade(10, size="0.25", price="108", buyer="bob", seller="ada"),
    ]
    with Ledger.open(database_url) as ledger:
        ledger.append([*declarations(), *facts])
        ledger.project()
        opened, paid_in, bought, sold = ledger.history("account", "ada").events
        assert (opened.kind, opened.entries, opened.log_position) == ("AccountOpened", (), 4)
        assert paid_in.content["amount"] == "1000.00"
        assert (paid_in.source, paid_in.external_id) == ("desk", "7")
        (cash,) = paid_in.entries
        assert cash.fields == {
            "ledger": "account",
            "ordinal": "ada",
            "asset": "USD",
            "amount": "1000.00",
            "balance_before": "0.00",
            "balance": "1000.00",
            "purpose": "deposit",
            "counter_ledger": "external",
            "counter_ordinal": "",
            "market": "",
        }
        by_kind = {entry.kind: entry.fields for entry in bought.entries}
        assert (by_kind["posting"]["balance_before"], by_kind["posting"]["balance"]) == (
            "1000.00",
            "999.50",
        )
        assert (by_kind["position"]["size_before"], by_kind["position"]["size"]) == ("0", "1")
        by_kind = {entry.kind: entry.fields for entry in sold.entries}
        assert by_kind["posting"]["amount"] == "2.00"
        assert (by_kind["position"]["cost_before"], by_kind["position"]["cost"]) == (
            "100.00",
            "75.00",
        )
        with_marks = ledger.history("account", "ada", wanted=Wanted(equity=True)).events
        assert [one.kind for one in with_marks][3] == "Marked"
        assert with_marks[3].standing["USD"].equity == "1007.5"
        market = ledger.history("market", "BTC").events
        assert [one.kind for one in market] == ["MarketDeclared", "Traded", "Marked", "Traded"]
        fees = [e.fields["purpose"] for one in market for e in one.entries if e.kind == "posting"]
        assert fees == ["fee", "realised_pnl", "realised_pnl"]


def test_what_no_history_can_be_asked_is_refused(database_url: str) -> None:
    with Ledger.open(database_url) as ledger:
        ledger.append(declarations())
        ledger.project()
        for sort, name, wanted in (
            ("fund", "ada", Wanted()),
            ("account", "ada", Wanted(kinds=("Dreamt",))),
            ("account", "ada", Wanted(entries=("dream",))),
        ):
            with pytest.raises(NameUnknown):
                ledger.history(sort, name, wanted=wanted)
        for cursor in ("x", "1:2", "-1", "1:2:3:4"):
            with pytest.raises(MomentUnclear):
                ledger.history("account", "ada", wanted=Wanted(after=cursor))
        for sort, name in (("account", "nobody"), ("market", "ada"), ("fund", "nobody")):
            assert ledger.history(sort, name).events == (), "what there was not has no history"
        assert ledger.history("fund", "insurance").events[0].kind == "AccountOpened"
        assert ledger.history("account", "ada", 4, wanted=Wanted(after="4")).events == ()
