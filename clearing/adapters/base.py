"""What every adapter gives and takes: located events, refusals, options, the importer protocol."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from clearing.events import Event, MarketDeclared
from clearing.events.refused import shown
from clearing.events.registry import Registry

MAX_RAW = 2_000
"""The most characters of a refused line that a refusal keeps."""
MAX_VALUE = 200
"""The most characters of a refused value that a refusal keeps."""


class Located(NamedTuple):
    """An event and where it was read: ``line`` counts from 1 (of Parquet: the row)."""

    event: Event
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Input that cannot become an event, with everything needed to mend or keep it.

    ``line`` counts from 1; 0 means the file as a whole. ``field`` is the path of the field at
    fault, empty when the line as such is. ``value`` is what stood there, ``reason`` says what is
    wrong and what would be right, ``raw`` is the line (both texts are cut when very long).
    """

    file: str
    line: int
    field: str
    value: str
    reason: str
    raw: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.reason}" if self.field else f"{where}: {self.reason}"


def refuse(
    file: str, line: int, reason: str, *, field: str = "", value: object = "", raw: str = ""
) -> Refusal:
    """Make a :class:`Refusal`, cutting what is too long to keep."""
    text = str(value) if isinstance(value, str | Decimal) else shown(value)
    where = _cut(field, MAX_VALUE)
    return Refusal(file, line, where, _cut(text, MAX_VALUE), _clean(reason), _cut(raw, MAX_RAW))


def _cut(text: str, limit: int) -> str:
    clean = _clean(text)
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


def _clean(text: str) -> str:
    # Postgres refuses NUL in text and UTF-8 refuses lone surrogates: show them, don't store them.
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


Book = Callable[[Sequence[tuple[MarketDeclared, Decimal]], datetime], Iterator[Event]]
"""Accounts and positions beside prices: a book for (market, opening mark) pairs at a moment."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How an importer is to read.

    ``settings`` are the importer's own options by name (see :attr:`Importer.settings`).
    ``registry`` holds the names that the ledger already knows; they are not declared again.
    ``book`` makes accounts for importers of prices.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    registry: Registry | None = None
    book: Book | None = None


class Setting(NamedTuple):
    """An importer's option: its default, the values allowed (none: any), and its meaning."""

    default: str
    choices: tuple[str, ...]
    meaning: str


class Importer(Protocol):
    """A reader of one outside format."""

    @property
    def name(self) -> str:
        """The name by which the command line knows the format."""

    @property
    def summary(self) -> str:
        """One line: what the files are and what they become."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The options that :meth:`read` understands."""

    @property
    def takes_book(self) -> bool:
        """Whether :attr:`ImportOptions.book` is used."""

    def sniff(self, header: Sequence[str]) -> bool:
        """Return whether a file whose first line has these CSV fields is of this format."""

    def read(self, paths: Sequence[str], options: ImportOptions) -> Iterator[Located | Refusal]:
        """Yield the events of all ``paths`` in merge order, and refusals where they are met.

        Bad content is never raised. :class:`OptionRefused` is, before anything is read.
        """


class OptionRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """An option that the importer does not have, or a value that it does not take."""


def settle(
    importer: str, settings: Mapping[str, Setting], given: Mapping[str, str]
) -> dict[str, str]:
    """Return every setting's value, given or default; raise :class:`OptionRefused` otherwise."""
    for name, value in given.items():
        setting = settings.get(name)
        if setting is None:
            known = ", ".join(sorted(settings)) or "none"
            raise OptionRefused(f"{importer} has no option {name!r}; it has: {known}")
        if setting.choices and value not in setting.choices:
            right = ", ".join(setting.choices)
            raise OptionRefused(f"{importer}: {name}={value!r} is not one of {right}")
    return {name: given.get(name, setting.default) for name, setting in settings.items()}
