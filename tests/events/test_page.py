"""The page on events and the published schema say what the models say, and the examples run."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from clearing.engine import Engine
from clearing.events import EVENT_MODELS, EventRow, Kind, Registry, encode, format_line, parse_line
from clearing.events.kinds import REGISTRY_KINDS
from clearing.events.schema import json_schema, schema_text

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMON = {"kind", "source", "external_id", "occurred_at"}
REGENERATE = "python -m clearing.events.schema > docs/events.schema.json"


def sections() -> dict[str, str]:
    """The page's sections by kind."""
    page = (DOCS / "events.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[3::2], parts[4::2], strict=True))


def documented(section: str) -> Iterator[tuple[str, str]]:
    """Each field of a section's table with what it holds."""
    for names, holds in re.findall(r"^\| (`.+?`) \| (.+) \|$", section, flags=re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            yield name, holds


def examples(section: str) -> list[str]:
    return [
        line
        for block in re.findall(r"```json\n(.+?)```", section, flags=re.DOTALL)
        for line in block.splitlines()
    ]


def test_the_page_has_a_section_for_each_kind_in_their_order() -> None:
    assert list(sections()) == [kind.name for kind in Kind]


@pytest.mark.parametrize("kind", EVENT_MODELS)
def test_a_section_documents_the_fields_of_its_model(kind: str) -> None:
    fields = EVENT_MODELS[kind].model_fields
    table = dict(documented(sections()[kind]))
    assert set(table) == set(fields) - COMMON
    for name, holds in table.items():
        assert ("optional" in holds) is not fields[name].is_required(), name
        default = fields[name].default
        stated = re.search(r"default `?([\w,]+?)`?:| default `?(\w+)`?:", holds)
        if default in (None, "", (), PydanticUndefined):
            assert stated is None, name
        else:
            assert stated is not None, name
            assert (stated[1] or stated[2]).replace(",", "") == str(default), name


def test_the_examples_are_one_ledger() -> None:
    registry, rows = Registry(), []
    stored: dict[tuple[int, str], EventRow] = {}
    engine = Engine(resolver=lambda source, external_id: stored.get((source, external_id)))
    refused: list[Any] = []
    for kind, section in sections().items():
        parsed = [parse_line(line) for line in examples(section)]
        assert kind in {event.kind for event in parsed}
        for event in parsed:
            row = encode(event, registry)
            if row.kind in REGISTRY_KINDS:
                registry.apply(row)
            rows.append(row)
            row.position = len(rows)
            refused += [entry for entry in engine.apply(row) if entry[0] == "deviation"]
            stored[row.source, row.external_id] = row
    # This ledger records what venues did; auctions of its own are a deriving one's.
    assert [code for _, code, *_ in refused] == ["no_auction", "no_auction"]
    assert engine.book.registry.counts() == registry.counts()


@pytest.mark.parametrize("kind", EVENT_MODELS)
def test_examples_have_their_fields_in_the_order_in_which_they_are_written(kind: str) -> None:
    for line in examples(sections()[kind]):
        names = list(json.loads(line))
        written = list(json.loads(format_line(parse_line(line))))
        assert [name for name in written if name in names] == names


def test_the_published_schema_is_current() -> None:
    published = (DOCS / "events.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), f"run: {REGENERATE}"


@pytest.mark.parametrize("kind", EVENT_MODELS)
def test_the_schema_of_a_kind(kind: str) -> None:
    schema = json_schema(kind)
    fields = EVENT_MODELS[kind].model_fields
    assert set(schema["properties"]) == set(fields)
    assert schema["properties"]["kind"]["const"] == kind
    needed = {name for name, field in fields.items() if field.is_required()}
    assert set(schema["required"]) == needed | {"kind"}
    assert schema["additionalProperties"] is False
    assert json_schema()["$defs"][kind]["properties"] == schema["properties"]


def test_amounts_are_described_as_text() -> None:
    size = json_schema("Filled")["properties"]["size"]
    assert size["type"] == "string"
    for text in ("1", "0.5", "+3.25", "100"):
        assert re.search(size["pattern"], text)
    for text in ("0", "0.00", "-1", "1.", ".5", "NaN", "1 "):
        assert not re.search(size["pattern"], text)
    with pytest.raises(KeyError):
        json_schema("Nothing")
