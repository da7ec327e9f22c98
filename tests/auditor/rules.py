"""Rulebooks as the second ledger reads them: straight from their JSON, in fractions."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.auditor.collateral import Policy, read_policy
from tests.auditor.price_rules import PricePolicy, read_prices

MODES = ("record", "verify", "derive")


class RulebookError(ValueError):
    """The document is not a rulebook, or names what is not declared."""


@dataclass(frozen=True)
class Requirement:
    """An operator on notional, as marginal tiers (a rate is one tier)."""

    tiers: tuple[tuple[Fraction, Fraction], ...]

    def of(self, notional: Fraction) -> Fraction:
        """The requirement on ``notional`` (whole units)."""
        total = Fraction(0)
        for number, (base, rate) in enumerate(self.tiers):
            top = self.tiers[number + 1][0] if number + 1 < len(self.tiers) else notional
            total += max(Fraction(0), min(notional, top) - base) * rate
        return total


@dataclass(frozen=True)
class Headroom:
    """What limits a penalty's rate: a share of what the position can bear."""

    level: str
    share: Fraction
    decimals: int | None


@dataclass(frozen=True)
class Ramp:
    """How much of what a rung wants it may close, as time goes by."""

    level: str
    initial: Fraction
    seconds: int
    whole_below: Fraction
    decimals: int


@dataclass(frozen=True)
class Rising:
    """A spread that grows with the age of the rung's stay."""

    after_seconds: int
    per_second: Fraction
    most: Fraction


@dataclass(frozen=True)
class AuctionRule:
    """How an auction's price moves; ``start`` is the reserve of a sealed one."""

    op: str
    start: Fraction
    end: Fraction
    duration: int
    step: Fraction
    step_seconds: int
    uniform: bool


@dataclass(frozen=True)
class Penalty:
    rate: Fraction
    recipients: tuple[tuple[str, Fraction], ...]
    headroom: Headroom | None
    surplus: bool
    """Whether it is at most what was fetched beyond the bankruptcy amount."""


@dataclass(frozen=True)
class Gains:
    """What selling a position's gains costs, and how much of them is sold at most (whole units)."""

    penalty: Penalty | None
    at_most: Fraction | None


@dataclass(frozen=True)
class Rung:
    action: str
    level: str
    factor: Fraction
    comparator: str
    grace_seconds: int
    restore: str
    on_missed: str
    close_factor: Fraction
    spread: Fraction
    minimum_notional: Fraction
    residual: str
    penalty: Penalty | None
    restores: tuple[str, Fraction] | None
    """Level and factor that a reduction or a cover restores; None: it closes a share."""
    floored: bool
    """Whether a price concession never exceeds equity."""
    at_most: dict[str, Fraction]
    """The most that one step closes: a ``share`` of the position, a ``notional``."""
    gains: Gains | None
    pause_seconds: int
    only_debts: bool
    age: int
    """Seconds for which the inequality has to hold."""
    until: tuple[str, Fraction] | None
    """Level and factor at which a condition that held once ends."""
    covers: bool
    cover_decimals: int | None
    ramp: Ramp | None
    auction: AuctionRule | None
    auction_floor: str
    shortfall: str
    ends_when_restored: bool
    rising: Rising | None


@dataclass(frozen=True)
class Period:
    """The most that a fund bears in each period: an amount, or a share of its equity before."""

    seconds: int
    amount: Fraction | None
    share: Fraction


@dataclass(frozen=True)
class Layer:
    name: str
    capacity: str
    pays: bool
    """Whether it pays money instead of assuming positions."""
    account: str | None
    reserve: Fraction
    notional: Fraction | None
    claim: Fraction | None
    period: Period | None


@dataclass(frozen=True)
class Waterfall:
    fund: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Binding:
    markets: dict[str, dict[str, Requirement]]
    ladder: tuple[Rung, ...]
    waterfall: Waterfall | None
    policy: Policy | None

    def schedule(self, market: str) -> dict[str, Requirement] | None:
        return self.markets.get(market, self.markets.get("*"))


@dataclass(frozen=True)
class Rulebook:
    name: str
    version: str
    sha256: str
    asset: str
    mode: str
    cost_basis: str
    operator: str
    numerics: dict[str, str]
    bindings: dict[str, Binding]
    variation: dict[str, str | None]
    """The fund by market (or ``*``) where gains and losses are paid at every mark."""
    prices: dict[str, PricePolicy]
    impact: dict[str, dict[str, Any]]
    """By market, how forced closes move its mark: as the document says."""


NUMERICS = {
    "fill_cost": "half_even",
    "funding": "toward_zero",
    "bankruptcy": "half_even",
    "entry_price": "toward_zero",
    "haircut": "up",
}


def _requirement(data: dict[str, Any]) -> Requirement:
    if data["op"] == "rate":
        return Requirement(((Fraction(0), Fraction(data["rate"])),))
    rows = [(Fraction(tier["floor"]), Fraction(tier["rate"])) for tier in data["tiers"]]
    return Requirement(tuple(rows))


def _penalty(data: dict[str, Any] | None) -> Penalty | None:
    if data is None:
        return None
    shares = tuple((r["account"], Fraction(r["share"])) for r in data["recipients"])
    limit = data.get("headroom")
    headroom = None
    if limit is not None:
        level = limit.get("level", "maintenance")
        headroom = Headroom(level, Fraction(limit["share"]), limit.get("decimals"))
    return Penalty(Fraction(data["rate"]), shares, headroom, data.get("limit") == "surplus")


def _rung(data: dict[str, Any]) -> Rung:
    when, quantity = data["when"], data.get("quantity", {})
    restoring = data if data["action"] == "cover" else quantity
    restores = None
    if data["action"] == "cover" or quantity.get("op") in ("restore", "cover"):
        restores = restoring.get("level", "maintenance"), Fraction(restoring.get("factor", "1"))
    until = when.get("until")
    price = data.get("price", {})
    return Rung(
        action=data["action"],
        level=when["level"],
        factor=Fraction(when.get("factor", "1")),
        comparator=when.get("comparator", "<"),
        grace_seconds=data.get("grace_seconds", 0),
        restore=data.get("restore", "initial"),
        on_missed=data.get("on_missed", "notify"),
        close_factor=Fraction(quantity.get("share", "1")),
        spread=Fraction(data.get("price", {}).get("spread", "0")),
        minimum_notional=Fraction(data.get("minimum_notional", "0")),
        residual=data.get("residual", "trader"),
        penalty=_penalty(data.get("penalty")),
        restores=restores,
        floored=data.get("price", {}).get("floor") != "none",
        at_most={name: Fraction(most) for name, most in data.get("at_most", {}).items()},
        gains=_gains(data.get("gains")),
        pause_seconds=data.get("pause_seconds", 0),
        only_debts=data.get("only_debts", False),
        age=when.get("grace_seconds", 0),
        until=(until["level"], Fraction(until.get("factor", "1"))) if until else None,
        covers=quantity.get("op") == "cover",
        cover_decimals=quantity.get("decimals"),
        auction=_auction(data["method"]) if data["action"] == "auction" else None,
        auction_floor=data.get("floor", "none"),
        shortfall=data.get("shortfall", "account"),
        ends_when_restored=data.get("ends_when_restored", True),
        ramp=_ramp(data["ramp"]) if "ramp" in data else None,
        rising=_rising(price["rising"]) if "rising" in price else None,
    )


def _ramp(data: dict[str, Any]) -> Ramp:
    return Ramp(
        data.get("level", "maintenance"),
        Fraction(data["initial"]),
        data["seconds"],
        Fraction(data.get("whole_below", "0")),
        data.get("decimals", 12),
    )


def _auction(data: dict[str, Any]) -> AuctionRule:
    return AuctionRule(
        data["op"],
        Fraction(data["reserve"] if data["op"] == "sealed" else data["start"]),
        Fraction(data.get("end", "0")),
        data["duration_seconds"],
        Fraction(data.get("step", data.get("cut", "0"))),
        data.get("step_seconds", 1),
        data.get("pays") == "uniform",
    )


def _rising(data: dict[str, Any]) -> Rising:
    rates = Fraction(data["per_second"]), Fraction(data["most"])
    return Rising(data.get("after_seconds", 0), *rates)


def _gains(data: dict[str, Any] | None) -> Gains | None:
    if data is None:
        return None
    most = data.get("at_most")
    return Gains(_penalty(data.get("penalty")), None if most is None else Fraction(most))


def _period(data: dict[str, Any]) -> Period:
    amount = Fraction(data["amount"]) if "amount" in data else None
    return Period(data["seconds"], amount, Fraction(data.get("share", "0")))


def _waterfall(data: dict[str, Any]) -> Waterfall:
    layers = tuple(
        Layer(
            x["layer"],
            x.get("capacity", "equity"),
            x["layer"] in ("haircut", "deficit") or x.get("by") == "paying",
            x.get("account"),
            Fraction(x.get("reserve", "0")),
            Fraction(x["notional"]) if "notional" in x else None,
            Fraction(x["claim"]) if "claim" in x else None,
            _period(x["period"]) if "period" in x else None,
        )
        for x in data["layers"]
    )
    return Waterfall(data["fund"], layers)


def read(
    name: str,
    version: str,
    sha256: str,
    data: dict[str, Any],
    assets: set[str],
    markets: dict[str, str],
    accounts: set[str],
) -> Rulebook:
    """Read a rulebook; ``markets`` maps each declared market to its settlement asset's name.

    Raises :class:`RulebookError` for what the generator can get wrong: a mode that does not
    exist, a name that is not declared, and a part that is missing.
    """
    asset = data.get("settlement_asset")
    if data.get("format") != 1 or data.get("mode") not in MODES or asset not in assets:
        raise RulebookError("format, mode or settlement asset")
    try:
        schedules = {
            key: {level: _requirement(item[level]) for level in ("initial", "maintenance")}
            for key, item in data["schedules"].items()
        }
        ladders = {k: tuple(_rung(r) for r in v) for k, v in data.get("ladders", {}).items()}
        waterfalls = {k: _waterfall(v) for k, v in data.get("waterfalls", {}).items()}
        policies = {k: read_policy(v, asset) for k, v in data.get("collateral", {}).items()}
        bindings = {
            item["account_class"]: Binding(
                {market: schedules[key] for market, key in item["markets"].items()},
                ladders[item["ladder"]] if item.get("ladder") else (),
                waterfalls[item["waterfall"]] if item.get("waterfall") else None,
                policies[item["collateral"]] if item.get("collateral") else None,
            )
            for item in data["bindings"]
        }
    except KeyError as error:
        raise RulebookError(f"{error} is missing") from None
    named = {w.fund for w in waterfalls.values()}
    named |= {x.account for w in waterfalls.values() for x in w.layers if x.account}
    for rung in (rung for ladder in ladders.values() for rung in ladder):
        for penalty in (rung.penalty, rung.gains.penalty if rung.gains else None):
            named |= {account for account, _ in penalty.recipients} if penalty else set()
    variation = {
        market: rule.get("fund") for market, rule in data.get("variation_margin", {}).items()
    }
    named |= {fund for fund in variation.values() if fund}
    if not named <= accounts:
        raise RulebookError("an account is not declared")
    places = [
        *variation,
        *data.get("prices", {}),
        *(m for b in bindings.values() for m in b.markets),
    ]
    if any(m != "*" and m not in markets for m in places):
        raise RulebookError("a market is not declared")
    return Rulebook(
        name,
        version,
        sha256,
        asset,
        data["mode"],
        data.get("instruments", {}).get("cost_basis", "average"),
        data.get("funding", {}).get("operator", "index"),
        NUMERICS | data.get("numerics", {}),
        bindings,
        variation,
        read_prices(data.get("prices", {})),
        data.get("impact", {}),
    )
