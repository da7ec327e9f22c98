"""Reading files: whatever the bytes are, lines or refusals with their place come out."""

import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters.base import Refusal
from clearing.adapters.files import (
    CsvRow,
    Limits,
    Line,
    first_line,
    read_blocks,
    read_csv,
    read_lines,
    split_csv,
)

SMALL = Limits(line_bytes=64, file_bytes=4096, ratio=20, ratio_from=512)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, content: bytes, name: str = "file.csv") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def places(items: list[Line | Refusal]) -> list[tuple[int, str]]:
    return [(i.line, i.reason) if isinstance(i, Refusal) else (i.number, i.text) for i in items]


@pytest.mark.parametrize("name", ["plain.csv", "named.gz", "zipped.csv"])
def test_gzip_is_known_by_its_content_not_its_name(folder: Path, name: str) -> None:
    content = b"one\n\ntwo\r\nthree"
    path = write(folder, gzip.compress(content) if name == "zipped.csv" else content, name)
    assert places(list(read_lines(path))) == [(1, "one"), (3, "two"), (4, "three")]


def test_standard_input_plain_and_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"a\nb\n", gzip.compress(b"a\nb\n")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert places(list(read_lines("-"))) == [(1, "a"), (2, "b")]


def test_a_byte_order_mark_is_not_content(folder: Path) -> None:
    assert places(list(read_lines(write(folder, b"\xef\xbb\xbfkind\n")))) == [(1, "kind")]


def test_a_line_that_is_not_utf8_is_refused_alone(folder: Path) -> None:
    items = list(read_lines(write(folder, b"good\nb\xffd\ngood\n")))
    assert places(items) == [(1, "good"), (2, "byte 2 of the line is not UTF-8"), (3, "good")]
    refused = items[1]
    assert isinstance(refused, Refusal)
    assert (refused.value, refused.raw) == ("ff640a", "b\\xffd")


def test_an_over_long_line_is_refused_alone(folder: Path) -> None:
    items = list(read_lines(write(folder, b"good\n" + b"x" * 500 + b"\ngood\n"), SMALL))
    assert places(items) == [(1, "good"), (2, "longer than 64 bytes"), (3, "good")]


def test_a_file_that_is_too_large_is_read_no_further(folder: Path) -> None:
    items = list(read_lines(write(folder, b"0123456789\n" * 1000), SMALL))
    assert isinstance(items[-1], Refusal)
    assert items[-1].reason == "the file is larger than 4096 bytes; split it"
    assert len(items) < 400


@pytest.mark.parametrize("line", [b"0" * 50 + b"\n", b"0"])
def test_a_decompression_bomb_is_read_no_further(folder: Path, line: bytes) -> None:
    limits = Limits(line_bytes=64, file_bytes=10**9, ratio=20, ratio_from=512)
    bomb = gzip.compress(line * (2_000_000 // len(line)))
    items = list(read_lines(write(folder, bomb), limits))
    assert isinstance(items[-1], Refusal)
    assert "expand to more than 20 times as many" in items[-1].reason
    assert len(items) < 200_000


@pytest.mark.parametrize("cut", [5, 15, -6])
def test_a_broken_gzip_stream_is_a_refusal(folder: Path, cut: int) -> None:
    whole = gzip.compress(b"".join(b"line %d\n" % i for i in range(1000)))
    items = list(read_lines(write(folder, whole[:cut])))
    assert isinstance(items[-1], Refusal)
    assert items[-1].reason.startswith("cannot be read further: ")


def test_a_file_that_is_not_there(folder: Path) -> None:
    (refused,) = read_lines(str(folder / "none.csv"))
    assert isinstance(refused, Refusal)
    assert refused.line == 0
    assert str(refused).endswith("none.csv: cannot be read further: No such file or directory")
    (refused,) = read_lines(str(folder))
    assert isinstance(refused, Refusal)
    assert refused.reason == "cannot be read further: Is a directory"


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_give_lines_or_refusals(content: bytes, zipped: bool) -> None:
    stdin, sys.stdin = (
        sys.stdin,
        io.TextIOWrapper(io.BytesIO(gzip.compress(content) if zipped else content)),
    )
    try:
        items = list(read_lines("-", SMALL))
    finally:
        sys.stdin = stdin
    numbers = [item.line if isinstance(item, Refusal) else item.number for item in items]
    assert numbers == sorted(numbers)
    if b"\r" not in content and content.isascii() and not zipped and content[:2] != b"\x1f\x8b":
        expected = [line for line in content.split(b"\n") if line.strip(b" \t")]
        assert len(items) == len(expected)


def test_csv_rows_by_column_whatever_their_order(folder: Path) -> None:
    path = write(folder, b'b,a\n1,"x, ""y"""\n')
    assert list(read_csv(path, ("a", "b"))) == [
        CsvRow(2, {"b": "1", "a": 'x, "y"'}, '1,"x, ""y"""')
    ]


@pytest.mark.parametrize(
    ("header", "field", "reason"),
    [
        (b"a\n", "b", "the header lacks column 'b'; it needs a, b"),
        (b"a,b,z\n", "z", "the header has an unknown column 'z'"),
        (b"a,b,a\n", "a", "the header has column 'a' twice"),
        (b'a,"b\n', "", "not a CSV line: unexpected end of data"),
    ],
)
def test_a_wrong_header_refuses_the_file(
    folder: Path, header: bytes, field: str, reason: str
) -> None:
    (refused,) = read_csv(write(folder, header + b"1,2\n"), ("a", "b"), ("c",))
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.field, refused.reason) == (1, field, reason)


def test_an_empty_csv_file_is_refused(folder: Path) -> None:
    (refused,) = read_csv(write(folder, b"\n"), ("a", "b"))
    assert isinstance(refused, Refusal)
    assert refused.reason == "is empty; it needs a header: a, b"


def test_a_stray_quotation_mark_spoils_its_own_line(folder: Path) -> None:
    items = list(read_csv(write(folder, b'a,b\n1,"2\n3,4\n5\n6,7\n'), ("a", "b")))
    assert [(i.line, i.reason) if isinstance(i, Refusal) else i.fields["a"] for i in items] == [
        (2, "not a CSV line: unexpected end of data"),
        "3",
        (4, "1 fields where the header has 2"),
        "6",
    ]


@given(st.text(max_size=60))
def test_any_text_is_csv_or_a_stated_reason(text: str) -> None:
    try:
        fields = split_csv(text)
    except ValueError as error:
        assert str(error).startswith("not a CSV line: ")  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(field, str) for field in fields)


def test_the_first_line(folder: Path) -> None:
    assert first_line(write(folder, b"\nkind,source\nx\n")) == "kind,source"
    assert first_line(write(folder, b"\xff\n")) == ""
    assert first_line(write(folder, b"")) == ""


def test_csv_with_another_delimiter_and_lines_before_its_header(folder: Path) -> None:
    path = write(folder, b"Account 1\n\na;b\n1,5;2\n")
    found = list(read_csv(path, ("a", "b"), delimiter=";", header_line=3))
    assert found == [CsvRow(4, {"a": "1,5", "b": "2"}, "1,5;2")]


def test_what_cannot_be_read_before_the_header_is_not_passed_over(folder: Path) -> None:
    (refused,) = read_csv(write(folder, b"\xff\n\na,b\n1,2\n"), ("a", "b"), header_line=3)
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.reason) == (1, "byte 1 of the line is not UTF-8")


@pytest.mark.parametrize("zipped", [True, False])
def test_blocks_are_the_bytes_and_bounded(folder: Path, zipped: bool) -> None:
    content = b"\x00\xff\n" * 100_000
    path = write(folder, gzip.compress(content) if zipped else content)
    assert b"".join(block for block in read_blocks(path) if isinstance(block, bytes)) == content
    *_, refused = read_blocks(path, Limits(file_bytes=4096))
    assert isinstance(refused, Refusal)
    assert refused.reason == "the file is larger than 4096 bytes; split it"


def test_blocks_of_a_broken_gzip_end_with_a_refusal(folder: Path) -> None:
    broken = gzip.compress(b"x" * 1000)[:-12]
    *_, refused = read_blocks(write(folder, broken))
    assert isinstance(refused, Refusal)
    assert "cannot be read further" in refused.reason
