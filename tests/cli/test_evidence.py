"""Packs of evidence at the command line."""

import json
from pathlib import Path

from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.cli.conftest import Run


def test_a_pack_is_made_once_and_checked(clearing: Run, database_url: str, tmp_path: Path) -> None:
    venue = wick()
    venue.mark(BTC="50")
    with stored(venue, database_url):
        pass
    pack = str(tmp_path / "ada.zip")
    code, out, _ = clearing("evidence", "make", "ada", "--out", pack)
    assert (code, "without proofs" in out) == (0, True)
    code, _, err = clearing("evidence", "make", "ada", "--out", pack)
    assert (code, "is there already" in err) == (2, True)
    code, out, _ = clearing("evidence", "check", pack)
    assert (code, "reproduces" in out, "not proven" in out) == (0, True, True)
    assert clearing("checkpoint")[0] == 0
    proven = str(tmp_path / "proven.zip")
    code, out, _ = clearing("evidence", "make", "ada", "--out", proven, "--json")
    assert (code, json.loads(out)["proven"]) == (0, True)
    code, out, _ = clearing("evidence", "check", proven)
    assert (code, "by the key in the pack itself" in " ".join(out.split())) == (0, True)
    (tmp_path / "no.zip").write_text("hello")
    code, _, err = clearing("evidence", "check", str(tmp_path / "no.zip"))
    assert (code, "cannot be read" in err) == (2, True)
