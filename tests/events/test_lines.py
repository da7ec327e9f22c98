"""Lines of JSON: strict in, canonical out."""

import json
from decimal import Decimal

import pytest
from hypothesis import given

from clearing.events import Event, EventRefused, format_line, parse_line
from clearing.events.lines import MAX_DEPTH, MAX_LINE_BYTES
from tests.adapters.events import events as any_events
from tests.events.venue import event, events

HEAD = '"source":"venue","external_id":"1","occurred_at":"2024-06-18T00:00:00Z"'
CASH = f'{{"kind":"Deposited",{HEAD},"account":"alice","asset":"USD","amount":'
RULES = (
    f'{{"kind":"RulebookAdopted",{HEAD},"name":"r","version":"1","author":"a","approver":"b"'
    ',"reason":"c","document":'
)


def refusal(line: str | bytes) -> EventRefused:
    with pytest.raises(EventRefused) as caught:
        parse_line(line)
    return caught.value


@given(events | any_events)
def test_there_and_back(sent: Event) -> None:
    line = format_line(sent)
    assert line.isascii()
    assert "\n" not in line
    back = parse_line(line)
    assert back == sent
    assert format_line(back) == line
    assert parse_line(line.encode()) == sent


def test_the_canonical_line() -> None:
    sent = event(
        "Adjusted",
        account="alice",
        asset="USD",
        amount="-1.2500",
        category="fee",
        reference={"source": "venue", "external_id": "é"},
        author="a",
        approver="b",
        reason="c",
    )
    assert format_line(sent) == (
        f'{{"kind":"Adjusted",{HEAD},"account":"alice","asset":"USD","amount":"-1.25",'
        '"category":"fee","reference":{"external_id":"\\u00e9","source":"venue"},'
        '"author":"a","approver":"b","reason":"c"}'
    )


def test_equal_events_have_equal_lines() -> None:
    zero, money = Decimal("-0.00"), Decimal("1E+2")
    sent = event("Filled", account="a", market="M", side="buy", size=money, price="1.0", fee=zero)
    assert '"size":"100","price":"1","fee":"0"' in format_line(sent)


@pytest.mark.parametrize("text", ["1.50", '"1.50"', "15e-1", '"15E-1"', "1.5", '"+1.5"'])
def test_a_number_is_taken_from_its_text(text: str) -> None:
    sent = parse_line(f"{CASH}{text}}}")
    assert format_line(sent) == f'{CASH}"1.5","finality":"confirmed"}}'


def test_no_digit_passes_through_a_float() -> None:
    digits = "0.1000000000000000055511151231257827"
    assert digits in format_line(parse_line(f"{CASH}{digits}}}"))
    large = "123456789012345678901234567890"
    assert f'"{large}"' in format_line(parse_line(f"{CASH}{large}}}"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is not a finite number"),
        ("Infinity", "Infinity is not a finite number"),
        ("-Infinity", "-Infinity is not a finite number"),
        ("1e999999999999999999999999", "needs 1000000000000000000 digits; at most 48"),
        ("1e-999999999999999999999999", "needs 999999999999999999 digits; at most 48"),
        ("1e999", "needs 1000 digits; at most 48"),
        ('"1e9999"', "is not a decimal number"),
        ("9" * 5000, "needs 5000 digits; at most 48"),
        ("9" * 1_000_000, "needs 1000000 digits; at most 48"),
        ("0." + "1" * 49, "needs 49 digits; at most 48"),
        ('"' + "9" * 49 + '"', "needs 49 digits; at most 48"),
        ("true", "a bool is not an exact amount"),
        ("null", "expected a decimal string such as '1.5', not NoneType"),
        ("[1]", "expected a decimal string such as '1.5', not list"),
        ('"1,5"', "'1,5' is not a decimal number such as '1.5'"),
        ('" 1"', "' 1' is not a decimal number"),
        ('"１"', "is not a decimal number"),
        ('"0x10"', "is not a decimal number"),
        ('"NaN"', "is not a decimal number"),
        ('""', "'' is not a decimal number"),
        ("0", "0 must be greater than zero"),
        ("-1", "-1 must be greater than zero"),
    ],
)
def test_a_number_that_cannot_be_held_is_refused_by_its_field(text: str, why: str) -> None:
    refused = refusal(f"{CASH}{text}}}")
    assert refused.path == "amount"
    assert why in refused.message
    assert len(str(refused)) < 400


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ('{"a":[1,{"b":NaN}]}', "document.a.1.b", "NaN is not a finite number"),
        ('{"a":1e999999999}', "document.a", "needs 1000000000 digits; at most 48"),
        ('{"a":' + "9" * 100_000 + "}", "document.a", "needs 100000 digits"),
        ('{"a":{"b":"\\u0000"}}', "document.a.b", "text with a NUL or a lone surrogate"),
        ('{"a":"\\ud800"}', "document.a", "text with a NUL or a lone surrogate"),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "document.a" + ".0" * 32, "nested deeper than 32"),
        ("[]", "document", "must be an object"),
    ],
)
def test_a_rulebook_document_is_checked_by_path(text: str, path: str, why: str) -> None:
    refused = refusal(f"{RULES}{text}}}")
    assert refused.path == path
    assert why in refused.message


@pytest.mark.parametrize(
    ("line", "path", "why"),
    [
        ("", "", "is not JSON: Expecting value at character 1"),
        ("{", "", "is not JSON"),
        ("nonsense", "", "is not JSON"),
        (f"{CASH}1}} x", "", "is not JSON: Extra data"),
        ("[]", "", "must be a JSON object"),
        ("1", "", "must be a JSON object"),
        ("null", "", "must be a JSON object"),
        ("\ufeff{}", "", "is not JSON"),
        (b"\xff\xfe{}", "", "is not UTF-8: invalid start byte at byte 1"),
        (b'{"kind":"\xc3"}', "", "is not UTF-8: invalid continuation byte at byte 10"),
        ('{"kind":"Deposited","kind":"Withdrawn"}', "kind", "stands twice"),
        (f'{CASH}1,"amount":1}}', "amount", "stands twice"),
        ("{}", "kind", "must be one of SourceDeclared, "),
        ('{"kind":"Depositd"}', "kind", "must be one of SourceDeclared, "),
        ('{"kind":["Deposited"]}', "kind", "must be one of SourceDeclared, "),
        (f'{CASH}1,"note":"x"}}', "note", "is not a field of this event"),
        (f'{CASH}1,"\\ud800":1}}', "", "is not the name of a field"),
        ("[" * 100_000, "", f"is nested deeper than {MAX_DEPTH}"),
        ('{"a":' * 1000 + "1" + "}" * 1000, "", f"is nested deeper than {MAX_DEPTH}"),
        ('{"a":"' + "x" * MAX_LINE_BYTES + '"}', "", "a line has at most 1048576"),
        (b'{"a":"' + b"x" * MAX_LINE_BYTES + b'"}', "", "a line has at most 1048576"),
        ('{"a":"' + "é" * (MAX_LINE_BYTES // 2) + '"}', "", "a line has at most 1048576"),
    ],
)
def test_a_malformed_line(line: str | bytes, path: str, why: str) -> None:
    refused = refusal(line)
    assert refused.path == path
    assert why in refused.message
    assert len(str(refused)) < 1000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2024-06-18T00:00:00", "needs a date, a time to at most microseconds and an offset"),
        ("2024-06-18", "is not a time such as '2020-03-12T10:45:00Z'"),
        ("2024-06-18T00:00:00.1234567Z", "to at most microseconds"),
        ("2024-06-31T00:00:00Z", "is not a time: day is out of range for month"),
        ("2024-06-18T24:30:00Z", "is not a time"),
        ("1969-12-31T23:59:59Z", "outside the years 1970 to 2199"),
        ("1970-01-01T00:00:00+00:01", "outside the years 1970 to 2199"),
        ("2200-01-01T00:00:00Z", "outside the years 1970 to 2199"),
        ("9999-12-31T23:59:59-12:00", "outside the years 1970 to 2199"),
        ("0001-01-01T00:00:00+12:00", "outside the years 1970 to 2199"),
        ("2024-06-18T00:00:00+99:99", "is not a time"),
        ("", "is not a time such as"),
    ],
)
def test_a_time_needs_a_date_a_time_and_an_offset(text: str, why: str) -> None:
    line = format_line(event("ClockTicked")).replace("2024-06-18T00:00:00Z", text)
    refused = refusal(line)
    assert refused.path == "occurred_at"
    assert why in refused.message


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("external_id", "", "must not be empty"),
        ("external_id", " a", "begins or ends with a space"),
        ("external_id", "a\u200bb", "holds a character that cannot be printed"),
        ("external_id", "a\nb", "holds a character that cannot be printed"),
        ("external_id", "a\u00a0b", "holds a character that cannot be printed"),
        ("external_id", "\u202eevil", "holds a character that cannot be printed"),
        ("external_id", "x" * 129, "must have at most 128 characters"),
        ("source", "", "must not be empty"),
        ("source", "a b", "must match"),
        ("source", "é", "must match"),
        ("source", "venue\n", "must match"),
        ("source", "x" * 65, "must have at most 64 characters"),
    ],
)
def test_names_and_identifiers(field: str, text: str, why: str) -> None:
    document = json.loads(format_line(event("ClockTicked")))
    refused = refusal(json.dumps({**document, field: text}))
    assert refused.path == field
    assert why in refused.message


def test_an_identifier_may_be_in_any_script() -> None:
    for identifier in ("a b", "Ordre-é", "注文-7", "id#1/2:3", "\U0001f4b6"):
        sent = event("ClockTicked", external_id=identifier)
        assert parse_line(format_line(sent)).external_id == identifier


def test_several_problems_are_reported_together() -> None:
    refused = refusal(
        f'{{"kind":"Filled",{HEAD},"account":"","market":"M","side":"up","size":"0","x":1}}'
    )
    assert [(p.path, p.value) for p in refused.problems] == [
        ("account", ""),
        ("side", "up"),
        ("size", "0"),
        ("price", None),
        ("x", 1),
    ]
    for path in ("account", "side", "size", "price", "x"):
        assert f"{path}: " in str(refused)


def test_depth_counts_nesting_and_not_brackets_in_text() -> None:
    text = json.dumps({"a": "[{" * 1000, "b": [[]] * 100})
    assert parse_line(f"{RULES}{text}}}").kind == "RulebookAdopted"
