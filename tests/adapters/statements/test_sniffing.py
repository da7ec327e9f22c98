"""Every format is recognised as itself and as nothing else, from files, pages, gzip and pipes."""

import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearing.adapters import IMPORTERS, ImportOptions, Located, OptionRefused, Refusal
from clearing.adapters.files import STDIN
from clearing.adapters.statements import (
    STATEMENT_READERS,
    FormatUnknown,
    sniff_statement,
    statement_files,
)
from clearing.adapters.statements.sniffing import beginning
from tests.adapters.statements.reading import read

SAMPLES = Path(__file__).parent / "samples"
"""A made-up file for every format: its name begins with the format's, before the first point."""

MAPPED = "generic-csv"
"""The format that is never recognised: its mapping says what a file means."""

SETTINGS = {
    "chain-transfers": {"addresses": "0xaaaa01"},
    MAPPED: {"mapping": str(SAMPLES / "generic-csv.yaml")},
}

STRANGE = [
    word.encode("utf-8") for word in ("NaN", "1e999", "-", "٣", "9" * 40, '"', "\n", "0" * 25)
]
"""What is not meant where it stands, or not at all."""


def samples(*, mapped: bool) -> list[Path]:
    """The samples; with those that need a mapping, or without."""
    found = sorted(path for path in SAMPLES.iterdir() if path.suffix != ".yaml")
    return [path for path in found if mapped or format_of(path) != MAPPED]


def format_of(path: Path) -> str:
    return path.name.split(".", 1)[0]


def test_every_format_has_a_sample() -> None:
    assert {format_of(path) for path in samples(mapped=True)} == set(STATEMENT_READERS)


@pytest.mark.parametrize("path", samples(mapped=True), ids=lambda path: path.name)
def test_a_sample_is_recognised_as_its_format_and_as_no_other(path: Path) -> None:
    start = beginning(str(path))
    found = [name for name, reader in STATEMENT_READERS.items() if reader.sniff(start)]
    assert found == ([] if format_of(path) == MAPPED else [format_of(path)])


@pytest.mark.parametrize("path", samples(mapped=True), ids=lambda path: path.name)
def test_a_sample_is_read_without_refusals(path: Path) -> None:
    name = format_of(path)
    lines, balances, refusals, seen = read(STATEMENT_READERS[name], path, **SETTINGS.get(name, {}))
    assert not refusals
    assert lines or balances
    assert (seen.format, seen.lines, seen.cut) == (name, len(lines), False)


@pytest.mark.parametrize("path", samples(mapped=False), ids=lambda path: path.name)
def test_gzip_is_recognised_by_its_content(path: Path, tmp_path: Path) -> None:
    name = format_of(path)
    packed = tmp_path / "page"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    reader = sniff_statement(str(packed))
    assert reader.name == name
    plain = read(reader, path, **SETTINGS.get(name, {}))[0]
    unpacked = read(reader, packed, **SETTINGS.get(name, {}))[0]
    assert [line.cash for line in unpacked] == [line.cash for line in plain]


@pytest.mark.parametrize("path", samples(mapped=False), ids=lambda path: path.name)
def test_a_pipe_is_not_looked_at_but_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FormatUnknown, match="name its format"):
        sniff_statement(STDIN)
    name = format_of(path)
    pipe = SimpleNamespace(buffer=io.BytesIO(path.read_bytes()))
    monkeypatch.setattr("sys.stdin", pipe)
    lines, balances, refusals, _ = read(STATEMENT_READERS[name], STDIN, **SETTINGS.get(name, {}))
    assert not refusals
    assert lines or balances
    assert {line.file for line in lines} | {one.file for one in balances} == {STDIN}


def test_a_directory_is_its_files_by_name_without_hidden_ones(tmp_path: Path) -> None:
    pages, empty = tmp_path / "pages", tmp_path / "empty"
    (pages / "inside").mkdir(parents=True)
    empty.mkdir()
    for name in ("b.csv", "a.csv", ".hidden", "inside/c.csv"):
        (pages / name).write_text("x", encoding="utf-8")
    alone = pages / "b.csv"
    assert statement_files([str(pages), STDIN, str(alone)]) == [
        *(str(pages / "a.csv"), str(alone)),
        STDIN,
        str(alone),
    ]
    with pytest.raises(ValueError, match="has no files"):
        statement_files([str(empty)])
    with pytest.raises(FileNotFoundError, match="no such file or directory"):
        statement_files([str(tmp_path / "absent")])


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2\n", '"', "{}", "<Document/>", "\x00\xff"])
def test_what_is_of_no_format_is_said_to_be_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(FormatUnknown, match="no format begins like this; known are bitmex-wallet"):
        sniff_statement(str(path))


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_a_page_of_one_long_line_in_another_encoding_is_recognised(
    tmp_path: Path, encoding: str
) -> None:
    text = (SAMPLES / "camt053.xml").read_text(encoding="utf-8").replace("UTF-8", encoding)
    words = "<AddtlNtryInf>" + "é" * 1_500_000 + "</AddtlNtryInf></Ntry>"
    text = text.replace("\n", "").replace("</Ntry>", words)
    path = tmp_path / "page.xml"
    path.write_bytes(text.encode(encoding))
    reader = sniff_statement(str(path))
    lines, balances, refusals, _ = read(reader, path)
    assert (len(lines), len(balances), refusals) == (1, 2, [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("path", samples(mapped=True), ids=lambda path: path.name)
def test_a_spoilt_file_is_refused_and_never_raises(
    data: st.DataObject, path: Path, tmp_path: Path
) -> None:
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    gone = data.draw(st.integers(0, 30))
    junk = data.draw(st.one_of(st.binary(max_size=20), st.sampled_from(STRANGE)))
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(whole[:at] + junk + whole[at + gone :])
    name = format_of(path)
    lines, balances, refusals, _ = read(STATEMENT_READERS[name], spoilt, **SETTINGS.get(name, {}))
    assert all(isinstance(refusal, Refusal) and refusal.reason for refusal in refusals)
    assert all(line.at.utcoffset() is not None for line in lines)
    assert all(balance.amount.is_finite() for balance in balances)


def test_what_looks_like_several_formats_is_for_the_reader_to_name(tmp_path: Path) -> None:
    path = tmp_path / "both"
    message = (SAMPLES / "mt940.sta").read_text(encoding="utf-8")
    path.write_text("<BkToCstmrStmt>\n" + message, encoding="utf-8")
    with pytest.raises(FormatUnknown, match="may be camt053, mt940; name the one that it is"):
        sniff_statement(str(path))


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_an_import_without_what_its_format_needs_is_refused_before_reading(name: str) -> None:
    options = ImportOptions(settings={"account": "ada", "source": "elsewhere"})
    with pytest.raises(OptionRefused, match=name):
        IMPORTERS[name].read(["unread.csv"], options)


@pytest.mark.parametrize(
    "path",
    [path for path in samples(mapped=True) if format_of(path) in IMPORTERS],
    ids=lambda path: path.name,
)
def test_an_import_of_a_sample_tells_events(path: Path) -> None:
    name = format_of(path)
    given = {"account": "ada", "source": "elsewhere", **SETTINGS.get(name, {})}
    found = list(IMPORTERS[name].read([str(path)], ImportOptions(settings=given)))
    assert not [item for item in found if isinstance(item, Refusal)]
    lines = read(STATEMENT_READERS[name], path, **SETTINGS.get(name, {}))[0]
    moved = [leg for line in lines for leg in line.cash if leg.amount]
    events = [item.event for item in found if isinstance(item, Located)]
    assert sum(hasattr(event, "amount") for event in events) == len(moved)


def test_every_format_is_imported_but_node_fills_which_have_an_importer_of_their_own() -> None:
    assert set(STATEMENT_READERS) - set(IMPORTERS) == {"hyperliquid-node-fills"}
