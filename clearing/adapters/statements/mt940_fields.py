"""SWIFT messages of statements as tagged fields: blocks, continuation lines, pages.

A field begins with a line such as ``:61:…``; lines that follow without a tag continue it. A message
begins with ``:20:`` and ends at ``-`` or the next one. Lines of block headers (``{1:…}{4:``), a
line ``-}`` with its trailer, and the short heads that some banks set before a message (``940``,
their BIC) carry nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.files import Limits, read_lines

MAX_BYTES: Final = 256 * 1024**2
"""The most bytes of one file; a message of it is held in memory."""

TAGS: Final = (
    *("13D", "20", "21", "25", "25P", "28", "28C", "60F", "60M", "61", "62F", "62M"),
    *("64", "65", "86", "NS"),
)
"""The fields of a statement message."""

_LIMITS: Final = Limits(file_bytes=MAX_BYTES)
_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)", re.ASCII)
_TYPE: Final = re.compile(r"\{2:[IO]([0-9]{3})", re.ASCII)
_TYPES: Final = ("940", "950")
_HEAD: Final = re.compile(r"[A-Z0-9]{3,12}|\$", re.ASCII)


@dataclass(slots=True)
class Tagged:
    """A field: its ``tag`` without colons, its first ``line``, and its ``texts`` line by line."""

    tag: str
    line: int
    texts: list[str]

    def text(self) -> str:
        """Return the whole field, its lines divided by line breaks."""
        return "\n".join(self.texts)


@dataclass(slots=True)
class Message:
    """A message: its fields in order, the first being ``:20:``, and what could not be read."""

    fields: list[Tagged] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def read_messages(path: str) -> Iterator[Message | Refusal]:
    """Yield the messages of a file; a refusal outside of one by itself."""
    message: Message | None = None
    passed = False  # a message of another type is refused once, at its head
    for line in read_lines(path, _LIMITS):
        if isinstance(line, Refusal):
            if message is None:
                yield line
            else:
                message.refusals.append(line)
            continue
        text = line.text.rstrip(" ")
        match = _TAG.fullmatch(text)
        ends = text == "-" or text.startswith(("{", "-}"))
        if message is not None and (ends or (match and match[1] == "20")):
            yield message
            message = None
        if ends:
            kind = _TYPE.search(text)
            if kind is not None:
                passed = kind[1] not in _TYPES
                if passed:
                    reason = f"is an MT{kind[1]}; statements are MT940 (or MT950)"
                    yield refuse(path, line.number, reason, field="2", value=kind[1], raw=text)
            elif text.startswith(("-", "{1:")):
                passed = False
        elif passed:
            continue
        elif match is not None and match[1] == "20":
            message = Message([Tagged("20", line.number, [match[2]])])
        elif message is not None:
            _add(path, line.number, text, match, message)
        elif not _HEAD.fullmatch(text):
            reason = "stands outside of a message, which begins with ':20:'"
            yield refuse(path, line.number, reason, value=text, raw=text)
    if message is not None:
        yield message


def _add(path: str, number: int, text: str, match: re.Match[str] | None, message: Message) -> None:
    if match is None:
        message.fields[-1].texts.append(text)
    elif match[1] in TAGS:
        message.fields.append(Tagged(match[1], number, [match[2]]))
    else:
        right = ", ".join(f":{tag}:" for tag in TAGS)
        reason = f"':{match[1]}:' is not a field of a statement; these are {right}"
        message.refusals.append(refuse(path, number, reason, field=match[1], raw=text))
