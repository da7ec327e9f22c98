"""Documents of people's own: YAML or JSON, read so that nothing is taken for something else.

Texts, whole numbers, ``true``, ``false`` and ``null``; a number with a point stays the digits it is
written with. What other readers would guess is refused or stays text: a key told twice, ``010``,
``13:10:00``, ``no``, aliases, tags.
"""

import json
import re
from collections.abc import Callable, Hashable
from typing import Any, Final

import yaml

MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest document that is read."""

_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_LONGEST: Final = 100
"""The most digits of a whole number; there is no use for as many."""


class DocumentUnreadable(ValueError):  # noqa: N818 - reads as the statement that it is
    """A text is not a document; the message says where and what would be right."""


def read_text(text: str) -> Any:
    """Return the JSON-like document of a YAML or JSON text (which begins with a brace).

    Raises :class:`DocumentUnreadable`.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise DocumentUnreadable(f"is larger than {MAX_BYTES:,} bytes")
    reader: Callable[[str], Any] = _from_json if text.lstrip().startswith("{") else _from_yaml
    try:
        return reader(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, DocumentUnreadable):
            raise
        raise DocumentUnreadable(f"cannot be read: {_where(error)}") from None


def _where(error: Exception) -> str:
    """Say what is wrong with a text, and in which line where that is known."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"


def _from_json(text: str) -> Any:
    return json.loads(
        text,
        parse_float=str,
        parse_int=_whole,
        parse_constant=_no_constant,
        object_pairs_hook=_once_each,
    )


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST or not _WHOLE.fullmatch(digits):
        raise DocumentUnreadable(
            f"{digits[:30]} is not a whole number of at most {_LONGEST} digits, such as 120"
        )
    return int(digits)


def _no_constant(name: str) -> Any:
    raise DocumentUnreadable(f"{name} is not a number; write its digits")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DocumentUnreadable(f"{key!r} is told twice; once is right")
        found[key] = value
    return found


def _from_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader that knows fewer types yet


class _Loader(yaml.SafeLoader):
    """YAML of texts, whole numbers, booleans and nothing else: no floats, times or aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node, unless it is an alias: a few of these can stand for billions of nodes."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call] # its stubs forgot it
            line = event.start_mark.line + 1
            raise DocumentUnreadable(f"line {line}: aliases are not read: write out what is meant")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Construct an object whose keys are texts, each told once."""
        seen: set[str] = set()
        for key, _ in node.value:
            name, line = key.value, key.start_mark.line + 1
            if not isinstance(name, str):
                raise DocumentUnreadable(f"line {line}: a key is a text, not a list or an object")
            if name in seen:
                raise DocumentUnreadable(f"line {line}: {name!r} is told twice; once is right")
            seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """Construct a whole number."""
        try:
            return _whole(node.value)
        except DocumentUnreadable as error:
            raise DocumentUnreadable(f"line {node.start_mark.line + 1}: {error}") from None


_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = {
    "bool": (re.compile(r"true|false"), "tf"),
    "int": (_WHOLE, "-+0123456789"),
    "null": (re.compile(r"~|null|"), ["~", "n", ""]),
}
_Loader.yaml_implicit_resolvers = {}
for _name, (_pattern, _firsts) in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"{_TAG}{_name}", re.compile(rf"(?:{_pattern.pattern})$"), list(_firsts)
    )
_Loader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.SafeLoader.yaml_constructors.items()
    if tag in {None, *(f"{_TAG}{name}" for name in ("bool", "null", "str", "seq", "map"))}
}
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_whole)
