"""The sample statement: it agrees with the ledger but for what is planted, and that is found."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import MAPPING, PLANTED, NothingPlanted, Planted
from clearing.samples import incident_day

DAY = (datetime(2024, 6, 18, tzinfo=UTC), datetime(2024, 6, 19, tzinfo=UTC))
FOUND = {
    "missing": "missing_there",
    "amount": "amount",
    "sign": "sign",
    "fee": "fee",
    "time": "timing",
    "foreign": "missing_here",
    "duplicate": "duplicate",
}


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with Ledger.open(database_url) as opened:
        opened.append(incident_day(accounts=20))
        opened.project()
        yield opened


def found(ledger: Ledger, tmp_path: Path, venue: str, planted: tuple[Planted, ...]) -> list[str]:
    desk = ledger.desk("ann")
    path, mapping = tmp_path / f"{venue}.csv", tmp_path / "mapping.yaml"
    lines = desk.sample_statement("trader-001", *DAY, planted)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    taken = desk.take(
        STATEMENT_READERS["generic-csv"],
        str(path),
        account="trader-001",
        venue=venue,
        settings={"mapping": str(mapping)},
        asked_from=DAY[0],
        asked_until=DAY[1],
    )
    assert taken.new, taken.refusals
    return [one.type for one in desk.reconcile(venue, "trader-001").differences]


def test_what_is_planted_is_found_and_nothing_else(ledger: Ledger, tmp_path: Path) -> None:
    assert set(FOUND) == set(PLANTED)
    assert found(ledger, tmp_path, "clean", ()) == []
    for error, type_ in FOUND.items():
        assert found(ledger, tmp_path, error, (error,)) == [type_], error  # type: ignore[arg-type] # keys are PLANTED
    every = tuple(FOUND)
    assert sorted(found(ledger, tmp_path, "all", every)) == sorted(FOUND.values())  # type: ignore[arg-type] # as above


def test_there_must_be_a_line_to_plant_in(ledger: Ledger) -> None:
    early = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    with pytest.raises(NothingPlanted, match="no line to plant 'fee' in"):
        list(ledger.desk("ann").sample_statement("trader-001", *early, ("fee",)))
