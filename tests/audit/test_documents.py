"""Scenario files as texts: what is read, and what other readers would have guessed at."""

import pytest

from clearing.audit import ScenarioRefused
from clearing.audit.replay import read_scenario
from clearing.events.documents import DocumentUnreadable, read_text

HEAD = "scenario: 1\nname: x\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 010", "010"),
        ("a: 13:10:00", "13:10:00"),
        ("a: 0x10", "0x10"),
        ("a: 1_000", "1_000"),
        ("a: no", "no"),
        ("a: On", "On"),
        ("a: 2024-06-18T13:10:00Z", "2024-06-18T13:10:00Z"),
        ("a: 2024-06-18", "2024-06-18"),
        ("a: 0.10", "0.10"),
        ("a: 1e3", "1e3"),
        ("a: .inf", ".inf"),
        ("a: -12", -12),
        ("a: +7", 7),
        ("a: 0", 0),
        ("a: true", True),
        ("a: null", None),
        ("a: ~", None),
        ("a:", None),
        ('a: "5"', "5"),
        ("a: !!str 5", "5"),
        ("a: [1, x]", [1, "x"]),
        ('{"a": 0.10}', "0.10"),
        ('{"a": -12}', -12),
    ],
)
def test_numbers_and_words_are_what_they_look_like(text: str, value: object) -> None:
    found = read_text(text)["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is told twice"),
        ("x:\n  - {a: 1, a: 2}", "line 2: 'a' is told twice"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is told twice"),
        ("a: " + "9" * 5000, "line 1: 9.* is not a whole number of at most 100 digits"),
        ('{"a": ' + "9" * 5000 + "}", "is not a whole number of at most 100 digits"),
        ("a: !!int abc", "line 1: abc is not a whole number"),
        ("a: !!timestamp 2024-13-45", "could not determine a constructor"),
        ("a: !!float 0.1", "could not determine a constructor"),
        ("a: !!binary aGk=", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: &x [1]\nb: *x", "line 2: aliases are not read"),
        ("[1]: 2", "line 1: a key is a text"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": -Infinity}', "-Infinity is not a number"),
        ("[" * 3000, "cannot be read"),
        ("a: [1", "cannot be read: line 1, column 6: expected ',' or ']'"),
        ("a: 1\nb: c: d", "cannot be read: line 2, column 5: mapping values"),
        ('{"a": 1', "cannot be read"),
        ("a: " + "x" * 5_000_000, "is larger than"),
    ],
)
def test_what_could_be_taken_for_something_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(DocumentUnreadable, match=problem):
        read_text(text)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "name: y\noverrides: []\n",
        HEAD + "upto: " + "9" * 5000,
        HEAD + "from: !!timestamp 2024-13-45\n",
        HEAD + "from: 13:10:00\n",
        '{"scenario": 1, "name": "\\ud800"}',
        HEAD + "from: 010\n",
    ],
)
def test_a_scenario_is_refused_by_its_file_s_name(text: str) -> None:
    with pytest.raises(ScenarioRefused, match=r"day\.yaml: "):
        read_scenario(text, "day.yaml")
