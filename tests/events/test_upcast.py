"""Old rows are read through upcasters; rows from the future are refused."""

import pytest

from clearing.events import EventRow, Kind, UnknownVersion, decode, encode, upcast
from clearing.events.codec import VERSION
from clearing.events.upcast import Upcasters
from tests.events.venue import event, venue

REGISTRY = venue()


def deposit() -> EventRow:
    return encode(event("Deposited", account="bob", asset="USD", amount="1"), REGISTRY)


def changed(row: EventRow, **columns: object) -> EventRow:
    copy = EventRow(*row.values())  # type: ignore[arg-type] # the columns in their order
    for name, value in columns.items():
        setattr(copy, name, value)
    return copy


def test_a_row_of_the_current_version_is_itself() -> None:
    row = deposit()
    assert row.version == VERSION
    assert upcast(row) is row


def test_steps_are_applied_one_after_the_other() -> None:
    upcasters = Upcasters({Kind.Deposited: 3, Kind.Withdrawn: 1})

    @upcasters.register(Kind.Deposited, 1)
    def _cents_to_mills(row: EventRow) -> EventRow:
        return changed(row, version=2, amount=row.amount * 10)

    @upcasters.register(Kind.Deposited, 2)
    def _network(row: EventRow) -> EventRow:
        return changed(row, version=3, detail='{"network":"bank"}')

    row = deposit()
    read = upcasters.upcast(row)
    assert (read.version, read.amount, read.detail) == (3, 1000, '{"network":"bank"}')
    assert (row.version, row.amount) == (1, 100)
    second = upcasters.upcast(changed(row, version=2))
    assert (second.version, second.amount, second.detail) == (3, 100, '{"network":"bank"}')


def test_a_version_from_the_future_is_unknown() -> None:
    row = changed(deposit(), version=2, position=7)
    with pytest.raises(UnknownVersion, match="position 7: version 2 of kind 10 is not known here"):
        upcast(row)
    with pytest.raises(UnknownVersion):
        decode(row, REGISTRY)


def test_an_old_version_without_a_step_is_unknown() -> None:
    with pytest.raises(UnknownVersion, match="version 1 of kind 10"):
        Upcasters({Kind.Deposited: 2}).upcast(deposit())


@pytest.mark.parametrize("version", [0, 1])
def test_an_unknown_kind(version: int) -> None:
    with pytest.raises(UnknownVersion, match="kind 99"):
        upcast(changed(deposit(), kind=99, version=version))


def test_a_step_leads_to_the_next_version() -> None:
    upcasters = Upcasters({Kind.Deposited: 2})
    with pytest.raises(ValueError, match="kind 10 has no step from version 2"):
        upcasters.register(Kind.Deposited, 2)
    upcasters.register(Kind.Deposited, 1)(lambda row: row)
    with pytest.raises(ValueError, match="has a step from version 1 already"):
        upcasters.register(Kind.Deposited, 1)
    with pytest.raises(ValueError, match="the step from 1 gave 1"):
        upcasters.upcast(deposit())
