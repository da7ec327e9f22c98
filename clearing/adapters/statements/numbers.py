"""Numbers as statements write them: decimal marks, groups of thousands, smallest units; exact."""

import re
from decimal import Decimal
from functools import cache
from typing import Final

from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements.mapping import CsvFile

_DECIMAL: Final = {"point": r"\.", "comma": ","}
_THOUSANDS: Final = {
    "comma": ",",
    "point": r"\.",
    "space": "[ \u00a0\u202f]",
    "apostrophe": "['’]",
}
_EXAMPLES: Final = {"point": "1234.5", "comma": "1234,5"}


def written_number(field: str, value: str, file: CsvFile) -> Decimal:
    """Return the number that ``value`` writes by the file's marks: at most 18 decimals.

    Raises :class:`~clearing.adapters.fields.FieldRefused`.
    """
    match = _pattern(file.decimal, file.thousands).fullmatch(value)
    if match is None:
        marks = f"decimal {file.decimal}, thousands {file.thousands}"
        example = _EXAMPLES[file.decimal]
        reason = f"{value[:60]!r} is not a number such as {example!r} ({marks})"
        raise FieldRefused(field, value, f"{reason} with at most 18 decimals")
    whole = re.sub(r"[^0-9]", "", match["whole"], flags=re.ASCII)
    sign = "-" if match["sign"] == "-" else ""
    part = f".{match['part']}" if match["part"] else ""
    return Decimal(f"{sign}{whole}{part}")


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    whole = "[0-9]{1,30}"
    if thousands != "none":
        mark = _THOUSANDS[thousands]
        whole = f"{whole}|[0-9]{{1,3}}(?:{mark}[0-9]{{3}}){{1,9}}"
    part = f"(?:{_DECIMAL[decimal]}(?P<part>[0-9]{{1,18}}))?"
    return re.compile(f"(?P<sign>[+-]?)(?P<whole>{whole}){part}", re.ASCII)
