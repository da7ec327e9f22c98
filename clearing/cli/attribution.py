"""The command that says which override of a scenario makes which part of its difference."""

from fractions import Fraction

from clearing.audit import OverrideEffect
from clearing.audit.replay.sums import exact_text
from clearing.cli.moment import When, moment_of
from clearing.cli.output import out, print_json, short, steps, table
from clearing.cli.scenarios import ScenarioFile, naming_files, scenario_file
from clearing.cli.where import Where, ledger


def attribute(
    scenario: ScenarioFile, /, *, when: When | None = None, where: Where | None = None
) -> None:
    """Say which override of a scenario makes which part of what it changes.

    They are taken up in the order of the file, each beside those before it; the parts add up.
    """
    document = scenario_file(scenario)
    with naming_files({document.name: str(scenario)}), ledger(where) as opened:
        moment = moment_of(opened, when)
        end = moment.plain()
        with steps("replayed", end * max(1, len(document.overrides))) as progress:
            parts = opened.attribute(
                document,
                end,
                progress=lambda done, position: progress.reached(done * end + position),
            )
    if where is not None and where.json:
        print_json(parts)
        return
    if not parts:
        out.print(f"{document.name} overrides nothing", markup=False)
        return
    print_parts(document.name, parts)


def print_parts(name: str, parts: tuple[OverrideEffect, ...]) -> None:
    """Print what changes as each override joins those before it."""
    rows = []
    for part in parts:
        a, b = part.effect.columns
        equity: dict[str, Fraction] = {}
        for fate in part.effect.fates:
            equity[fate.asset] = equity.get(fate.asset, Fraction(0)) + abs(Fraction(fate.equity))
        told = [f"{short(exact_text(moved))} {asset}" for asset, moved in sorted(equity.items())]
        first = part.effect.first
        rows.append(
            (
                f"{part.override} {part.kind}",
                "" if first is None else f"{first.log_position:,}",
                f"{len(part.effect.fates):,}",
                f"{b.liquidated_accounts - a.liquidated_accounts:+,}",
                f"{b.deleveraged_accounts - a.deleveraged_accounts:+,}",
                f"{b.contested - a.contested:+,}",
                *_losses(part),
                ", ".join(told),
            )
        )
    columns = (
        "override",
        ">differs since",
        ">accounts",
        ">liquidated",
        ">deleveraged",
        ">contested",
        ">losses",
        ">equity moved",
    )
    out.print(table(f"{name}: what each override adds", columns, rows))


def _losses(part: OverrideEffect) -> list[str]:
    """Return by how much losses change, in each asset."""
    changed: dict[str, Fraction] = {}
    for sign, column in zip((-1, 1), part.effect.columns, strict=True):
        for totals in column.assets:
            known = changed.get(totals.asset, Fraction(0))
            changed[totals.asset] = known + sign * Fraction(totals.losses)
    told = [f"{short(exact_text(value))} {asset}" for asset, value in sorted(changed.items())]
    return [", ".join(told)]
