"""A small venue for scenarios: say what happens in names and decimals, read what the book says.

``Venue`` encodes each event as the ledger would and applies it to the engine, so a scenario is
a list of facts with expectations between them. Every event is also applied to an engine with the
naive watch, and both must leave the same entries and the same digest.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from clearing.audit.explain.grouping import grouped, posted
from clearing.engine import ENTRY_FIELDS, Engine, Entry, Trace
from clearing.engine.reading import role_workings
from clearing.engine.scope import Scope
from clearing.engine.step import END
from clearing.engine.valuation import measure
from clearing.events import Event, parse_event
from clearing.events.codec import encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.events.registry import Registry
from clearing.events.row import EventRow
from clearing.quantities import format_exact
from tests.workings import computed

START = datetime(2026, 1, 1, tzinfo=UTC)

PERSON = {"author": "ann", "approver": "bob", "reason": "scenario"}

MAJORS = {
    "initial": {"op": "rate", "rate": "0.05"},
    "maintenance": {"op": "rate", "rate": "0.01"},
}

TAKEOVER = {"action": "takeover", "when": {"level": "maintenance"}, "residual": "trader"}

LAYERS = [{"layer": "fund"}, {"layer": "adl"}, {"layer": "deficit"}]


def rulebook(
    *,
    mode: str = "derive",
    asset: str = "USD",
    ladder: Sequence[dict[str, Any]] = (TAKEOVER,),
    schedule: dict[str, Any] | None = None,
    layers: Sequence[dict[str, Any]] = tuple(LAYERS),
    fund: str = "insurance",
    **sections: Any,
) -> dict[str, Any]:
    """A rulebook document with one schedule for every market of class ``trader``."""
    return {
        "format": 1,
        "settlement_asset": asset,
        "mode": mode,
        "schedules": {"majors": schedule or MAJORS},
        "ladders": {"standard": list(ladder)},
        "waterfalls": {"standard": {"fund": fund, "layers": list(layers)}},
        "bindings": [
            {
                "account_class": "trader",
                "markets": {"*": "majors"},
                "ladder": "standard",
                "waterfall": "standard",
            }
        ],
        **sections,
    }


_PRICES_EVERY = 8
"""After how many events the working of every price is computed again."""


class Venue:
    """A venue with a source ``venue``, an asset ``USD`` (2 decimals) and a fund ``insurance``."""

    def __init__(self, *, decimals: int = 2) -> None:
        self.rows: dict[tuple[int, str], EventRow] = {}
        self.registry = Registry()
        self.engine = Engine(resolver=self.find, watch="banded")
        self.oracle = Engine(resolver=self.find, watch="naive")
        self.now = START
        self.count = 0
        self.log: list[EventRow] = []
        self.events: list[Event] = []
        self("SourceDeclared", name="venue", description="a venue")
        self("AssetDeclared", name="USD", decimals=decimals)
        self("AccountOpened", account="insurance", account_class="fund")

    def find(self, source: int, external_id: str) -> EventRow | None:
        return self.rows.get((source, external_id))

    def __call__(self, kind: str, **fields: Any) -> list[Entry]:
        """Append one event, ``after`` seconds later, and return its entries."""
        self.now += timedelta(seconds=fields.pop("after", 1))
        self.count += 1
        document = {
            "kind": kind,
            "source": "venue",
            "external_id": fields.pop("id", f"e{self.count}"),
            "occurred_at": fields.pop("at", self.now).isoformat(),
            **fields,
        }
        event = parse_event(document)
        row = encode(event, self.registry)
        row.position = self.engine.position + 1
        if row.kind in REGISTRY_KINDS:
            self.registry.apply(row)
        entries = self.engine.apply(row)
        expected, workings = self.oracle.explain(row)
        assert entries == expected, "the banded watch or a working makes other entries"
        for _, _, working in workings:
            if working.name == END:
                continue
            for part in working.inputs if working.name == "margin" else [working]:
                computed(part.document())
        postings_explained(self.oracle, entries, workings)
        closes_explained(self.oracle, entries, workings)
        if self.count % _PRICES_EVERY == 1:
            prices_again(self.oracle)
        assert self.engine.digest() == self.oracle.digest()
        self.rows[row.source, row.external_id] = row
        self.log.append(row)
        self.events.append(event)
        self.check()
        return entries

    def market(self, name: str, *, lot: str = "0.001", **fields: Any) -> None:
        declared = {
            "settlement_asset": "USD",
            "lot": lot,
            "price_decimals": 2,
            "mark_decimals": 2,
            "size_decimals": 3,
            **fields,
        }
        self("MarketDeclared", name=name, **declared)

    def account(self, *names: str, account_class: str = "trader") -> None:
        for name in names:
            self("AccountOpened", account=name, account_class=account_class)

    def deposit(self, account: str, amount: str, asset: str = "USD") -> list[Entry]:
        return self("Deposited", account=account, asset=asset, amount=amount)

    def adopt(self, document: dict[str, Any], **fields: Any) -> list[Entry]:
        fields = {"name": "rules", "version": str(self.count), **fields}
        return self("RulebookAdopted", document=document, **PERSON, **fields)

    def trade(self, buyer: str, seller: str, market: str, size: str, price: str) -> list[Entry]:
        return self("Traded", market=market, buyer=buyer, seller=seller, size=size, price=price)

    def mark(self, **prices: str) -> list[Entry]:
        marks = [{"market": market, "price": price} for market, price in prices.items()]
        return self("Marked", marks=marks)

    def ordinal(self, account: str) -> int:
        return self.registry.account_ordinals[account]

    def cash(self, account: str, asset: str = "USD") -> str:
        ordinal = self.registry.asset_ordinals[asset]
        units = self.engine.book.balance("account", self.ordinal(account), ordinal)
        return format_exact(units, self.registry.asset(ordinal).decimals)

    def ledger(self, kind: str, market: str = "", asset: str = "USD") -> str:
        ordinal = self.registry.market_ordinals[market] if market else 0
        asset_ordinal = self.registry.asset_ordinals[asset]
        units = self.engine.book.balance(kind, ordinal, asset_ordinal)
        return format_exact(units, self.registry.asset(asset_ordinal).decimals)

    def size(self, account: str, market: str) -> str:
        ordinal = self.registry.market_ordinals[market]
        spec = self.registry.market(ordinal)
        scope = self.engine.book.scope(self.ordinal(account), spec.settlement_asset)
        position = scope.positions.get(ordinal)
        return format_exact(position.size if position else 0, spec.size_decimals)

    def equity(self, account: str) -> str:
        return self.margin(account)[0]

    def margin(self, account: str) -> tuple[str, str, str]:
        """Equity, initial and maintenance requirement, as exact decimals."""
        book = self.engine.book
        asset = book.assets[self.registry.asset_ordinals["USD"]]
        now = measure(book, book.scope(self.ordinal(account), asset.ordinal))
        values = (now.equity, now.initial, now.maintenance)
        equity, initial, maintenance = (format_exact(v, asset.working) for v in values)
        return equity, initial, maintenance

    def asked(self, account: str, level: str) -> str:
        """The requirement of a named level, as an exact decimal."""
        book = self.engine.book
        asset = book.assets[self.registry.asset_ordinals["USD"]]
        scope = book.scope(self.ordinal(account), asset.ordinal)
        assert scope.rules is not None
        place = scope.rules.place(level)
        assert place is not None, f"the rules have no level {level}"
        return format_exact(measure(book, scope).asked(place), asset.working)

    def status(self, account: str) -> str:
        asset = self.registry.asset_ordinals["USD"]
        return self.engine.book.scope(self.ordinal(account), asset).status

    def check(self) -> None:
        """What holds after every event: money and sizes sum to zero."""
        book = self.engine.book
        for asset in book.assets:
            total = sum(b for (_, _, a), b in book.balances.items() if a == asset)
            total += sum(s.cash for s in book.scopes.values() if s.asset == asset)
            assert total == 0, "postings do not sum to zero"
        for market in book.markets.values():
            held = sum(s.positions[market.ordinal].size for s in market.holders.values())
            held += sum(position.size for position in market.houses.values())
            assert held == 0, "signed sizes do not sum to zero"
            cost = sum(s.positions[market.ordinal].cost for s in market.holders.values())
            cost += sum(position.cost for position in market.houses.values())
            clearing = book.balance("clearing", market.ordinal, market.asset)
            assert cost + clearing == 0, "clearing does not owe what positions cost"


def prices_again(engine: Engine) -> None:
    """Every price of a role has a working whose facts give it, and only those have a result."""
    for market in engine.book.priced.values():
        values = {}
        for role, trace in role_workings(market, lambda source, role: f"{source} {role}").items():
            if trace.result:
                values[role] = computed(trace.document()) * 10**market.spec.mark_decimals
                forgotten(trace)
            else:
                assert trace.note, f"{role} has no price and does not say why"
        assert {role: value for role, value in values.items() if value > 0} == market.feed.values


def postings_explained(
    engine: Engine, entries: list[Entry], workings: list[tuple[int, Scope, Trace]]
) -> None:
    """Every posting of a rung is the result of one of its workings."""
    for rung in grouped(workings):
        places = posted(entries, rung)
        for at, entry in enumerate(entries[: rung.end]):
            if at >= rung.margin[0] and entry[0] == "posting":
                assert at in places, f"nothing explains {entry}"
                _, _, asset, *_, amount, _ = entry
                decimals = engine.book.registry.asset(int(asset)).decimals
                result = Fraction(rung.did[places[at] - 1][2].result)
                assert abs(result) == Fraction(int(amount), 10**decimals), entry


def closes_explained(
    engine: Engine, entries: list[Entry], workings: list[tuple[int, Scope, Trace]]
) -> None:
    """What is closed or put up, for how much, at which price, is what workings came to."""
    rungs, registry = grouped(workings), engine.book.registry
    for at, entry in enumerate(entries):
        if entry[0] not in ("closed", "auction"):
            continue
        (told,) = of_kind([entry], str(entry[0]))
        outcome = told.get("outcome", "")
        if outcome not in ("", "opened", "taken", "awarded"):
            continue
        rung = next(rung for rung in rungs if rung.margin[0] <= at < rung.end)
        results = {}
        for line, _, working in rung.did:
            if line <= at:
                results[working.name] = working
        spec = registry.market(int(told["market"]))
        name, decimals = spec.name, registry.asset(int(told["asset"])).decimals
        size = Fraction(abs(int(told["size"])), 10**spec.size_decimals)
        if outcome:
            price = Fraction(int(told["price"]), 10**spec.price_decimals)
            assert Fraction(results[f"price {name}"].result) == price, entry
            continue
        layer, amount = str(told["layer"]), Fraction(int(told["amount"]), 10**decimals)
        if layer in ("reduce", "auction"):
            assert Fraction(results[f"proceeds {name}"].result) == amount, entry
            assert Fraction(results[f"quantity {name}"].result) == size, entry
            continue
        taker = registry.account(int(told["taker"])).name
        part = results[f"closed {name} by {layer} {taker}"]
        assert [Fraction(p.result) for p in part.inputs if p.name == "amount"] == [amount], entry
        pool = results.get(f"taken {name} by backstop {taker}")
        if pool is not None and layer == "backstop":
            assert Fraction(pool.result) == size, entry


def forgotten(trace: Trace) -> None:
    """What is left of an average by its weight is e to the power that its note says."""
    for part in trace.inputs:
        if part.name == "weight" and part.note.startswith("e^(-"):
            elapsed, constant = part.note.removeprefix("e^(-").removesuffix(")").split(" / ")
            exact = (-Decimal(elapsed) / Decimal(constant)).exp()
            assert 0 <= exact - Decimal(part.result) < Decimal("2e-18")
        forgotten(part)


def of_kind(entries: list[Entry], kind: str) -> list[dict[str, str | int]]:
    """The entries of one kind, as dictionaries by field."""
    return [
        dict(zip(ENTRY_FIELDS[kind], entry[1:], strict=True))
        for entry in entries
        if entry[0] == kind
    ]


def transitions(entries: list[Entry]) -> list[tuple[int, str, str]]:
    """Account ordinal, from and to of each change of status."""
    return [
        (int(t["account"]), str(t["from_status"]), str(t["to_status"]))
        for t in of_kind(entries, "transition")
    ]


def deviations(entries: list[Entry]) -> list[str]:
    """The codes of the deviations among ``entries``."""
    return [str(d["code"]) for d in of_kind(entries, "deviation")]


def total(values: Sequence[str]) -> str:
    """The exact sum of decimal texts."""
    return format(sum((Decimal(v) for v in values), Decimal(0)).normalize(), "f")
