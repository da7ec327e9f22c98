"""Signed notes and checkpoints: the formats as others write them."""

import pytest

from clearing.log.checkpoints import Annex, Checkpoint, State, open_checkpoint
from clearing.log.notes import NoteRefused, Signer, Verifier, open_note

# The example key and note of the signed-note format's first implementation, golang.org/x/mod.
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)


def test_notes_are_as_their_first_implementation_writes_them() -> None:
    signer = Signer.from_text(SKEY)
    assert signer.verifier.text() == VKEY
    assert signer.text() == SKEY
    assert signer.sign(TEXT) == f"{TEXT}\n{SIGNATURE}"
    assert open_note(f"{TEXT}\n{SIGNATURE}", [Verifier.from_text(VKEY)]) == (
        TEXT,
        ["PeterNeumann"],
    )
    assert SKEY.rsplit("+", 1)[1] not in repr(signer)


@pytest.mark.parametrize(
    ("note", "problem"),
    [
        (TEXT, "is not a signed note"),
        (f"{TEXT}\nhello\n", "is not a signature's line"),
        (f"{TEXT.replace('problem', 'trouble')}\n{SIGNATURE}", "is not of this text"),
        (f"{TEXT}\n{SIGNATURE.replace('Peter', 'Paul')}", "nobody who is trusted"),
        (f"{TEXT}\n{SIGNATURE[:-8]}AAAAAA=\n", "is not of this text"),
        (f"{TEXT}\n{SIGNATURE}{SIGNATURE[:-8]}AAAAAA=\n", "is not of this text"),
        (f"{TEXT}\t\n\n{SIGNATURE}", "no control characters"),
        ("x" * 70_000, "at most 65,536"),
    ],
)
def test_what_is_not_signed_is_refused(note: str, problem: str) -> None:
    with pytest.raises(NoteRefused, match=problem):
        open_note(note, [Verifier.from_text(VKEY)])


@pytest.mark.parametrize(
    "text",
    ["", "a+b", VKEY.replace("c74f20a3", "c74f20a4"), "a b+c74f20a3+ARpc", "n+00000000+ARpc2Q=="],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.from_text(text)
    with pytest.raises(NoteRefused):
        Signer.from_text(f"PRIVATE+KEY+{text}")


def test_a_checkpoint_says_what_its_events_fold_to() -> None:
    state = State("a" * 64, "b" * 64, "c" * 64, "6", 3)
    receipts, quarantine = Annex(2, 2, bytes(32)), Annex(0, 0, bytes(range(32)))
    checkpoint = Checkpoint("example.com/log", 12, bytes(32), state, receipts, quarantine)
    text = checkpoint.text()
    assert text.split("\n")[:3] == ["example.com/log", "12", "A" * 43 + "="]
    assert Checkpoint.from_text(text) == checkpoint
    with_more = text + "somebody else's line\n"
    assert Checkpoint.from_text(with_more) == checkpoint
    assert text.split("\n")[4] == f"clearing/receipts count=2 last=2 root={'0' * 64}"
    for wrong in (
        text + receipts.line("receipts") + "\n",
        text + state.line() + "\n",
        text + "\n",
        "a\n1\n",
        "a\n01\nAAAA\n",
        text.replace("A", "!"),
        "a\n1\nAAAA\n",
    ):
        with pytest.raises(NoteRefused):
            Checkpoint.from_text(wrong)


def test_a_trusted_key_speaks_for_its_own_log_alone() -> None:
    """A note is taken only under the key of the log that it is of."""
    one, other = Signer.generate("example.com/one"), Signer.generate("example.com/other")
    trusted = [one.verifier, other.verifier]
    text = Checkpoint("example.com/one", 1, bytes(32)).text()
    both = one.sign(text) + other.sign(text).split("\n\n")[1]
    assert open_checkpoint(both, trusted)[1] == ("example.com/one", "example.com/other")
    assert open_checkpoint(one.sign(text), trusted)[0].size == 1
    with pytest.raises(NoteRefused, match="one, and signed by"):
        open_checkpoint(other.sign(text), trusted)
