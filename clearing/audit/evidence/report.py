"""The report of a pack: one page of HTML that opens from disk, with charts drawn in SVG."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from html import escape
from itertools import pairwise
from typing import Any, Final

Figures = dict[str, Any]

_WIDTH: Final = 900
_HEIGHT: Final = 220
_POINTS: Final = 600
_COLOURS: Final = ("#1f77b4", "#d62728", "#7f7f7f", "#2ca02c", "#9467bd", "#8c564b")
_STYLE: Final = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#222}table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.15rem .7rem;"
    "border-bottom:1px solid #ddd;text-align:left;vertical-align:top}td.n{text-align:right;"
    "font-variant-numeric:tabular-nums}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    "svg{width:100%;height:auto;background:#fafafa}code{font-size:.85em;word-break:break-all}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}svg{background:#222}"
    "td,th{border-color:#444}}"
)


def report_html(figures: Figures, *, proven: bool) -> str:
    """Return the report of a pack's figures: the same figures give the same page."""
    account = escape(str(figures["account"]))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<title>Evidence about {account}</title><style>{_STYLE}</style>",
        f"<h1>What happened to {account}</h1>",
        f"<p>{_range(figures)}. {_PROVEN if proven else _UNPROVEN}",
        *_standing(figures),
        *_course(figures),
        *_liquidations(figures),
        *_events(figures),
        "<h2>What this stands on</h2>",
        _table(
            ("", ""),
            [
                *(
                    (f"rulebook for {asset}", f"{told['rulebook']} · {told['document_sha256']}")
                    for asset, told in sorted(figures["rulebooks"].items())
                ),
                ("digest of the book", figures["digest"]),
                ("entry hash", figures["entry_hash"]),
            ],
        ),
        f"<p>{_AGAIN}",
    ]
    return "\n".join(parts) + "\n"


_AGAIN: Final = (
    "Every figure can be made again from the files beside this page:"
    " <code>clearing evidence check PACK</code>."
)
_PROVEN: Final = "That these events are the log's is proven against a signed checkpoint (log.json)."
_UNPROVEN: Final = "No checkpoint covers these events: that they are the log's is not proven here."


def _range(figures: Figures) -> str:
    first, last = figures["since"] + 1, figures["upto"]
    version = escape(figures["engine_version"])
    return f"Log positions {first:,} to {last:,}, folded by engine {version}"


def _standing(figures: Figures) -> Iterable[str]:
    yield "<h2>At the end</h2>"
    for scope in figures["standing"]:
        rows = [("status", scope["status"]), ("cash", scope["cash"]), ("equity", scope["equity"])]
        rows += [(f"{name} margin", asked) for name, asked in scope["levels"].items()]
        yield f"<h3>{escape(scope['asset'])}</h3>" + _table(("", ""), rows)
        if scope["positions"]:
            names = ("market", "size", "cost", "mark", "unrealised", "accrued_funding")
            yield _table(
                [name.replace("_", " ") for name in names],
                [[position[name] for name in names] for position in scope["positions"]],
            )


def _course(figures: Figures) -> Iterable[str]:
    for asset in sorted({point["asset"] for point in figures["course"]}):
        points = [point for point in figures["course"] if point["asset"] == asset]
        lines = {
            name: [(p["log_position"], Fraction(p[name])) for p in points]
            for name in ("equity", "maintenance", "initial")
        }
        yield f"<h2>Equity against margin, {escape(asset)}</h2>" + _chart(lines)
    for title, name, value, key in (
        ("Marks", "marks", "price", "market"),
        ("Funds", "funds", "equity", "account"),
    ):
        for one in sorted({str(line[key]) for line in figures[name]}):
            series = [
                (line["log_position"], Fraction(str(line[value])))
                for line in figures[name]
                if line[key] == one
            ]
            yield f"<h2>{title}: {escape(one)}</h2>" + _chart({value: series})


def _liquidations(figures: Figures) -> Iterable[str]:
    steps = [
        (event, entry)
        for event in figures["events"]
        for entry in event["entries"]
        if entry["entry"] == "liquidation"
    ]
    if not steps:
        return
    yield "<h2>Liquidations</h2>"
    rows = [
        (
            f"{event['log_position']:,}",
            event["occurred_at"],
            str(entry["action"]),
            _inequality(entry),
        )
        for event, entry in steps
    ]
    yield _table(("position", "occurred", "rung", "because equity"), rows)


def _inequality(entry: dict[str, Any]) -> str:
    asked = f"{entry['threshold']} ({entry['factor']} × {entry['level']})"
    return f"{entry['equity']} {entry['comparator']} {asked}"


def _events(figures: Figures) -> Iterable[str]:
    yield "<h2>Every event that touched it</h2>"
    rows = []
    for event in figures["events"]:
        words = "; ".join(_words(entry) for entry in event["entries"])
        rows.append((f"{event['log_position']:,}", event["occurred_at"], words))
    yield _table(("position", "occurred", "what it did"), rows)


def _words(entry: dict[str, Any]) -> str:
    told = ", ".join(f"{k} {v}" for k, v in entry.items() if k != "entry" and v != "")
    return f"{entry['entry']}: {told}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in row) for row in rows)
    return f"<table>{'<tr>' + head if any(columns) else ''}{body}</table>"


def _chart(lines: dict[str, list[tuple[int, Fraction]]]) -> str:
    """Draw lines over log positions as steps; exact values, rounded to hundredths of a pixel."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return "<p>nothing to draw"
    values = [Fraction(0), *(value for _, value in points)]
    low, high = min(values), max(values)
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    across, upright = Fraction(max(last - first, 1)), (high - low) or Fraction(1)

    def place(x: int, value: Fraction) -> str:
        at = (x - first) * _WIDTH / across
        down = _HEIGHT - (value - low) * _HEIGHT / upright
        return f"{_hundredths(at)},{_hundredths(down)}"

    drawn = []
    for (name, line), colour in zip(lines.items(), _COLOURS, strict=False):
        kept = _kept(line)
        corners = [place(*kept[0])]
        for (_, before), (x, value) in pairwise(kept):
            corners += [place(x, before), place(x, value)]
        drawn.append(
            f"<polyline fill=none stroke='{colour}' stroke-width=1.5 points='{' '.join(corners)}'>"
            f"<title>{escape(name)}</title></polyline>"
        )
    legend = " · ".join(
        f"<span style='color:{colour}'>{escape(name)}</span>"
        for name, colour in zip(lines, _COLOURS, strict=False)
    )
    zero = _hundredths(_HEIGHT - (0 - low) * _HEIGHT / upright)
    return (
        f"<svg viewBox='0 -5 {_WIDTH} {_HEIGHT + 10}' role=img>"
        f"<line x1=0 x2={_WIDTH} y1={zero} y2={zero} stroke='#aaa' stroke-dasharray=4 />"
        f"{''.join(drawn)}</svg><p>{legend}: the scale is from {_shown(low)} to {_shown(high)},"
        f" log positions {first:,} to {last:,}"
    )


def _kept(line: list[tuple[int, Fraction]]) -> list[tuple[int, Fraction]]:
    """Return so many points of a line as are drawn: of each stretch its ends, least and greatest.

    So that a line through fewer points still shows every wick.
    """
    if len(line) <= _POINTS:
        return line
    stretch = -(-4 * len(line) // _POINTS)
    kept: list[tuple[int, Fraction]] = []
    for begin in range(0, len(line), stretch):
        part = line[begin : begin + stretch]
        by_value = sorted(part, key=lambda point: point[1])
        kept += sorted({part[0], by_value[0], by_value[-1], part[-1]})
    return kept


def _hundredths(value: Fraction) -> str:
    return f"{Decimal(round(value * 100)) / 100:.2f}"


def _shown(value: Fraction) -> str:
    return f"{Decimal(round(value * 100)) / 100:,.2f}"
