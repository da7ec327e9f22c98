"""Packs of evidence: what is in them reproduces anywhere, and what was changed does not."""

import base64
import json
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from clearing.audit import CheckpointRefused, NameUnknown, PackBroken, check_pack
from clearing.audit.evidence.report import _kept
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
    if not isinstance(manifest, dict):
        manifest = {}
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


def since_one(files: dict[str, str]) -> None:
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "since": 1})


def test_where_a_pack_begins_is_where_its_state_stands(database_url: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "ada.zip", tmp_path / "whole.zip"
    with stored(day(), database_url) as ledger:
        ledger.evidence("ada", path)
        ledger.evidence("ada", whole, since=1, names=True)
        for wrong in (0, -3, 19):
            with pytest.raises(ValueError, match="log positions 1 to 18"):
                ledger.evidence("ada", tmp_path / "none.zip", since=wrong)
    found = check_pack(rewritten(path, since_one))
    assert "manifest.json: since is 1, the state is of 8" in found.findings
    assert check_pack(whole).verdict == "reproduces"
    richer = rewritten(
        whole,
        lambda f: f.update({"state.json": f["state.json"].replace('"latest":0', '"latest":1')}),
    )
    assert "state.json: is not the state before" in check_pack(richer).findings[0]


def test_an_earlier_event_that_is_referred_to_is_proven_too(
    database_url: str, tmp_path: Path
) -> None:
    """A reversal of ada's own deposit, which lies before the pack."""
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    venue = day()
    venue("Reversed", target={"source": "venue", "external_id": "e9"}, **PERSON)
    with stored(venue, database_url) as ledger:
        ledger.checkpoint(store, SIGNER)
        ledger.evidence("ada", path, since=17, store=store, verifier=SIGNER.verifier)
    assert check_pack(path, KEYS).verdict == "reproduces"
    (line,) = parsed("earlier.jsonl", files_of(path)["earlier.jsonl"])
    content = base64.b64decode(line["content"])
    other = base64.b64encode(content[:-1] + b"x").decode()

    def altered(files: dict[str, str]) -> None:
        files["earlier.jsonl"] = json.dumps({**line, "content": other}) + "\n"

    def moved(files: dict[str, str]) -> None:
        proofs = json.loads(files["log.json"])
        proofs["earlier"][str(line["position"])]["path"].reverse()
        files["log.json"] = json.dumps(proofs)

    for change, problem in ((altered, "content and leaf differ"), (moved, "is not proven")):
        found = check_pack(rewritten(path, change), KEYS)
        assert any(problem in finding for finding in found.findings), found


ODD: list[Any] = [
    None,
    True,
    -1,
    1 << 70,
    "",
    "x",
    "ff" * 32,
    "é\u0000",
    [],
    {},
    [[1]],
    {"a": []},
    0.5,
]


def mutated(value: Any, dice: Random) -> Any:
    """A JSON value with one part of it replaced by something odd, or left out."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        name = dice.choice(sorted(value))
        if dice.random() < 0.2:
            return {key: other for key, other in value.items() if key != name}
        return {**value, name: mutated(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], mutated(value[at], dice), *value[at + 1 :]]
    return dice.choice(ODD)


def parsed(name: str, text: str) -> list[Any]:
    """The JSON values of a file."""
    return [*map(json.loads, text.splitlines())] if name.endswith("l") else [json.loads(text)]


def test_an_odd_pack_is_refused_or_found_wrong(database_url: str, tmp_path: Path) -> None:
    """Whatever stands in its files: no crash, and never the verdict of a sound one."""
    store, path = TileStore(tmp_path / "store"), tmp_path / "ada.zip"
    with stored(day(), database_url) as ledger:
        ledger.checkpoint(store, SIGNER)
        ledger.evidence("ada", path, store=store, verifier=SIGNER.verifier)
    names = sorted(name for name in files_of(path) if name.endswith((".json", ".jsonl")))
    dice = Random(5)  # noqa: S311 - dice
    for _ in range(300):
        name = dice.choice(names)

        def change(files: dict[str, str], name: str = name) -> None:
            lines = files[name].splitlines() if name.endswith("l") else [files[name]]
            at = dice.randrange(len(lines)) if lines else 0
            told = json.loads(lines[at]) if lines else {}
            lines[at : at + 1] = [json.dumps(mutated(told, dice))]
            files[name] = "".join(line + "\n" for line in lines)

        changed = rewritten(path, change)
        told, now = (parsed(name, files_of(one)[name]) for one in (path, changed))
        withheld = [line for line in told if "row" in line and line not in now]
        try:
            found = check_pack(changed, KEYS)
        except PackBroken:
            continue
        if json.dumps(told) == json.dumps(now):
            assert found.verdict == "reproduces"
        elif not withheld and name not in ("manifest.json", "earlier.jsonl", "state.json"):
            # Where a pack begins is stated, and what is withheld of others is not hashed: parts
            # that no figure comes from could be others.
            other = name == "figures.json" and now[0]["engine_version"] != "6"
            verdict = "could not tell" if other else "does not reproduce"
            assert (found.verdict, bool(found.findings)) == (verdict, not other), now


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"../outside": b""}, r"'\.\./outside' is not a file of a pack"),
        ({"/etc/passwd": b""}, "is not a file of a pack"),
        ({"rulebooks/x.json": b"{}"}, "is not a file of a pack"),
        ({f"rulebooks/{n:064x}.json": b"{}" for n in range(1001)}, "has 1,006 files; a pack has"),
        ({"report.html": bytes(300 << 20)}, "unpacks to more than"),
        ({"manifest.json": b"\xff"}, "cannot be read"),
        ({"manifest.json": b"[" * 100_000}, "manifest.json is not JSON"),
    ],
    ids=["outside", "absolute", "no hash", "many", "large", "not UTF-8", "deep"],
)
def test_an_archive_that_is_no_pack_is_not_read(
    tmp_path: Path, files: dict[str, bytes], problem: str
) -> None:
    needed = ("manifest.json", "state.json", "events.jsonl", "earlier.jsonl", "figures.json")
    path = packed(tmp_path / "odd.zip", {**dict.fromkeys(needed, b"{}"), **files})
    with pytest.raises(PackBroken, match=problem):
        check_pack(path)


def test_a_broken_stream_or_a_deep_state_is_no_crash(database_url: str, tmp_path: Path) -> None:
    path, broken = tmp_path / "ada.zip", tmp_path / "broken.zip"
    with stored(day(), database_url) as ledger:
        ledger.evidence("ada", path)
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo("state.json").header_offset + 30 + len("state.json")
    data = bytearray(path.read_bytes())
    data[begin : begin + 8] = b"\xff" * 8
    broken.write_bytes(data)
    with pytest.raises(PackBroken, match="cannot be read"):
        check_pack(broken)
    deep = rewritten(path, lambda files: files.update({"state.json": "[" * 100_000}))
    assert check_pack(deep).verdict == "does not reproduce"


def test_a_file_is_in_a_pack_once(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("manifest.json", "[]")
    with pytest.raises(PackBroken, match=r"manifest\.json twice"):
        check_pack(path)


def test_a_chart_of_many_points_keeps_every_wick() -> None:
    line = [(x, Fraction(100)) for x in range(10_000)]
    line[4_321] = (4_321, Fraction(-7))
    line[8_765] = (8_765, Fraction(900))
    kept = _kept(line)
    assert len(kept) <= 600
    assert (4_321, Fraction(-7)) in kept
    assert (8_765, Fraction(900)) in kept
    assert (kept, kept[0], kept[-1]) == (sorted(kept), line[0], line[-1])
    assert _kept(line[:600]) == line[:600]
