"""The page's own checker, which uses nothing of ours, accepts a proof, and nothing that is none."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from clearing.log.checkpoints import Annex, Checkpoint, State
from clearing.log.merkle import leaf_hash
from clearing.log.notes import Signer
from clearing.log.proof_files import write_inclusion
from clearing.log.proving import inclusion_path
from clearing.log.tiles import TileStore
from tests.docs.test_documents import text

CONTENTS = [f"event {number}".encode() for number in range(300)]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    found = re.search(r"```python stranger.py\n(.*?)```", text("docs/proofs.md"), re.DOTALL)
    assert found is not None
    path = tmp_path / "stranger.py"
    path.write_text(found[1], encoding="utf-8")
    return path


def test_the_page_holds_all_that_a_stranger_needs(program: Path, tmp_path: Path) -> None:
    store = TileStore(tmp_path / "store")
    store.append(leaf_hash(content) for content in CONTENTS)
    signer = Signer.generate("example.com/ledger")
    digest, annex = "ab" * 32, Annex(3, 3, bytes(32))
    state = State(digest, digest, digest, "6", 1)
    note = signer.sign(Checkpoint(signer.name, 300, store.root(300), state, annex, annex).text())
    key = signer.verifier.text()
    for index in (0, 255, 256, 299):
        path = inclusion_path(store.subtree, index, 300)
        proof = write_inclusion(index, CONTENTS[index], path, note)
        answer = _run(program, proof, key)
        assert answer.stdout.startswith(f"log position {index + 1} of 300:"), answer.stderr
    for wrong in (
        proof.replace("index 299", "index 298"),
        proof.replace("\n300\n", "\n301\n"),
        proof.replace("engine=6", "engine=7"),
        proof.replace("extra ", "extra AAAA"),
    ):
        assert wrong != proof
        assert _run(program, wrong, key).returncode == 1
    assert _run(program, proof, Signer.generate(signer.name).verifier.text()).returncode == 1


def _run(program: Path, proof: str, key: str) -> subprocess.CompletedProcess[str]:
    file = program.with_name("one.tlog-proof")
    file.write_text(proof, encoding="utf-8")
    command = [sys.executable, "-I", str(program), str(file), key]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the page's program
