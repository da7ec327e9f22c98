"""Canonical JSON: one text for one value, so that equal content has equal bytes."""

import hashlib
import json
from decimal import Decimal
from typing import Any, Final

MAX_DIGITS: Final = 48
"""The most digits a number may have, before and after the point together."""

_MAX_DEPTH: Final = 32
_TOO_LARGE: Final = 10**MAX_DIGITS


def check_digits(number: int | Decimal) -> None:
    """Raise :class:`ValueError` unless ``number`` is finite and has at most 48 digits.

    Digits are counted as written without an exponent, before and after the point together.
    """
    if isinstance(number, int):
        if not -_TOO_LARGE < number < _TOO_LARGE:
            raise ValueError(f"has too many digits; at most {MAX_DIGITS} are accepted")
        return
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{number} is not a finite number")
    span = max(len(digits) + max(exponent, 0), -exponent)
    if span > MAX_DIGITS:
        raise ValueError(f"needs {span} digits; at most {MAX_DIGITS} are accepted")


def canonical_json(value: Any) -> str:
    """Write ``value`` with sorted keys, no spaces, and non-ASCII characters escaped.

    ``value`` holds only objects, arrays, strings, integers, booleans and null; a float raises
    :class:`TypeError`, because its text is not a fact.
    """
    _refuse_floats(value)
    return _ENCODER.encode(value)


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; canonical JSON holds exact decimals as strings")
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for inner in value:
        if not isinstance(inner, str):  # the most of what is written, by far
            _refuse_floats(inner)


def normalise_document(value: Any, path: str = "", depth: int = 0) -> Any:
    """Return a JSON document with every decimal as text and every key a string.

    Raises :class:`ValueError` naming the path of a float, a number that is not finite or has more
    than 48 digits, a key that is not text, a NUL or lone surrogate, or nesting deeper than 32.
    """
    where = path or "document"
    if depth > _MAX_DEPTH:
        raise ValueError(f"{where}: nested deeper than {_MAX_DEPTH}")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        try:
            check_digits(value)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        return value if isinstance(value, int) else format(value, "f")
    if isinstance(value, str):
        if any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in value):
            raise ValueError(f"{where}: text with a NUL or a lone surrogate")
        return value
    if isinstance(value, list | tuple):
        return [normalise_document(v, f"{where}.{i}", depth + 1) for i, v in enumerate(value)]
    if isinstance(value, dict):
        result = {}
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{where}: key {key!r} is not text")
            normalise_document(key, f"{where} key", depth + 1)
            result[key] = normalise_document(inner, f"{where}.{key}", depth + 1)
        return result
    raise ValueError(
        f"{where}: {value!r} is a {type(value).__name__}; write numbers with a point as strings"
    )


def document_hash(document: Any) -> str:
    """Return the SHA-256 of ``document``'s canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()
