"""One test for each reference row: matched, explained, not applicable or pending, never skipped
without saying which."""

import importlib
import importlib.util
from collections.abc import Callable
from decimal import localcontext
from typing import cast

import pytest

from tests.vectors.lists import EXPLAINED, MECHANISMS, PENDING
from tests.vectors.outcome import NOT_APPLICABLE, Found, Outcome, Pending, judge
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
    record_property("vector", row.file)
    run, waits_for = adapter(row.file), mechanism(row)
    with localcontext(WIDE):
        outcome: Outcome = Pending(waits_for or "an adapter") if run is None else run(row)
        verdict = judge(row, outcome, waits_for, EXPLAINED.get(row.id))
    if verdict.status == WAITS:
        assert verdict.detail in MECHANISMS, f"{row.file} waits for {verdict.detail}: not listed"
    record_property("vector_status", verdict.status)
    record_property("vector_detail", verdict.detail)
    if verdict.status in {NOT_APPLICABLE, WAITS}:
        pytest.skip(f"{verdict.status}: {verdict.detail}")
    if isinstance(outcome, Found):
        for name, reason in outcome.beside.items():
            record_property("vector_beside", f"{row.file}: {name}: {reason}")


def test_no_file_lacks_an_entry() -> None:
    listed = {name.split("/")[0] for name in PENDING}
    missing = [stem for stem in FILES if stem not in listed and adapter(stem) is None]
    assert not missing, f"neither an adapter nor a place in the list of what is pending: {missing}"


def test_ids_are_unique() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
