"""Whatever comes in, nothing but an event or a refusal that names its field comes out."""

import json
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearing.events import (
    EVENT_MODELS,
    Event,
    EventRefused,
    encode,
    format_line,
    pack,
    parse_event,
    parse_line,
)
from tests.events.venue import events, outcome_of, venue

REGISTRY = venue()

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.decimals()
    | st.binary(max_size=5)
    | st.text(st.characters(), max_size=10)
    | st.sampled_from(["1e999", "NaN", "-0", "\ud800", "\x00", " ", "9" * 60, "venue", "USD"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(), max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


def accept(document: Any) -> None:
    """Take ``document`` all the way to bytes, or be refused in words."""
    outcome = outcome_of(lambda: pack(encode(parse_event(document), REGISTRY)))
    if isinstance(outcome, EventRefused):
        assert outcome.message
        assert len(outcome.problems) >= 1
        assert len(str(outcome)) < 10_000
        assert str(outcome).encode()  # can be shown and kept
    else:
        assert outcome


@given(anything)
def test_anything_at_all(document: Any) -> None:
    accept(document)


@given(st.data(), events, anything)
@settings(max_examples=200)
def test_one_field_spoilt(data: st.DataObject, sent: Event, value: Any) -> None:
    document = sent.model_dump()
    field = data.draw(st.sampled_from(sorted(document)))
    accept({**document, field: value})
    del document[field]
    accept(document)


@given(st.sampled_from(sorted(EVENT_MODELS)), st.data())
def test_the_right_fields_with_anything_in_them(kind: str, data: st.DataObject) -> None:
    fields = EVENT_MODELS[kind].model_fields
    document = {name: data.draw(anything) for name in fields}
    accept({**document, "kind": kind})


@given(st.text(st.characters(), max_size=60) | st.binary(max_size=60))
@example("{}")
@example(b'{"kind":"ClockTicked","source":"\xf0\x9f\x92\xa9"}')
def test_any_text_as_a_line(line: str | bytes) -> None:
    outcome = outcome_of(lambda: parse_line(line))
    assert isinstance(outcome, EventRefused)
    assert outcome.message


@given(events, st.data())
def test_a_line_cut_or_with_a_byte_changed(sent: Event, data: st.DataObject) -> None:
    line = format_line(sent).encode()
    at = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255))
    for broken in (line[:at], line[:at] + bytes([byte]) + line[at + 1 :]):
        parsed = outcome_of(partial(parse_line, broken))
        if isinstance(parsed, EventRefused):
            assert parsed.message
        else:
            assert parse_line(format_line(parsed)) == parsed


def test_a_document_that_contains_itself() -> None:
    document: dict[str, Any] = {
        "kind": "RulebookAdopted",
        "source": "venue",
        "external_id": "1",
        "occurred_at": "2024-06-18T00:00:00Z",
        "name": "r",
        "version": "1",
        "author": "a",
        "approver": "b",
        "reason": "c",
        "document": {},
    }
    accept(document)
    document["document"]["document"] = document
    accept(document)
    document["marks"] = document
    accept(document)


def test_a_rulebook_document_beyond_its_size() -> None:
    rules = {"rows": ["x" * 1000] * 600}
    line = json.dumps(
        {
            "kind": "RulebookAdopted",
            "source": "venue",
            "external_id": "1",
            "occurred_at": "2024-06-18T00:00:00Z",
            "name": "r",
            "version": "1",
            "author": "a",
            "approver": "b",
            "reason": "c",
            "document": rules,
        }
    )
    with pytest.raises(EventRefused, match="at most 524288 are accepted") as caught:
        parse_line(line)
    assert caught.value.path == "document"


def test_numbers_of_python_that_are_not_exact() -> None:
    fields = {
        "kind": "Deposited",
        "source": "venue",
        "external_id": "1",
        "occurred_at": "2024-06-18T00:00:00Z",
        "account": "alice",
        "asset": "USD",
    }
    for value in (1.5, float("nan"), Decimal("sNaN"), Decimal("-Infinity"), 10**5000, 1j):
        with pytest.raises(EventRefused) as caught:
            parse_event({**fields, "amount": value})
        assert caught.value.path == "amount"
