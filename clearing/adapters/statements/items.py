"""The records of statements, rows of CSV or records of JSON, as items, refused one by one."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements.base import Item


class Told(Protocol):
    """A record as the file has it: its number (from 1) and its text."""

    @property
    def number(self) -> int:
        """Its number in the file, from 1."""

    @property
    def raw(self) -> str:
        """Its text."""


T = TypeVar("T", bound=Told)


def items_of(
    path: str, records: Iterable[T | Refusal], read: Callable[[T], Iterable[Item]]
) -> Iterator[Item]:
    """Yield what ``read`` makes of each record, or the refusal of what it could not read.

    A record is all read or all refused.
    """
    for record in records:
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            items = list(read(record))
        except FieldRefused as error:
            yield refused_record(path, record, error)
        else:
            yield from items


def refused_record(path: str, record: Told, error: FieldRefused) -> Refusal:
    """Return the refusal of a record for one of its fields."""
    where = {"field": error.field, "value": error.value, "raw": record.raw}
    return refuse(path, record.number, error.reason, **where)
