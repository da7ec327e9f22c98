"""Publishing what is owed and checking a proof, at the command line and by the page's program."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.stories import stored
from tests.books.test_liabilities import crash
from tests.cli.conftest import Run
from tests.docs.test_documents import text


@pytest.fixture
def published(clearing: Run, database_url: str, tmp_path: Path) -> Path:
    """A publication with a signed checkpoint, of a day on which ada owes and bob is owed."""
    with stored(crash(), database_url):
        pass
    assert clearing("checkpoint")[0] == 0
    code, out, err = clearing("liabilities", "publish", "--out", str(tmp_path / "out"))
    assert (code, "made a secret" in err, "a signed checkpoint is in it" in out) == (0, True, True)
    (secret,) = (tmp_path / "data" / "liability-secrets").iterdir()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.read_text().strip() not in out + err
    return tmp_path / "out" / "publication.json"


def test_from_publication_to_a_check_without_a_database(
    clearing: Run, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = tmp_path / "bob.json"
    arguments = ["--publication", str(published)]
    code, _, err = clearing("liabilities", "proof", "bob", *arguments, "--out", str(bob))
    assert (code, stat.S_IMODE(bob.stat().st_mode)) == (0, 0o600), err
    code, out, _ = clearing("liabilities", "proof", "ada", *arguments)
    ada = tmp_path / "ada.json"
    ada.write_text(out)
    everybody = tmp_path / "all"
    code, out, _ = clearing("liabilities", "proof", "--all", *arguments, "--out", str(everybody))
    assert (code, "2 proofs" in out) == (0, True)
    assert stat.S_IMODE(everybody.stat().st_mode) == 0o700
    assert (everybody / "bob.json").read_bytes() == bob.read_bytes()
    (verifier,) = (tmp_path / "data" / "checkpoints").glob("*/verifier")
    monkeypatch.delenv("CLEARING_DATABASE_URL")
    command = ("liabilities", "check", str(bob), str(published))
    code, out, _ = clearing(*command, "--key", str(verifier), "--json")
    answer = json.loads(out)
    assert (code, answer["proves"], answer["owed"]) == (0, True, {"USD": "10500"})
    assert (answer["totals"], len(answer["signed_by"])) == ({"USD": "10500"}, 1)
    code, out, _ = clearing(*command)
    assert (code, "whose log it is of: not checked" in out) == (0, True)
    told = json.loads(bob.read_text())
    told["account"] = "ada"
    bob.write_text(json.dumps(told))
    code, out, _ = clearing(*command)
    assert (code, "does not lead to the published root" in " ".join(out.split())) == (1, True)
    code, out, _ = clearing(*command, "--json")
    assert (code, json.loads(out)["proves"]) == (1, False)
    code, out, _ = clearing("liabilities", "check", str(tmp_path / "no"), str(published))
    assert (code, "cannot be read" in " ".join(out.split())) == (1, True)


def test_the_pages_program_checks_proofs_with_nothing_of_ours(
    clearing: Run, published: Path, tmp_path: Path
) -> None:
    (program,) = re.findall(r"```python check.py\n(.*?)```", text("docs/liabilities.md"), re.DOTALL)
    (tmp_path / "check.py").write_text(program)
    for account, owed in (("bob", "10500.0"), ("ada", "0.0")):
        proof = tmp_path / f"{account}.json"
        arguments = ["--publication", str(published), "--out", str(proof)]
        assert clearing("liabilities", "proof", account, *arguments)[0] == 0

        def check(file: Path) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-I", str(tmp_path / "check.py"), str(file), str(published)]
            return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours

        done = check(proof)
        assert f"{account} is owed {owed}" in done.stdout, done.stderr
        told = json.loads(proof.read_text())
        told["assets"][0]["parts"][2]["path"][1]["sum"] = "-" + "1." + "0" * 17
        forged = tmp_path / "forged.json"
        forged.write_text(json.dumps(told))
        assert "OverflowError" in check(forged).stderr


def test_a_secret_that_others_can_read_or_that_is_another_makes_no_proof(
    clearing: Run, published: Path, tmp_path: Path
) -> None:
    arguments = ["liabilities", "proof", "bob", "--publication", str(published)]
    (secret,) = (tmp_path / "data" / "liability-secrets").iterdir()
    secret.chmod(0o640)
    code, _, err = clearing(*arguments)
    assert (code, "can be read by others" in " ".join(err.split())) == (2, True)
    secret.chmod(0o600)
    code, _, err = clearing(*arguments, "--secret", str(tmp_path / "none"))
    assert (code, "there is no secret" in " ".join(err.split())) == (2, True)
    assert not (tmp_path / "none").exists()
    other = tmp_path / "other"
    other.touch(mode=0o600)
    other.write_text("hello")
    code, _, err = clearing(*arguments, "--secret", str(other))
    assert (code, "holds no secret" in " ".join(err.split())) == (2, True)
    other.write_text("00" * 32)
    code, _, err = clearing(*arguments, "--secret", str(other))
    assert (code, "another secret" in " ".join(err.split())) == (1, True)
    code, _, err = clearing("liabilities", "publish", "--out", str(published.parent))
    assert (code, "is there already" in " ".join(err.split())) == (2, True)
    for wrong in (["--all"], []):
        code, _, err = clearing("liabilities", "proof", *wrong, "--publication", str(published))
        assert code == 2
