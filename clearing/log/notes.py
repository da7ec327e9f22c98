"""Signed notes: a text and the signatures under it, as C2SP's signed-note says, by Ed25519.

A note is its text, an empty line, and a line for each signature: ``— name base64(key id ‖
signature)``. A key id is the first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key).
Keys are texts: ``name+id+base64(0x01 ‖ public key)`` for whoever verifies, and
``PRIVATE+KEY+name+id+base64(0x01 ‖ seed)`` for whoever signs, which is kept secret.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

_ED25519: Final = b"\x01"
_SIGNATURE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_NAME: Final = re.compile(r"[^\s+]{1,200}")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
MAX_NOTE: Final = 64 * 1024
"""The longest note that is read, in characters."""


class NoteRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A note or a key is not what it must be; the message says why."""


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NoteRefused(f"{name!r} is not a key's name: it has no spaces and no plus signs")
    return name


def decoded(text: str, what: str) -> bytes:
    """Return what base64 text stands for; :class:`NoteRefused` if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused(f"{what} is not base64: {error}") from None


def encoded(data: bytes) -> str:
    """Return ``data`` as base64 text."""
    return base64.b64encode(data).decode("ascii")


class Verifier:
    """A name and its public key, of somebody whose signatures count."""

    def __init__(self, name: str, public: bytes) -> None:
        self.name = _named(name)
        self._public = public
        self._id = _key_id(name, public)

    @classmethod
    def from_text(cls, text: str) -> "Verifier":
        """Return the key that ``name+id+base64`` stands for; :class:`NoteRefused` if none."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteRefused("a public key is written name+id+base64")
        name, key_id, data = parts[0], parts[1], decoded(parts[2], "a public key")
        if len(data) != 33 or data[:1] != _ED25519:
            raise NoteRefused(f"the key of {name} is not an Ed25519 key")
        found = cls(name, data[1:])
        if found._id.hex() != key_id:
            raise NoteRefused(f"the key of {name} has id {found._id.hex()}, not {key_id}")
        return found

    def text(self) -> str:
        """Return the key as ``name+id+base64``."""
        return f"{self.name}+{self._id.hex()}+{encoded(_ED25519 + self._public)}"

    def names(self, name: str, signature: bytes) -> bool:
        """Whether a signature says that it is this key's: by name and key id."""
        return name == self.name and signature[:4] == self._id

    def accepts(self, signature: bytes, text: str) -> bool:
        """Whether this is a signature of this key under ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self._public).verify(signature[4:], text.encode())
        except InvalidSignature:
            return False
        return True


class Signer:
    """A name and its private key. It says nothing of the key when it is shown."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "Signer":
        """Return a new key of that name."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_text(cls, text: str) -> "Signer":
        """Return the key that :meth:`text` wrote; :class:`NoteRefused` if it is none."""
        parts = text.strip().split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise NoteRefused("is not a private key (PRIVATE+KEY+name+id+base64)")
        data = decoded(parts[4], "a private key")
        if len(data) != 33 or data[:1] != _ED25519:
            raise NoteRefused(f"the private key of {parts[2]} is not an Ed25519 key")
        found = cls(parts[2], data[1:])
        if found.text() != text.strip():
            raise NoteRefused(f"the private key of {parts[2]} has another id than it says")
        return found

    @property
    def name(self) -> str:
        """The key's name."""
        return self.verifier.name

    def text(self) -> str:
        """Return the private key as text, for its own file."""
        key_id = self.verifier.text().split("+")[1]
        return f"PRIVATE+KEY+{self.name}+{key_id}+{encoded(_ED25519 + self._seed)}"

    def sign(self, text: str) -> str:
        """Return ``text``, which ends in a newline, as a signed note."""
        if not text.endswith("\n"):
            raise NoteRefused("a note's text ends in a newline")
        key_id = bytes.fromhex(self.verifier.text().split("+")[1])
        return f"{text}\n— {self.name} {encoded(key_id + self._key.sign(text.encode()))}\n"

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"


def open_note(note: str, trusted: Sequence[Verifier]) -> tuple[str, list[str]]:
    """Return a note's text and the names of those trusted who signed it.

    Raises :class:`NoteRefused` for what is no note, for one that nobody trusted signed, and for one
    with a signature that says it is of somebody trusted and is not.
    """
    if len(note) > MAX_NOTE:
        raise NoteRefused(f"a note has at most {MAX_NOTE:,} characters")
    head, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise NoteRefused("is not a signed note: text, an empty line, signatures")
    if _CONTROL.search(note):
        raise NoteRefused("a note has no control characters but newlines")
    text, signed = head + "\n", list[str]()
    for line in signatures[:-1].split("\n"):
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise NoteRefused(f"{line[:60]!r} is not a signature's line")
        signature = decoded(found[2], "a signature")
        for key in trusted:
            if not key.names(found[1], signature):
                continue
            if not key.accepts(signature, text):
                raise NoteRefused(f"the signature of {key.name} is not of this text")
            if key.name not in signed:
                signed.append(key.name)
    if not signed:
        raise NoteRefused("nobody who is trusted signed it")
    return text, signed
