"""What a reconciliation says, for people and programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clearing.reconcile.breaks import Recorded
from clearing.reconcile.coverage import Coverage


@dataclass(frozen=True, slots=True)
class LegTotals:
    """One asset (or position) on both sides: opening + movements = closing, on each.

    Exact decimals; ``theirs_opening`` and ``theirs_closing`` are empty where no balance is stated.
    """

    what: str
    position: bool
    ours_opening: str
    ours_movements: str
    ours_closing: str
    theirs_opening: str
    theirs_movements: str
    theirs_closing: str


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """A difference as it was found: see :class:`~clearing.reconcile.breaks.BreakView`."""

    type: str
    side: str
    what: str
    amount: str
    at: datetime
    field: str
    here: str
    there: str
    words: str
    ours: tuple[dict[str, Any], ...]
    theirs: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class MatchView:
    """What belongs together, by which rule; ``tolerance`` is the version that was needed (0)."""

    rule: str
    side: str
    what: str
    ours: tuple[dict[str, Any], ...]
    theirs: tuple[dict[str, Any], ...]
    tolerance: int
    residual: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a reconciliation says.

    ``run`` is its number in the records (0: a dry run), ``again`` whether the very same was
    recorded before. ``coverage`` comes first. ``rules`` counts the matches by the rule that made
    them; ``recorded`` what changed in the records (None: a dry run). ``matches`` are told only if
    asked for.
    """

    leg: str
    venue: str
    account: str
    since: datetime
    until: datetime
    log_position: int
    run: int
    again: bool
    coverage: Coverage
    ours: int
    theirs: int
    rules: dict[str, int]
    tolerances: tuple[int, ...]
    residuals: dict[str, str]
    totals: tuple[LegTotals, ...]
    differences: tuple[DifferenceView, ...]
    matches: tuple[MatchView, ...]
    recorded: Recorded | None

    @property
    def clean(self) -> bool:
        """Whether both sides agree and nothing speaks against the statements being whole."""
        return not self.differences and self.whole

    @property
    def whole(self) -> bool:
        """Whether nothing speaks against the statements being whole.

        What breaks say anyway does not, nor what was accepted.
        """
        return self.whole_since(self.since)

    def whole_since(self, moment: datetime) -> bool:
        """Whether that is so of what statements cover from a moment on."""
        doubtful = any(
            view.doubtful and (view.until is None or view.until >= moment)
            for view in self.coverage.imports
        )
        return not doubtful and not any(
            gap.open and gap.until >= moment for gap in self.coverage.gaps
        )
