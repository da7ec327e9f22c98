"""The frame itself: a figure that is missing, wrong or beside is seen as such."""

from decimal import Decimal
from typing import Any

import pytest

from tests.vectors.outcome import (
    DIFFERS,
    MATCHED,
    NOT_APPLICABLE,
    PENDING,
    Found,
    NotApplicable,
    Pending,
    differences,
    judge,
)
from tests.vectors.rows import Row


def row(expected: dict[str, Any], units: str = "coins") -> Row:
    return Row("file", "id", "topic", units, "a rule", {}, expected)


def test_equal_numbers_of_different_texts_match() -> None:
    found = Found({"cash": Decimal("1.50"), "checks": {"1": {"open": True, "sizes": ["0", "2"]}}})
    expected = {"cash": "1.5", "checks": {"1": {"open": True, "sizes": ["0.0", "2"]}}}
    assert differences(row(expected), found) == []


def test_both_numbers_are_told() -> None:
    found = Found({"checks": {"1": {"cash": Decimal(2)}}})
    wrong = differences(row({"checks": {"1": {"cash": "3"}}}), found)
    assert wrong == ["checks.1.cash: expected 3, found 2"]


def test_a_figure_that_is_not_read_differs() -> None:
    assert differences(row({"cash": "1", "size": "2"}), Found({"cash": "1"}))


def test_a_truth_is_no_number() -> None:
    assert differences(row({"due": True}), Found({"due": True})) == []
    assert differences(row({"due": True}), Found({"due": Decimal(1)}))
    assert differences(row({"due": "1"}), Found({"due": True}))


def test_lists_and_tables_match_whole() -> None:
    assert differences(row({"sizes": ["1"]}), Found({"sizes": ["1", "2"]}))
    assert differences(row({"paid": {}}), Found({"paid": {"0": "1"}}))


def test_a_figure_beside_is_left_out_but_not_all_of_them() -> None:
    found = Found({"cash": "1"}, {"ratio": "a display"})
    assert differences(row({"cash": "1", "ratio": "9"}), found) == []
    assert differences(row({"ratio": "9"}), found) == ["nothing was compared"]


def test_tolerance_holds_only_where_it_is_given() -> None:
    found = Found({"a": Decimal("100.1"), "b": Decimal("100.1")})
    assert len(differences(row({"a": "100", "b": "100"}), found)) == 2
    assert not differences(row({"a": "100", "b": "100", "tolerance_rel": "0.001"}), found)
    assert not differences(row({"a": "100", "b": "100", "tolerance_abs": "0.1"}), found)
    one = {"a": "100", "b": "100", "tolerance_abs": {"a": "0.1"}}
    assert differences(row(one), found) == ["b: expected 100, found 100.1"]
    units = "USD; a is a float, compare to 0.2"
    assert differences(row({"a": "100", "b": "100"}, units), found) == [
        "b: expected 100, found 100.1"
    ]


RIGHT, WRONG = Found({"cash": "1"}), Found({"cash": "2"})


def test_every_end_of_a_row() -> None:
    at = row({"cash": "1"})
    assert judge(at, RIGHT, None, None).status == MATCHED
    assert judge(at, NotApplicable("not ours"), None, None).status == NOT_APPLICABLE
    assert judge(at, Pending("a thing"), None, None).detail == "a thing"
    assert judge(at, WRONG, "a thing", None).status == PENDING
    explained = judge(at, WRONG, None, "a reason")
    assert explained.status == DIFFERS
    assert explained.detail == "id: cash: expected 1, found 2 (a reason)"


@pytest.mark.parametrize(
    ("outcome", "waits_for", "explained", "said"),
    [
        (WRONG, None, None, "expected 1, found 2"),
        (RIGHT, None, "a reason", "no longer differs"),
        (RIGHT, "a thing", None, "take it off the list of what is pending"),
        (NotApplicable("not ours"), None, "a reason", "not compared"),
        (Pending("a thing"), None, "a reason", "not compared"),
    ],
)
def test_what_the_lists_do_not_say_fails(
    outcome: Found | NotApplicable | Pending,
    waits_for: str | None,
    explained: str | None,
    said: str,
) -> None:
    with pytest.raises(AssertionError, match=said):
        judge(row({"cash": "1"}), outcome, waits_for, explained)
