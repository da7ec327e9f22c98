"""At the end of a run: how the rows of each file ended, what is pending and what differs."""

from collections import Counter

import pytest

from tests.vectors.outcome import DIFFERS, FAILED, MATCHED, NOT_APPLICABLE, PENDING

STATUSES = (MATCHED, NOT_APPLICABLE, DIFFERS, PENDING, FAILED)
BESIDE = "vector_beside"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: dict[str, Counter[str]] = {}
    pending: Counter[str] = Counter()
    spared: Counter[str] = Counter()
    beside: Counter[str] = Counter()
    differs = []
    for report in (report for kind in terminalreporter.stats.values() for report in kind):
        if not isinstance(report, pytest.TestReport) or report.when != "call":
            continue
        beside.update(str(value) for name, value in report.user_properties if name == BESIDE)
        said = {name: str(value) for name, value in report.user_properties}
        if "vector" not in said:
            continue
        status, detail = said.get("vector_status", FAILED), said.get("vector_detail", "")
        counts.setdefault(said["vector"], Counter())[status] += 1
        if status == PENDING:
            pending[detail] += 1
        elif status == NOT_APPLICABLE:
            spared[f"{said['vector']}: {detail}"] += 1
        elif status == DIFFERS:
            differs.append(detail)
    if not counts:
        return
    write = terminalreporter.write_line
    terminalreporter.section("reference vectors")
    write(_line("file", STATUSES))
    for file, found in sorted(counts.items()):
        write(_line(file, [found[status] or "." for status in STATUSES]))
    totals = sum(counts.values(), Counter[str]())
    write(_line("all", [totals[status] for status in STATUSES]))
    for mechanism, count in pending.most_common():
        write(f"pending {mechanism}: {count}")
    for line, count in sorted(spared.items()):
        write(f"not applicable, {count} of {line}")
    for line, count in sorted(beside.items()):
        write(f"not compared in {count} matched: {line}")
    for line in sorted(differs):
        write(f"differs {line}")


def _line(name: str, cells: "tuple[object, ...] | list[object]") -> str:
    return f"{name:<32}" + "".join(f"{cell!s:>16}" for cell in cells)
