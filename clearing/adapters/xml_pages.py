"""XML pages, part by part: no document type, no entities, nothing outside, and all of it bounded.

A page may be large; what is held at a time is one part, a child of the elements that a format asks
for. XML that declares a document type is refused at its line, so there are no entities but the
five of XML itself, and nothing is ever fetched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from xml.parsers import expat

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.files import Limits, read_blocks

MAX_BYTES: Final = 4 * 1024**3
"""The most bytes of one page."""

MAX_DEPTH: Final = 64
"""The deepest nesting of elements."""

MAX_ELEMENTS: Final = 500_000
"""The most elements of one part."""

MAX_TEXT: Final = 16 * 1024**2
"""The most characters of one part."""

MAX_TAG: Final = 1024**2
"""The most bytes of one tag or comment."""

MAX_NAMES: Final = 10_000
"""The most different names of elements and attributes: the parser keeps every one."""

_LIMITS: Final = Limits(file_bytes=MAX_BYTES)


@dataclass(slots=True)
class Element:
    """An element: its name, the line of its beginning, attributes, children and own text.

    Names of the part's namespace stand without it, others after their namespace and a space.
    """

    name: str
    line: int
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def find(self, *names: str) -> "Element | None":
        """Return the first element at a path of names below this one, or None."""
        found: Element | None = self
        for name in names:
            inside = found.children if found is not None else ()
            found = next((child for child in inside if child.name == name), None)
        return found

    def all(self, name: str) -> list["Element"]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]

    def leaves(self, *leaving_out: str) -> dict[str, str]:
        """Return all text below by its path from here, attributes as ``path@name``.

        What stands several times has a line each. Children named ``leaving_out`` are not followed.
        """
        found: dict[str, list[str]] = {}
        for child in self.children:
            if child.name not in leaving_out:
                child._collect(child.name, found)
        return {path: "\n".join(texts) for path, texts in found.items()}

    def _collect(self, path: str, found: dict[str, list[str]]) -> None:
        for name, value in self.attributes.items():
            found.setdefault(f"{path}@{name}", []).append(value)
        if self.text or not self.children:
            found.setdefault(path, []).append(self.text)
        for child in self.children:
            child._collect(f"{path}/{child.name}", found)


class Part(NamedTuple):
    """A child of an element that was asked for: the ``number`` of that element, from 1."""

    number: int
    element: Element


class _Unfit(Exception):  # noqa: N818 - reads as the statement that it is
    """A page that is not read on, and why."""


def read_parts(path: str, parent: str, namespace: re.Pattern[str]) -> Iterator[Part | Refusal]:
    """Yield the children of every element ``parent`` whose namespace matches, in order.

    A refusal ends the page; one without such elements is refused.
    """
    reader = _Reader(parent, namespace)
    for block in read_blocks(path, _LIMITS):
        if isinstance(block, Refusal):
            yield block
            return
        problem = reader.feed(block)
        yield from reader.taken()
        if problem:
            yield refuse(path, reader.line(), problem)
            return
    problem = reader.end()
    yield from reader.taken()
    if problem:
        yield refuse(path, reader.line(), problem)
    elif not reader.number:
        reason = f"has no element {parent} of {namespace.pattern}; its first one is {reader.root!r}"
        yield refuse(path, 0, reason, value=reader.root)


class _Reader:
    """A page on its way through the parser."""

    def __init__(self, parent: str, namespace: re.Pattern[str]) -> None:
        self.number = 0
        self.root = ""
        self._parent = parent
        self._namespace = namespace
        self._within = ""  # the namespace of the parent that is open, with a space
        self._depth = 0
        self._parent_depth = 0
        self._names: set[str] = set()
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._done: list[Part] = []
        self._elements = self._characters = self._unmoved = 0
        self._ended_at = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.DefaultHandlerExpand = self._other
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype
        self._parser.ExternalEntityRefHandler = lambda *_: 0

    def feed(self, block: bytes, last: bool = False) -> str:
        """Parse a block; return what is wrong with the page, or nothing."""
        self._unmoved += len(block)
        try:
            self._parser.Parse(block, last)
        except _Unfit as problem:
            return str(problem)
        except expat.ExpatError as error:
            self._ended_at = error.lineno
            return f"is not XML: {expat.ErrorString(error.code)} at column {error.offset + 1}"
        except (ValueError, LookupError) as error:  # an encoding that Python does not know
            return f"is not XML: {error}"
        if self._unmoved > MAX_TAG:
            # A parser that gets no further reads an unfinished tag again with every block.
            return f"has a tag or comment longer than {MAX_TAG} bytes"
        return ""

    def end(self) -> str:
        """Say that there is no more; return what is wrong with that, or nothing."""
        return self.feed(b"", last=True)

    def line(self) -> int:
        """Return the line that was reached."""
        return self._ended_at or self._parser.CurrentLineNumber

    def taken(self) -> list[Part]:
        """Return the parts that are complete since the last time."""
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._unmoved = 0
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Unfit(f"is nested deeper than {MAX_DEPTH} elements")
        self._names |= {name, *attributes}
        if len(self._names) > MAX_NAMES:
            raise _Unfit(f"has more than {MAX_NAMES} different names of elements and attributes")
        self.root = self.root or name
        if self._within:
            self._elements += 1
            if self._elements > MAX_ELEMENTS:
                raise _Unfit(f"has a part of more than {MAX_ELEMENTS} elements")
            inside = name.removeprefix(self._within)
            self._open.append(Element(inside, self._parser.CurrentLineNumber, attributes))
            self._texts.append([])
            self._count(sum(len(value) for value in attributes.values()))
            return
        space, _, local = name.rpartition(" ")
        if local == self._parent and self._namespace.fullmatch(space):
            self._within = f"{space} "
            self._parent_depth = self._depth
            self.number += 1

    def _end(self, _name: str) -> None:
        self._unmoved = 0
        self._depth -= 1
        if not self._open:
            if self._within and self._depth < self._parent_depth:
                self._within = ""
            return
        element = self._open.pop()
        element.text = "".join(self._texts.pop()).strip()
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._done.append(Part(self.number, element))
            self._elements = self._characters = 0

    def _text(self, text: str) -> None:
        self._unmoved = 0
        if self._texts:
            self._texts[-1].append(text)
            self._count(len(text))

    def _count(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MAX_TEXT:
            raise _Unfit(f"has a part of more than {MAX_TEXT} characters")

    def _other(self, _text: str) -> None:
        self._unmoved = 0

    def _doctype(self, *_: object) -> None:
        raise _Unfit("declares a document type; pages are read without one, and without entities")
