"""Collateral policies of one asset: what cash and unrealised PnL count for, level by level."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Number = int | Fraction


@dataclass(frozen=True)
class Weights:
    """What a balance of the settlement asset counts: marginal rows by value, a cap, and a debt."""

    rows: tuple[tuple[Fraction, Fraction], ...]
    liability: Fraction
    cap: Fraction | None

    def counted(self, value: Fraction) -> Fraction:
        """What ``value`` (whole units, signed) counts for."""
        if value < 0:
            return value * self.liability
        value = value if self.cap is None else min(value, self.cap)
        total = Fraction(0)
        for number, (base, weight) in enumerate(self.rows):
            top = self.rows[number + 1][0] if number + 1 < len(self.rows) else value
            total += max(Fraction(0), min(value, top) - base) * weight
        return total


@dataclass(frozen=True)
class Policy:
    """What counts of cash and PnL; by level, and ``maintenance`` holds for levels not named."""

    own: dict[str, Weights]
    """Weights of the settlement asset itself; empty: it counts in full."""
    unrealised: dict[str, tuple[Fraction, Fraction]]
    """What a gain and what a loss counts; empty: both count in full."""
    nested: bool

    def of_pnl(self, level: str, pnl: Number) -> Fraction:
        """What a position's PnL counts (nested: its PnL less what the level asks of it)."""
        gain, loss = self.unrealised.get(
            level, self.unrealised.get("maintenance", (Fraction(1), Fraction(1)))
        )
        return pnl * (gain if pnl > 0 else loss)

    def of_cash(self, level: str, amount: Number, unit: int) -> Fraction:
        """What an amount of the settlement asset counts, both in smallest units."""
        if not self.own:
            return Fraction(amount)
        weights = self.own.get(level, self.own["maintenance"])
        return weights.counted(Fraction(amount) / unit) * unit


def read_policy(data: dict[str, Any], asset: str) -> Policy:
    """Read a policy that weighs no other asset than ``asset``, the settlement asset."""
    own = data.get("assets", {}).get(asset)
    weights = {}
    if own is not None:
        liabilities = own.get("liabilities", {"maintenance": "1"})
        levels = {*own["weights"], *liabilities}
        for level in levels:
            rows = own["weights"].get(level, own["weights"]["maintenance"])
            if not isinstance(rows, list):
                rows = [{"floor": "0", "weight": rows}]
            weights[level] = Weights(
                tuple((Fraction(row["floor"]), Fraction(row["weight"])) for row in rows),
                Fraction(liabilities.get(level, liabilities["maintenance"])),
                None if own.get("cap") is None else Fraction(own["cap"]),
            )
    unrealised = {
        level: (Fraction(pair.get("gain", "1")), Fraction(pair.get("loss", "1")))
        for level, pair in data.get("unrealised", {}).items()
    }
    return Policy(weights, unrealised, data.get("nested", False))
