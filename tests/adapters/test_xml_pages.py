"""XML pages: parts with their lines, and nothing that a page could do to the machine."""

import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import Refusal, xml_pages
from clearing.adapters.xml_pages import Part, read_parts

NAMESPACE = re.compile(r"urn:x:[0-9]")
PAGE = """\
<?xml version="1.0"?>
<e:Envelope xmlns:e="urn:e">
  <Document xmlns="urn:x:2">
    <Head>passed over</Head>
    <Stmt><Id>S1</Id>
      <Ntry><Amt Ccy="EUR"> 1.50 </Amt><Txt>a &lt; b</Txt><Txt>c</Txt><e:More>other</e:More></Ntry>
    </Stmt>
    <Stmt><Id/></Stmt>
  </Document>
</e:Envelope>
"""


def parts(path: Path) -> tuple[list[Part], list[Refusal]]:
    found = list(read_parts(str(path), "Stmt", NAMESPACE))
    return (
        [item for item in found if isinstance(item, Part)],
        [item for item in found if isinstance(item, Refusal)],
    )


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "page.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_parts_have_names_lines_text_and_the_number_of_their_parent(tmp_path: Path) -> None:
    (first, entry, empty), refusals = parts(written(tmp_path, PAGE))
    assert not refusals
    assert (first.number, first.element.name, first.element.line, first.element.text) == (
        *(1, "Id", 5),
        "S1",
    )
    assert (entry.number, entry.element.line, empty.number) == (1, 6, 2)
    assert entry.element.leaves() == {
        "Amt@Ccy": "EUR",
        "Amt": "1.50",
        "Txt": "a < b\nc",
        "urn:e More": "other",
    }
    assert entry.element.leaves("Txt", "Amt") == {"urn:e More": "other"}
    assert empty.element.find("Absent", "Deeper") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "cp1252"])
def test_encodings_are_those_that_the_page_declares(tmp_path: Path, encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><D xmlns="urn:x:1"><Stmt><N>é</N></Stmt></D>'
    )
    (part,), refusals = parts(written(tmp_path, gzip.compress(text.encode(encoding))))
    assert (part.element.text, refusals) == ("é", [])


BOMB = """\
<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<D xmlns="urn:x:1"><Stmt><N>&b;</N></Stmt></D>
"""
OUTSIDE = """\
<!DOCTYPE D [<!ENTITY file SYSTEM "file:///etc/passwd">]>
<D xmlns="urn:x:1"><Stmt><N>&file;</N></Stmt></D>
"""


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (BOMB, 2, "declares a document type"),
        (OUTSIDE, 1, "declares a document type"),
        ('<!DOCTYPE D SYSTEM "http://localhost/d.dtd"><D/>', 1, "declares a document type"),
        ('<D xmlns="urn:x:1"><Stmt><N>&b;</N></Stmt></D>', 1, "undefined entity"),
        ('<D xmlns="urn:x:1">\n<Stmt><N>', 2, "no element found"),
        ('<D xmlns="urn:x:1">\n<Stmt></D>', 2, "mismatched tag"),
        ("", 1, "no element found"),
        ('<D xmlns="urn:y"><Stmt><N/></Stmt></D>', 0, "has no element Stmt"),
        ('<?xml version="1.0" encoding="nonsense"?><D/>', 1, "unknown encoding"),
        ("<N>" * 65, 1, "nested deeper than 64"),
    ],
)
def test_what_is_unfit_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    found, (refusal,) = parts(written(tmp_path, text))
    assert not found
    assert refusal.line == line
    assert reason in refusal.reason


def test_a_broken_gzip_is_refused_after_what_it_gave(tmp_path: Path) -> None:
    broken = gzip.compress(PAGE.encode("utf-8"))[:-12]
    _, (refusal,) = parts(written(tmp_path, broken))
    assert "cannot be read further" in refusal.reason


def test_parts_before_the_trouble_are_there(tmp_path: Path) -> None:
    found, (refusal,) = parts(written(tmp_path, PAGE[: PAGE.index("<Txt>c")]))
    assert ([part.element.text for part in found], refusal.line) == (["S1"], 6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<N>" + "x" * 2000 + "</N>", "more than 1000 characters"),
        ("<N>" + '<A b="xxxxxxxxxx"/>' * 105 + "</N>", "more than 1000 characters"),
        ("<N>" + "<A/>" * 200 + "</N>", "more than 100 elements"),
        ("<!--" + "x" * 200_000, "longer than 1000 bytes"),
        ("<N>" + "".join(f"<A{n}/>" for n in range(60)) + "</N>", "more than 50 different names"),
    ],
)
def test_parts_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    monkeypatch.setattr(xml_pages, "MAX_TEXT", 1000)
    monkeypatch.setattr(xml_pages, "MAX_TAG", 1000)
    monkeypatch.setattr(xml_pages, "MAX_NAMES", 50)
    monkeypatch.setattr(xml_pages, "MAX_ELEMENTS", 110 if "b=" in text else 100)
    _, (refusal,) = parts(written(tmp_path, f'<D xmlns="urn:x:1"><Stmt>{text}'))
    assert reason in refusal.reason


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=len(PAGE)))
def test_no_page_raises(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    path = tmp_path_factory.mktemp("xml") / "page.xml"
    whole = PAGE.encode("utf-8")
    path.write_bytes(whole[:at] + junk + whole[at:])
    for item in read_parts(str(path), "Stmt", NAMESPACE):
        assert isinstance(item, Part | Refusal)
