"""One test for each reference row: matched, explained, not applicable or pending, never skipped
without saying which."""

import importlib
import importlib.util
from collections.abc import Callable
from decimal import localcontext
from typing import cast

import pytest

from tests.vectors.lists import EXPLAINED, PENDING
from tests.vectors.outcome import (
    DIFFERS,
    MATCHED,
    NOT_APPLICABLE,
    Found,
    NotApplicable,
    Outcome,
    Pending,
    differences,
)
from tests.vectors.outcome import PENDING as WAITS
from tests.vectors.rows import FOLDER, WIDE, Row, read_all

FILES = read_all()
ROWS = [row for rows in FILES.values() for row in rows]

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no reference vectors at {FOLDER}: set CLEARING_SHARED"
)

Adapter = Callable[[Row], Outcome]
Record = Callable[[str, object], None]


def adapter(stem: str) -> Adapter | None:
    """Return ``run`` of the module that is named as the file, if there is one."""
    name = f"tests.vectors.{stem}"
    if importlib.util.find_spec(name) is None:
        return None
    return cast(Adapter, importlib.import_module(name).run)


def mechanism(row: Row) -> str | None:
    """Return what the list says the row waits for."""
    return PENDING.get(row.file) or PENDING.get(f"{row.file}/{row.topic}")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(row: Row, record_property: Record) -> None:
    def note(status: str, detail: str = "") -> None:
        record_property("vector_status", status)
        record_property("vector_detail", detail)

    record_property("vector", row.file)
    run, waits_for = adapter(row.file), mechanism(row)
    with localcontext(WIDE):
        outcome: Outcome = Pending(waits_for or "an adapter") if run is None else run(row)
        wrong = differences(row, outcome) if isinstance(outcome, Found) else []
    if isinstance(outcome, Found):
        if wrong and waits_for is not None:
            outcome = Pending(waits_for)
        elif wrong:
            assert row.id in EXPLAINED, f"{row.id} ({row.rule}):\n" + "\n".join(wrong)
            note(DIFFERS, f"{row.id}: {'; '.join(wrong)} ({EXPLAINED[row.id]})")
            return
        else:
            assert waits_for is None, f"{row.id} matches: take it off the list of what is pending"
            assert row.id not in EXPLAINED, f"{row.id} no longer differs: take it off the list"
            for name, reason in outcome.beside.items():
                record_property("vector_beside", f"{row.file}: {name}: {reason}")
            note(MATCHED)
            return
    assert row.id not in EXPLAINED, f"{row.id} is explained and yet is not compared"
    if isinstance(outcome, NotApplicable):
        note(NOT_APPLICABLE, outcome.reason)
        pytest.skip(f"not applicable: {outcome.reason}")
    note(WAITS, outcome.mechanism)
    pytest.skip(f"pending: {outcome.mechanism}")


def test_no_file_lacks_an_entry() -> None:
    listed = {name.split("/")[0] for name in PENDING}
    missing = [stem for stem in FILES if stem not in listed and adapter(stem) is None]
    assert not missing, f"neither an adapter nor a place in the list of what is pending: {missing}"


def test_ids_are_unique() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
