"""Packs of evidence: what is in them reproduces anywhere, and what was changed does not."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clearing.audit import CheckpointRefused, NameUnknown, PackBroken, check_pack
from clearing.ledger import Ledger
from clearing.log.notes import Signer
from clearing.log.tiles import TileStore
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.engine.venue import PERSON, Venue
from tests.projectors.ledgers import eventful_ledger

SIGNER = Signer("example.com/ledger", bytes(range(32)))
KEYS = [SIGNER.verifier]


def day() -> Venue:
    """Ada is taken at a wick; bob has a name that nobody else should read, and a reversal."""
    venue = wick()
    venue.account("Bob Roberts, 12 Elm St".replace(" ", "_").replace(",", ""))
    name = "Bob_Roberts_12_Elm_St"
    venue("Deposited", account=name, asset="USD", amount="500", id="from Bob Roberts")
    venue("Reversed", target={"source": "venue", "external_id": "from Bob Roberts"}, **PERSON)
    venue("Withdrawn", account=name, asset="USD", amount="5", id="to Bob Roberts")
    venue.mark(BTC="50")
    venue.mark(BTC="60")
    return venue


def files_of(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def rewritten(path: Path, change: Callable[[dict[str, str]], None]) -> Path:
    """The pack with its files changed, and a manifest that agrees with them."""
    import hashlib  # noqa: PLC0415 - used here alone

    files = files_of(path)
    change(files)
    manifest = json.loads(files.pop("manifest.json"))
    manifest["files"] = {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()
    }
    other = path.with_name("other.zip")
    with zipfile.ZipFile(other, "w") as archive:
        for name, text in {**files, "manifest.json": json.dumps(manifest)}.items():
            archive.writestr(name, text)
    return other


def test_a_pack_reproduces_and_tells_nothing_of_others(database_url: str, tmp_path: Path) -> None:
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    with stored(day(), database_url) as ledger:
        ledger.checkpoint(store, SIGNER)
        made = ledger.evidence("ada", path, store=store, verifier=SIGNER.verifier)
        view = ledger.account("ada")
    assert (made.since, made.proven, made.named) == (9, True, False)
    found = check_pack(path, KEYS)
    assert (found.verdict, found.findings, found.unproven) == ("reproduces", (), "")
    assert (found.proven, found.withheld, found.signed_by) == (10, 5, ("example.com/ledger",))
    files = files_of(path)
    assert "Elm" not in "".join(files.values())
    assert "Roberts" not in "".join(files.values())
    figures = json.loads(files["figures.json"])
    assert figures["standing"][0]["equity"] == view.scopes[0].equity == "0"
    kinds = {entry["entry"] for event in figures["events"] for entry in event["entries"]}
    assert {"liquidation", "bankruptcy", "closed", "loss", "transition"} <= kinds
    (rung,) = [rung for event in figures["events"] for rung in event["rungs"]]
    assert rung["working"][0]["result"] == "-440"
    report = files["report.html"]
    assert "What happened to ada" in report
    assert "<svg" in report
    assert "http" not in report, "it opens without a network"


def test_with_names_everything_is_shown_and_hashed(database_url: str, tmp_path: Path) -> None:
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    with stored(day(), database_url) as ledger:
        ledger.checkpoint(store, SIGNER)
        ledger.evidence("ada", path, store=store, names=True)
        digest = ledger.digest()
    found = check_pack(path, KEYS)
    assert (found.verdict, found.withheld) == ("reproduces", 0)
    assert json.loads(files_of(path)["figures.json"])["digest"] == digest
    with pytest.raises(PackBroken, match="is no pack"):
        check_pack(rewritten(path, lambda files: files.__delitem__("state.json")))


CHANGES: dict[str, Callable[[dict[str, str]], None]] = {
    "a figure": lambda f: f.update({"figures.json": f["figures.json"].replace('"-440"', '"-441"')}),
    "the state": lambda f: f.update({"state.json": f["state.json"].replace("100000", "100001")}),
    "an event left out": lambda f: f.update(
        {"events.jsonl": "".join(f["events.jsonl"].splitlines(keepends=True)[1:])}
    ),
    "the report": lambda f: f.update({"report.html": f["report.html"].replace("ada", "eve")}),
    "a proof": lambda f: f.update({"log.json": f["log.json"].replace('"since":8', '"since":9')}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_does_not_reproduce(
    database_url: str, tmp_path: Path, change: Callable[[dict[str, str]], None]
) -> None:
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    with stored(day(), database_url) as ledger:
        ledger.checkpoint(store, SIGNER)
        ledger.evidence("ada", path, store=store)
    found = check_pack(rewritten(path, change), KEYS)
    assert found.verdict == "does not reproduce"
    assert found.findings


def test_an_event_of_another_content_is_not_the_logs(database_url: str, tmp_path: Path) -> None:
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    with stored(day(), database_url) as ledger:
        ledger.checkpoint(store, SIGNER)
        ledger.evidence("ada", path, store=store)

    def swap(files: dict[str, str]) -> None:
        lines = [json.loads(line) for line in files["events.jsonl"].splitlines()]
        shown = [line for line in lines if "content" in line]
        shown[0]["content"], shown[1]["content"] = shown[1]["content"], shown[0]["content"]
        files["events.jsonl"] = "".join(json.dumps(line) + "\n" for line in lines)

    found = check_pack(rewritten(path, swap), KEYS)
    assert "log position 9: content and leaf differ" in found.findings
    other = Signer.generate("example.com/ledger").verifier
    found = check_pack(path, [other])
    assert (found.verdict, found.proven) == ("does not reproduce", 0)


def test_what_cannot_be_packed(database_url: str, tmp_path: Path) -> None:
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    with stored(day(), database_url) as ledger:
        with pytest.raises(NameUnknown):
            ledger.evidence("eve", path)
        made = ledger.evidence("ada", path, store=store)
        assert not made.proven
        found = check_pack(path)
        assert (found.verdict, found.proven) == ("reproduces", 0)
        assert "no checkpoint" in found.unproven
        with pytest.raises(FileExistsError):
            ledger.evidence("ada", path)
        ledger.checkpoint(store, SIGNER)
        tile = next((tmp_path / "store" / "tile" / "0" / "000.p").iterdir())
        tile.write_bytes(bytes(len(tile.read_bytes())))
        with pytest.raises(CheckpointRefused, match="are not those of the checkpoints"):
            ledger.evidence("ada", tmp_path / "more.zip", store=TileStore(tmp_path / "store"))
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(PackBroken, match="cannot be read"):
        check_pack(tmp_path / "text.zip")


@pytest.mark.parametrize("seed", [1, 5])
def test_packs_of_whatever_happened_reproduce(database_url: str, tmp_path: Path, seed: int) -> None:
    with eventful_ledger(database_url, seed) as connection:
        ledger = Ledger(connection)
        ledger.project()
        accounts: list[Any] = ledger.accounts()
        for number, view in enumerate(accounts):
            for names in (False, True):
                path = tmp_path / f"{number}-{names}.zip"
                ledger.evidence(view.account, path, names=names)
                found = check_pack(path)
                assert (found.verdict, found.findings) == ("reproduces", ())
