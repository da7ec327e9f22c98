"""A statement as a file: CSV, Parquet, HTML or PDF. The same statement gives the same bytes."""

import csv
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, Final

from clearing.books.issuing import Statement
from clearing.books.paper import COLUMNS, Paper, PaperTable, flat, paper_of, titles


class ExtraMissing(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """A file needs a library that is not installed; the message says how to install it."""


FORMATS: Final = ("csv", "parquet", "html", "pdf")
"""The formats that a statement can be written in."""


def statement_file(statement: Statement, form: str) -> bytes:
    """Return a statement's file in one of :data:`FORMATS`.

    Raises :class:`ValueError` for another format, :class:`ExtraMissing` without its library.
    """
    if form == "csv":
        return _csv(statement)
    if form == "parquet":
        return _parquet(statement)
    if form == "html":
        return html_of(paper_of(statement)).encode()
    if form == "pdf":
        return pdf_of(paper_of(statement))
    raise ValueError(f"there is no format {form!r}; there are {', '.join(FORMATS)}")


def write_statement(statement: Statement, form: str, path: Path) -> None:
    """Write a statement's file to ``path``, which must not exist yet.

    Raises what :func:`statement_file` raises, and :class:`FileExistsError`.
    """
    content = statement_file(statement, form)
    with path.open("xb") as file:
        file.write(content)


def _csv(statement: Statement) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat(statement))
    return text.getvalue().encode()


def _parquet(statement: Statement) -> bytes:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra: only those who use Parquet need it
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ExtraMissing(
            "Parquet files need pyarrow: install it with 'pip install \"clearing[parquet]\"'"
        ) from error
    lines = flat(statement)
    columns: dict[str, Any] = {name: [line[name] for line in lines] for name in COLUMNS}
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


_STYLE: Final = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;"
    "color:#222}table{border-collapse:collapse;margin:.4rem 0 1.4rem}td,th{padding:.15rem .7rem;"
    "border-bottom:1px solid #ddd;text-align:left;vertical-align:top}td.n,th.n{text-align:right;"
    "font-variant-numeric:tabular-nums}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:1.6rem}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}td,th{border-color:#444}}"
    "@media print{body{margin:0;font-size:11px}}"
)


def html_of(paper: Paper) -> str:
    """Return a paper as one page of HTML that opens from disk and reads nothing else."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<title>{escape(paper.title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(paper.title)}</h1>",
        *(f"<p>{escape(line)}" for line in paper.lines),
        *(_html_table(table) for table in (*paper.tables, paper.foot)),
    ]
    return "\n".join(parts) + "\n"


def _html_table(table: PaperTable) -> str:
    kinds = [" class=n" if column.startswith(">") else "" for column in table.columns]
    head = ""
    if any(titles(table.columns)):
        cells = zip(kinds, titles(table.columns), strict=True)
        head = "<tr>" + "".join(f"<th{kind}>{escape(title)}" for kind, title in cells)
    body = "".join(
        "<tr>" + "".join(f"<td{k}>{escape(cell)}" for k, cell in zip(kinds, row, strict=True))
        for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table>{head}{body}</table>"


_MARGIN: Final = 40
_GREY: Final = "#888888"


def pdf_of(paper: Paper) -> bytes:
    """Return a paper as PDF, on A4 across; the same paper gives the same bytes.

    Characters that the built-in fonts do not have (beyond Latin-1) are written by their number.
    Raises :class:`ExtraMissing` without reportlab.
    """
    try:
        from reportlab.lib.pagesizes import A4, landscape  # noqa: PLC0415 - an extra
        from reportlab.lib.styles import getSampleStyleSheet  # noqa: PLC0415 - as above
        from reportlab.platypus import Paragraph, SimpleDocTemplate  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ExtraMissing(
            "PDF files need reportlab: install it with 'pip install \"clearing[pdf]\"'"
        ) from error
    styles = getSampleStyleSheet()
    styles["Heading3"].keepWithNext = 1  # no heading at the foot of a page
    story = [Paragraph(_shown(paper.title), styles["Title"])]
    story += [Paragraph(_shown(line), styles["Normal"]) for line in paper.lines]
    for table in (*paper.tables, paper.foot):
        story += _pdf_table(table, styles)
    sink = io.BytesIO()
    document = SimpleDocTemplate(
        sink,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=_latin(paper.title),
        author="clearing",
        invariant=1,  # no time of making, no random identity
    )
    named = _latin(paper.title)

    def foot(canvas: Any, made: Any) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(_MARGIN, 20, named)
        canvas.drawRightString(landscape(A4)[0] - _MARGIN, 20, f"page {made.page}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return sink.getvalue()


def _pdf_table(table: PaperTable, styles: Any) -> Iterable[Any]:
    from reportlab.lib import colors  # noqa: PLC0415 - an extra, there if we come here
    from reportlab.platypus import LongTable, Paragraph, TableStyle  # noqa: PLC0415 - as above

    heads = [_latin(title) for title in titles(table.columns)]
    rows = [[_latin(cell) for cell in row] for row in table.rows]
    shown = [heads, *rows] if any(heads) else rows
    yield Paragraph(_shown(table.title), styles["Heading3"])
    if not shown:
        return
    style = [
        ("FONTSIZE", (0, 0), (-1, -1), 7.5),
        ("LEADING", (0, 0), (-1, -1), 9),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor(_GREY)),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ]
    if any(heads):
        style.append(("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"))
    for place, column in enumerate(table.columns):
        if column.startswith(">"):
            style.append(("ALIGN", (place, 0), (place, -1), "RIGHT"))
    repeat = 1 if any(heads) else 0
    yield LongTable(shown, hAlign="LEFT", repeatRows=repeat, style=TableStyle(style))


def _latin(text: str) -> str:
    """Write text in the characters that PDF's built-in fonts have."""
    return text.replace("−", "-").encode("latin-1", "backslashreplace").decode("latin-1")


def _shown(text: str) -> str:
    return escape(_latin(text))
