"""Proofs as a stranger checks them: Go's own libraries for signed notes and RFC 6962 trees.

They come with the packages ``golang-go`` and ``golang-golang-x-mod-dev`` of Debian; where they are
not installed, this is skipped.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from clearing.log.checkpoints import Annex, Checkpoint, State
from clearing.log.merkle import leaf_hash
from clearing.log.notes import Signer, encoded
from clearing.log.proof_files import write_inclusion
from clearing.log.proving import consistency_path, inclusion_path
from clearing.log.tiles import TileStore

SOURCES = Path("/usr/share/gocode")
PROGRAM = r"""
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func hashes(lines []string) []tlog.Hash {
	var found []tlog.Hash
	for _, line := range lines {
		data, err := base64.StdEncoding.DecodeString(line)
		must(err)
		var hash tlog.Hash
		copy(hash[:], data)
		found = append(found, hash)
	}
	return found
}

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	must(err)
	file, err := os.ReadFile(os.Args[2])
	must(err)
	parts := strings.SplitN(string(file), "\n\n", 2)
	opened, err := note.Open([]byte(parts[1]), note.VerifierList(verifier))
	must(err)
	body := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(body[1], 10, 64)
	must(err)
	root := hashes(body[2:3])[0]
	lines := strings.Split(parts[0], "\n")
	content, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err)
	must(tlog.CheckRecord(hashes(lines[3:]), size, root, index, tlog.RecordHash(content)))
	growth, err := os.ReadFile(os.Args[3])
	must(err)
	told := strings.Split(strings.TrimSpace(string(growth)), "\n")
	old, err := strconv.ParseInt(told[0], 10, 64)
	must(err)
	must(tlog.CheckTree(hashes(told[2:]), size, root, old, hashes(told[1:2])[0]))
	fmt.Println("proved")
}
"""


def test_go_accepts_notes_and_proofs(tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None or not (SOURCES / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip("Go and its golang.org/x/mod are not installed")
    contents = [f"event {number}".encode() for number in range(700)]
    store = TileStore(tmp_path / "store")
    store.append(leaf_hash(content) for content in contents)
    signer = Signer.generate("example.com/ledger")
    digest = "ab" * 32
    state = State(digest, digest, digest, "6", 1)
    annex = Annex(3, 3, bytes(32))
    checkpoint = Checkpoint(signer.name, 700, store.root(700), state, annex, annex)
    note = signer.sign(checkpoint.text())
    (tmp_path / "main.go").write_text(PROGRAM)
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(SOURCES),
        "GOCACHE": str(tmp_path / "cache"),
        "GOFLAGS": "",
    }
    program = str(tmp_path / "check")
    build = [go, "build", "-o", program, str(tmp_path / "main.go")]
    subprocess.run(build, env=environment, check=True)  # noqa: S603 - the compiler on our program
    for index, old in ((0, 1), (255, 256), (256, 300), (512, 699), (699, 700)):
        path = inclusion_path(store.subtree, index, 700)
        proof = tmp_path / "proof"
        proof.write_text(write_inclusion(index, contents[index], path, note))
        growth = tmp_path / "growth"
        hashes = [store.root(old), *consistency_path(store.subtree, old, 700)]
        growth.write_text("\n".join([str(old), *map(encoded, hashes)]))
        command = [program, signer.verifier.text(), str(proof), str(growth)]
        answer = _run(command)
        assert answer.stdout == "proved\n", answer.stdout
    proof.write_text(proof.read_text().replace("index 699", "index 698"))
    assert _run(command).returncode == 1


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our program
