"""Canonical JSON, and what the numbers of stored content stand for."""

from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given

from clearing.events import EventRefused, EventRow, Filled, MarketStateChanged, Traded, encode
from clearing.events.canonical import canonical_json, document_hash, normalise_document
from clearing.events.kinds import CAUSES, MARKET_STATES
from tests.events.venue import event, json_values, venue

PEOPLE = {"author": "a", "approver": "b", "reason": "c"}


def test_one_value_has_one_text() -> None:
    assert canonical_json({"b": [1, None, True], "a": "é"}) == '{"a":"\\u00e9","b":[1,null,true]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    for value in (1.0, [0.5], {"a": {"b": 0.1}}, (1, 2.0)):
        with pytest.raises(TypeError, match="is a float"):
            canonical_json(value)


@given(json_values)
def test_a_document_of_plain_json_is_its_own_normal_form(document: Any) -> None:
    assert normalise_document(document) == document
    assert document_hash(normalise_document(document)) == document_hash(document)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"a": [{"b": 1.5}]}, "document.a.0.b: 1.5 is a float"),
        ({1: 2}, "document: key 1 is not text"),
        ({"\x00": 2}, "document key: text with a NUL"),
        ({"a": {1, 2}}, "document.a: {1, 2} is a set"),
        ({"a": Decimal("Infinity")}, "document.a: Infinity is not a finite number"),
        ({"a": 10**48}, "document.a: has too many digits; at most 48"),
    ],
)
def test_what_json_cannot_hold_exactly_is_named_by_path(document: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        normalise_document(document)


def test_decimals_in_a_document_become_text() -> None:
    given_document = {"rate": Decimal("0.0050"), "tiers": (Decimal("1E+3"), 2)}
    assert normalise_document(given_document) == {"rate": "0.0050", "tiers": ["1000", 2]}


def test_a_rulebook_names_its_digest() -> None:
    fields = {"name": "r", "version": "1", "document": {"a": 1}, **PEOPLE}
    adopted = event("RulebookAdopted", **fields)
    right = document_hash({"a": 1})
    assert getattr(adopted, "document_sha256") == right  # noqa: B009 - a field of one model only
    assert event("RulebookAdopted", document_sha256=right, **fields) == adopted
    with pytest.raises(EventRefused, match=f"document_sha256: is not the document's.*{right}"):
        event("RulebookAdopted", document_sha256="0" * 64, **fields)


def test_a_path_that_cannot_be_followed_still_names_its_field() -> None:
    with pytest.raises(EventRefused) as caught:
        event("RulebookAdopted", name="r", version="1", document={"x y": 0.5}, **PEOPLE)
    assert caught.value.path == "document"
    assert "document.x y: 0.5 is a float" in caught.value.message


def test_a_market_is_marked_once_in_one_event() -> None:
    with pytest.raises(EventRefused, match="may stand only once") as caught:
        event("Marked", marks=[{"market": "BTC-PERP", "price": "1"}] * 2)
    assert caught.value.path == "marks"


def test_the_words_of_flags_are_those_of_the_models() -> None:
    assert get_args(MarketStateChanged.model_fields["state"].annotation) == MARKET_STATES
    for model, field in ((Filled, "cause"), (Traded, "buyer_cause"), (Traded, "seller_cause")):
        assert get_args(model.model_fields[field].annotation) == CAUSES


def test_rows_are_compared_by_their_columns() -> None:
    tick = event("ClockTicked")
    one, other = encode(tick, venue()), encode(tick, venue())
    assert one == other
    assert len({one, other}) == 1
    assert one != "a row"
    other.position = 1
    assert one != other
    assert "occurred_at=1718668800000000" in repr(one)
    assert isinstance(one, EventRow)
