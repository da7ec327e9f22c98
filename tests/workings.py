"""Computing a working again, from its facts up: a few lines that know nothing of the engine."""

import ast
import re
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, isqrt
from typing import Any


def _rounding(whole: Callable[[Fraction], int]) -> Callable[[Fraction, Fraction], Fraction]:
    return lambda x, n: Fraction(whole(x * 10 ** int(n)), 10 ** int(n))


def _toward_zero(x: Fraction) -> int:
    return floor(x) if x > 0 else ceil(x)


def _away(x: Fraction) -> int:
    return ceil(x) if x > 0 else floor(x)


def _half_away(x: Fraction) -> int:
    return _toward_zero(x + Fraction(1, 2) if x > 0 else x - Fraction(1, 2))


def _weighted_median(*pairs: Fraction) -> Fraction:
    """The price at which half the weight is reached; between two where it is just reached."""
    ordered = sorted(pair for pair in zip(pairs[::2], pairs[1::2], strict=True) if pair[1])
    half = sum((weight for _, weight in ordered), Fraction(0)) / 2
    reached = Fraction(0)
    for place, (price, weight) in enumerate(ordered):
        reached += weight
        if reached == half:
            return (price + ordered[place + 1][0]) / 2
        if reached > half:
            return price
    raise AssertionError("no weight")


def _median(*prices: Fraction) -> Fraction:
    return _weighted_median(*(part for price in prices for part in (price, Fraction(1))))


def _near(price: Fraction, beyond: Fraction, n: Fraction, *prices: Fraction) -> Fraction:
    middle = Fraction(round(_median(*prices) * 10 ** int(n)), 10 ** int(n))
    return Fraction(abs(price - middle) <= beyond * abs(middle))


FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "sum": lambda values: sum(values, Fraction(0)),
    "max": lambda *values: max(values[0] if isinstance(values[0], list) else values),
    "min": lambda *values: min(values[0] if isinstance(values[0], list) else values),
    "abs": abs,
    "root": lambda x, n: Fraction(isqrt(floor(x * 100 ** int(n))), 10 ** int(n)),
    "below": lambda x, y: Fraction(x < y),
    "at_most": lambda x, y: Fraction(x <= y),
    "choose": lambda condition, x, y: x if condition else y,
    "median": _median,
    "weighted_median": _weighted_median,
    "near": _near,
    "half_even": _rounding(round),
    "down": _rounding(floor),
    "up": _rounding(ceil),
    "toward_zero": _rounding(_toward_zero),
    "away_from_zero": _rounding(_away),
    "half_away": _rounding(_half_away),
}


def computed(node: dict[str, Any]) -> Fraction:
    """The value of a node, from its facts; every node on the way must say the same."""
    if not node["formula"]:
        assert not node["inputs"], node["name"]
        return Fraction(node["result"])
    inputs = [(child["name"], computed(child)) for child in node["inputs"]]
    names = {re.sub(r"[^A-Za-z0-9]", "_", name): value for name, value in inputs}
    value = _evaluate(node["formula"], names, [value for _, value in inputs])
    assert value == Fraction(node["result"]), (node["name"], node["formula"], value, node["result"])
    return value


def _evaluate(formula: str, names: dict[str, Fraction], inputs: list[Fraction]) -> Fraction:
    def at(part: ast.expr) -> Any:
        match part:
            case ast.Constant():
                return Fraction(ast.get_source_segment(formula, part) or "")
            case ast.Name(id="inputs"):
                return inputs
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -at(operand)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return FUNCTIONS[name](*map(at, arguments))
            case ast.BinOp(left=left, op=op, right=right):
                a, b = at(left), at(right)
                if isinstance(op, ast.Add):
                    return a + b
                if isinstance(op, ast.Sub):
                    return a - b
                return a * b if isinstance(op, ast.Mult) else a / b
        raise AssertionError(f"not of the grammar: {ast.dump(part)}")

    return Fraction(at(ast.parse(formula, mode="eval").body))
