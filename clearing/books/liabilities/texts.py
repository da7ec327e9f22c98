"""Amounts, hashes and JSON of the published files, each in one form alone."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from clearing.quantities import format_scaled

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_MAX_DECIMALS: Final = 100
_MAX_TEXT: Final = 400
_Made = TypeVar("_Made")


class NotAFile(ValueError):  # noqa: N818 - reads as the statement that it is
    """A text is not what it should be a file of; the message names the field and its value."""


class Fields:
    """An object of a file, whose fields are read each with its own check, and no others."""

    def __init__(self, document: Any, names: Sequence[str], where: str) -> None:
        if not isinstance(document, dict):
            raise NotAFile(f"{where}: is no object")
        if set(document) != set(names):
            odd = min(map(str, set(document) ^ set(names)))
            what = "is missing" if odd in names else "is not known"
            raise NotAFile(f"{where}: field {odd[:40]!r} {what}")
        self._document = document
        self._where = where

    def wrong(self, name: str, right: str) -> NotAFile:
        """Return the error of a field that is not what is right."""
        return NotAFile(f"{self._where}.{name}: {str(self._document[name])[:70]!r} is not {right}")

    def text(self, name: str) -> str:
        """Return a text of at most 100,000 characters."""
        value = self._document[name]
        if not isinstance(value, str) or len(value) > 100_000:
            raise self.wrong(name, "a text")
        return value

    def named(self, name: str) -> str:
        """Return a name of 1 to 64 characters."""
        value = self.text(name)
        if not 1 <= len(value) <= 64:
            raise self.wrong(name, "a name of 1 to 64 characters")
        return value

    def number(self, name: str, first: int, last: int) -> int:
        """Return an integer between two bounds."""
        value = self._document[name]
        if not isinstance(value, int) or isinstance(value, bool) or not first <= value <= last:
            raise self.wrong(name, f"an integer from {first} to {last}")
        return value

    def hash(self, name: str) -> bytes:
        """Return 32 bytes, which are 64 lower-case hexadecimal digits."""
        value = self._document[name]
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self.wrong(name, "32 bytes in lower-case hexadecimal")
        return bytes.fromhex(value)

    def amount(self, name: str, decimals: int, *, signed: bool = False) -> int:
        """Return an exact decimal of so many decimals as an integer at them."""
        value = self._document[name]
        fraction = rf"\.[0-9]{{{decimals}}}" if decimals else ""
        pattern = rf"{'-?' if signed else ''}(0|[1-9][0-9]*){fraction}"
        if (
            not isinstance(value, str)
            or len(value) > _MAX_TEXT
            or not re.fullmatch(pattern, value, re.ASCII)
        ):
            below = "" if signed else " that is not negative"
            raise self.wrong(name, f"a decimal with {decimals} decimals{below}")
        return int(value.replace(".", ""))

    def each(self, name: str, made: Callable[[Any, str], _Made], most: int) -> tuple[_Made, ...]:
        """Return what is made of every object of a list of at most ``most``."""
        value = self._document[name]
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(name, f"a list of at most {most:,}")
        return tuple(made(item, f"{self._where}.{name}[{n}]") for n, item in enumerate(value))

    def amounts(self, name: str, decimals: int) -> dict[str, int]:
        """Return signed amounts by name."""
        value = self._document[name]
        if not isinstance(value, dict) or len(value) > 1000:
            raise self.wrong(name, "an object of amounts")
        inner = Fields(value, list(value), f"{self._where}.{name}")
        return {key: inner.amount(key, decimals, signed=True) for key in value}


def decimals_of(fields: Fields) -> int:
    """Return how many decimals the amounts of an asset have in a file."""
    return fields.number("decimals", 0, _MAX_DECIMALS)


def written(amount: int, decimals: int) -> str:
    """Write an amount with exactly so many decimals."""
    return format_scaled(amount, decimals)


def read_json(text: str, what: str) -> Any:
    """Return the JSON of a text, without numbers that are no integers, and no field twice."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            raise NotAFile(f"{what}: says a field twice")
        return found

    def refused(number: str) -> Any:
        raise NotAFile(f"{what}: {number[:40]} is no integer; amounts are texts")

    try:
        return json.loads(
            text, object_pairs_hook=pairs, parse_float=refused, parse_constant=refused
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise NotAFile(f"{what}: is no JSON: {error}") from None
    except ValueError as error:
        raise error if isinstance(error, NotAFile) else NotAFile(f"{what}: {error}") from None


def write_json(document: Any) -> str:
    """Write a document as the files have it: sorted, indented by one space, with a last newline."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
