"""Sequences of deposits, fills, marks, funding and closeouts, with both sides of every fill.

Gains and losses are paid in cash at every mark. Parties are declared in the order in which the row
says that they were paid. Whom the source closed out is its margin's doing and an input: that party
alone is bound, to a margin that it cannot have. The source's PnL goes by average cost, of which
settled accounts know nothing: a second ledger, which settles nothing, has the unrealised part.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Any

from clearing.engine import Entry
from tests.engine.venue import of_kind, rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

ALLOCATED = "the row does not say what the source's margin is made of; what it leaves is compared"
FUND = "insurance"
UNREACHABLE = "1000000000000"
SCHEDULE = {
    "initial": {"op": "rate", "rate": "0.1"},
    "maintenance": {"op": "rate", "rate": "0.1"},
}


def run(row: Row) -> Outcome:
    return Found({"checks": _Scenario(row).checks()}, {"margin": ALLOCATED})


class _Told(Stage):
    """A stage that adds up what the fund paid for each account."""

    def __init__(self, *, decimals: int) -> None:
        self.covered: dict[int, Decimal] = {}
        super().__init__(decimals=decimals)

    def __call__(self, kind: str, **fields: Any) -> list[Entry]:
        entries = super().__call__(kind, **fields)
        for loss in of_kind(entries, "loss"):
            account = int(loss["account"])
            before = self.covered.get(account, Decimal(0))
            self.covered[account] = before + Decimal(str(loss["fund"]))
        return entries


class _Scenario:
    """One row: a ledger that settles at every mark, and ``plain``, one that does not."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.events = row.inputs["events"]
        self.places = int(row.inputs.get("position_decimal_places", "0"))
        self.settled, self.plain = _Told(decimals=0), Stage(decimals=0)
        self.parties = self._in_order()
        self.put_in = dict.fromkeys((*self.parties, FUND), Decimal(0))
        self.fees = dict.fromkeys((*self.parties, FUND), Decimal(0))
        for stage in (self.settled, self.plain):
            stage.perpetual(size_decimals=max(0, self.places))
            for party in self.parties:
                stage.account(party, account_class=f"of:{party}")
        self._adopt(self.parties[0], minimum={})
        pool = row.number("insurance_pool_initial")
        if pool:
            self.put_in[FUND] = pool
            self.settled("FundContributed", fund=FUND, asset="USD", amount=text(pool))

    def _in_order(self) -> list[str]:
        paid = [party for event in self.events for party in event.get("payout_order", ())]
        told = [event["party"] for event in self.events if event["type"] == "deposit"]
        return list(dict.fromkeys([*paid, *told]))

    def _adopt(self, party: str, minimum: dict[str, str]) -> None:
        """Bind one party to a takeover, and have every mark settled."""
        document = rulebook(
            schedule=SCHEDULE,
            ladder=[{"action": "takeover", "when": {"level": "maintenance"}, "residual": "taker"}],
            layers=[{"layer": "deficit"}],
            funding={"operator": "per_account"},
            variation_margin={"*": {"fund": FUND}},
        )
        (binding,) = document["bindings"]
        binding |= {"account_class": f"of:{party}", "minimum": minimum}
        self.settled.adopt(document)

    def checks(self) -> dict[str, Any]:
        found = {}
        for event in self.events:
            if event["type"] == "checkpoint":
                found[event["n"]] = self._check(self.row.expected["checks"][event["n"]])
            else:
                self._tell(event)
        return found

    def _tell(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "deposit":
                self.put_in[event["party"]] += Decimal(event["amount"])
                self.settled.pay(event["party"], Decimal(event["amount"]))
            case "fill":
                self._fill(event)
            case "mark" | "initial_mark":
                for stage in (self.settled, self.plain):
                    stage.mark(PERP=event["price"])
            case "funding":
                told = {"rate": event["payment_per_contract"], "price": "1"}
                self.settled("FundingSettled", market="PERP", **told)
            case "closeout":
                unreachable = {"initial": UNREACHABLE, "maintenance": UNREACHABLE}
                self._adopt(event["party"], unreachable)
                assert not self.settled.holds(event["party"], "PERP")
            case other:
                raise AssertionError(f"an event of type {other!r} is not expected")

    def _fill(self, event: dict[str, Any]) -> None:
        """A trade; its taker pays each part of the fee, rounded up; the maker gets the first."""
        buyer, seller = (self._name(event[side]) for side in ("buyer", "seller"))
        size = Decimal(event["volume"]).scaleb(-self.places)
        names = ("maker", "infrastructure", "liquidity")
        rates = [self.row.number(f"{name}_fee_factor", "0") for name in names]
        notional = size * Decimal(event["price"])
        parts = [(rate * notional).to_integral_value(ROUND_CEILING) for rate in rates]
        fees = dict.fromkeys((buyer, seller), Decimal(0))
        if "taker" in event:
            taker = self._name(event["taker"])
            maker = seller if taker == buyer else buyer
            fees |= {taker: sum(parts, Decimal(0)), maker: -parts[0]}
        for party, fee in fees.items():
            self.fees[party] += fee
        told = {"buyer": buyer, "seller": seller, "size": text(size), "price": event["price"]}
        paid = {"buyer_fee": text(fees[buyer]), "seller_fee": text(fees[seller])}
        self.settled("Traded", market="PERP", fee_asset="USD", **told, **paid)
        self.plain("Traded", market="PERP", **told)

    @staticmethod
    def _name(party: str) -> str:
        return FUND if party == "network" else party

    def _check(self, expected: dict[str, Any]) -> dict[str, Any]:
        stage = self.settled
        totals = {party: self._equity(party) for party in self.parties}
        pool = self._equity(FUND)
        split = expected.get("margin_general_split_asserted_by_peer", {})
        return {
            "account_totals": totals,
            "sum_of_all_accounts": sum(totals.values(), pool + Decimal(stage.ledger("fees"))),
            "insurance_pool": stage.balance(FUND),
            "margin_general_split_asserted_by_peer": {
                party: {"general": totals[party] - Decimal(parts["margin"])}
                for party, parts in split.items()
            },
            "pnl": {party: self._pnl(party) for party in expected.get("pnl", {})},
        }

    def _equity(self, party: str) -> Decimal:
        key = self.settled.ordinal(party), self.settled.asset.ordinal
        if key not in self.settled.engine.book.scopes:
            # Nothing ever happened to it, and reading it must not change the book.
            return Decimal(0)
        return self.settled.money(self.settled.measured(party).equity)

    def _pnl(self, party: str) -> dict[str, Decimal]:
        """What the source calls realised is without fees, and what the fund paid for is in it."""
        name = self._name(party)
        stage = self.settled if name == FUND else self.plain
        held = self.settled.holds(name, "PERP")
        open_ = stage.money(stage.gain(name, "PERP")) if held else Decimal(0)
        covered = self.settled.covered.get(self.settled.ordinal(name), Decimal(0))
        gained = self._equity(name) - self.put_in[name] + self.fees[name]
        return {"volume": held, "unrealised": open_, "realised": gained - open_ - covered}
