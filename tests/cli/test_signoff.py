"""Rulebooks by four eyes: read exactly, and refused before anybody signs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.audit.rulebooks import rulebooks
from clearing.cli import run
from clearing.ledger import Ledger
from tests.reconcile.desk import START, Day

DOCUMENT = {
    "format": 1,
    "settlement_asset": "XBT",
    "mode": "record",
    "schedules": {},
    "bindings": [],
}


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> Iterator[str]:
    with Ledger.open(database_url) as ledger:
        Day(ledger, tmp_path)
        yield database_url


def event(tmp_path: Path, **changed: object) -> Path:
    document = {
        "kind": "RulebookAdopted",
        "source": "venue",
        "external_id": "rules-1",
        "occurred_at": START.isoformat(),
        "name": "main",
        "version": "1",
        "document": DOCUMENT,
        **changed,
    }
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def propose(path: Path, url: str) -> int:
    return run(["signoff", "rulebook", str(path), "first rules", "--as", "ann", "--url", url])


def test_what_is_no_event_is_refused_before_anybody_signs(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propose(event(tmp_path, occurred_at="yesterday"), url) == 2
    assert "occurred_at" in capsys.readouterr().err
    (tmp_path / "rules.json").write_text('{"kind": NaN', encoding="utf-8")
    assert propose(tmp_path / "rules.json", url) == 2
    with Ledger.open(url) as ledger:
        assert ledger.desk("bob").proposals() == []


def test_a_number_is_kept_as_it_is_written(url: str, tmp_path: Path) -> None:
    path = event(tmp_path)
    tiers = '{"op": "rate", "rate": 0.10000000000000000555}'
    text = path.read_text().replace('"schedules": {}', f'"schedules": {{"a": {{"m": {tiers}}}}}')
    path.write_text(text, encoding="utf-8")
    assert propose(path, url) == 0
    with Ledger.open(url) as ledger:
        (asked,) = ledger.desk("bob").proposals()
    assert asked.document["document"]["schedules"]["a"]["m"]["rate"] == "0.10000000000000000555"


def test_an_approved_rulebook_is_in_the_log_with_both_names(url: str, tmp_path: Path) -> None:
    assert propose(event(tmp_path), url) == 0
    assert run(["signoff", "approve", "1", "--as", "ann", "--url", url]) == 2
    assert run(["signoff", "approve", "1", "--as", "bob", "--url", url]) == 0
    with Ledger.open(url) as ledger:
        (rules,) = rulebooks(ledger.connection, ledger.moment())
    assert (rules.name, rules.author, rules.approver) == ("main", "ann", "bob")
