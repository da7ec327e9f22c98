"""A reconciliation: coverage first, then matching, balances and positions, then the record of it.

It is of one ledger account and one venue, or of what came from outside and a chain or a bank. The
same inputs give the same result and change nothing in the records.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from clearing.audit.moments import Moment
from clearing.events.canonical import canonical_json
from clearing.events.fields import from_microseconds, to_microseconds
from clearing.log import Connection
from clearing.reconcile.acting import acting, one_at_a_time
from clearing.reconcile.balances import Course, Held, compare_balances
from clearing.reconcile.breaks import Found, Recorded, record_breaks
from clearing.reconcile.chains import chain_gaps
from clearing.reconcile.coverage import (
    Coverage,
    Covered,
    Gap,
    balance_gaps,
    covered,
    imports,
    judged,
    leaps,
    misplaced,
    overlaps,
    time_gaps,
)
from clearing.reconcile.differences import Difference
from clearing.reconcile.doubts import not_covered, run_together, wrong_accounts, wrong_order
from clearing.reconcile.effects import effects, meanwhile
from clearing.reconcile.fills import match_fills
from clearing.reconcile.lines import decimal_text, moment_text
from clearing.reconcile.matching import match_movements
from clearing.reconcile.sides import Ours, TheirRef, Theirs, load_ours, load_theirs
from clearing.reconcile.signoff import tolerances_in_force
from clearing.reconcile.taking import Leg
from clearing.reconcile.tolerances import Tolerances


class NothingToCompare(ValueError):  # noqa: N818 - reads as the statement that it is
    """There is no statement of what was to be reconciled."""


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


def reconcile(
    connection: Connection,
    moment: Moment,
    leg: Leg,
    venue: str,
    account: str,
    *,
    person: str,
    until: datetime | None = None,
    dry_run: bool = False,
    with_matches: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Reconciliation:
    """Compare the ledger with the statements of a leg, and record what differs.

    ``until`` cuts off what is compared. Raises :class:`NothingToCompare` where no statement covers
    anything. A ``dry_run`` says the same and records nothing.
    """
    say = progress or _silent
    cut = None if until is None else to_microseconds(until) - 1
    span = covered(connection, leg, venue, account, cut)
    if span is None:
        raise NothingToCompare(
            f"no {leg} statement of {venue or 'anybody'} for {account} was taken in and counts"
            + ("" if until is None else f" that covers anything before {until.isoformat()}")
        )
    say("reading the ledger")
    ours = load_ours(connection, moment, leg, account, span)
    say("reading the statements")
    theirs = load_theirs(connection, span)
    tolerances = Tolerances(tolerances_in_force(connection), venue)
    say(f"matching {len(ours.movements):,} movements with {len(theirs.movements):,}")
    result = _Result(connection, span, ours, theirs, tolerances)
    views = [one for one in imports(connection, leg, venue, account) if one.withdrawn is None]
    gaps = judged(
        connection, (leg, venue, account), (*time_gaps(span, result.uncovered), *result.gaps())
    )
    answer = Reconciliation(
        leg,
        venue,
        account,
        from_microseconds(span.since),
        from_microseconds(span.until),
        moment.position,
        0,
        False,
        Coverage(leg, venue, account, tuple(views), gaps, tuple(overlaps(views))),
        len(ours.movements) + len(ours.fills),
        len(theirs.movements) + len(theirs.fills),
        result.rules(),
        result.versions,
        result.residuals(),
        tuple(result.totals()),
        tuple(result.view(one) for one in result.differences),
        tuple(result.match_views()) if with_matches else (),
        None,
    )
    if dry_run:
        return answer
    say("recording")
    return _record(connection, result, answer, person)


def _silent(text: str) -> None:
    del text


class _Result:
    """Everything that comparing the two sides gave."""

    def __init__(
        self,
        connection: Connection,
        span: Covered,
        ours: Ours,
        theirs: Theirs,
        tolerances: Tolerances,
    ) -> None:
        self.span = span
        self.ours = ours
        self.theirs = theirs
        self.versions = tolerances.versions
        self.cash = match_movements(ours.movements, theirs.movements, tolerances, ours.units)
        self.fills = match_fills(ours.fills, theirs.fills, tolerances)
        self.leaps = leaps(theirs.movements, theirs.balances)
        cash, elsewhere = not_covered(self.cash.differences, span)
        fills, fills_elsewhere = not_covered(self.fills.differences, span)
        self.uncovered = elsewhere + fills_elsewhere
        found = run_together(cash, self.leaps, span)
        found += wrong_accounts(theirs)
        found += wrong_order(theirs, misplaced(connection, span.imports))
        doubtful = frozenset(place for one in found if one.side == "cash" for place in one.theirs)
        found += fills
        late = [one for one in found if one.type == "timing"]
        moved = chain(
            effects(found, ours, theirs),
            meanwhile(ours.movements, theirs.movements, self.cash.matches, late, "cash"),
            meanwhile(ours.fills, theirs.fills, self.fills.matches, late, "fill"),
        )
        found += compare_balances(ours.held, theirs.balances, moved, doubtful)
        self.differences = sorted(found, key=lambda one: (one.at, one.side, one.what, one.type))

    def rules(self) -> dict[str, int]:
        """Count matches by rule."""
        counts = Counter(one.rule for one in chain(self.cash.matches, self.fills.matches))
        return dict(sorted(counts.items()))

    def residuals(self) -> dict[str, str]:
        """Return what tolerances let pass, by asset."""
        sums: dict[str, int] = defaultdict(int)
        for match in self.cash.matches:
            sums[match.asset] += match.residual
        return {asset: decimal_text(amount) for asset, amount in sorted(sums.items()) if amount}

    def gaps(self) -> list[Gap]:
        """Return where lines of the statements are missing as far as they show it."""
        moments: dict[str, list[int]] = defaultdict(list)
        for one in self.differences:
            if one.side == "cash":
                moments[one.what].append(one.at)
                moments[one.what] += [self.ours.movements[place].at for place in one.ours]
                moments[one.what] += [self.theirs.movements[place].at for place in one.theirs]
        found = balance_gaps(self.leaps, moments)
        for gap in chain_gaps(self.theirs.fills):
            at, market = from_microseconds(gap.fill.at), gap.fill.market
            amount = decimal_text(gap.amount)
            found.append(Gap(at, at, market, amount, gap.words, account=gap.fill.account))
        return found

    def totals(self) -> Iterable[LegTotals]:
        """Yield opening, movements and closing of both sides, thing by thing."""
        held: dict[tuple[str, bool], list[Held]] = defaultdict(list)
        for change in self.ours.held:
            held[change.what, change.position].append(change)
        moved: dict[tuple[str, bool], int] = defaultdict(int)
        for movement in self.theirs.movements:
            moved[movement.asset, False] += movement.amount
        for fill in self.theirs.fills:
            moved[fill.market, True] += fill.size
        closing: dict[tuple[str, bool], int] = {}
        for balance in sorted(self.theirs.balances, key=lambda one: (one.at, not one.before)):
            closing[balance.what, balance.position] = balance.amount
        for what, position in sorted(held.keys() | moved.keys() | closing.keys()):
            course = Course(held[what, position])
            first, last = course.before(self.span.since), course.after(self.span.until)
            total, end = moved[what, position], closing.get((what, position))
            yield LegTotals(
                what,
                position,
                decimal_text(first),
                decimal_text(last - first),
                decimal_text(last),
                "" if end is None else decimal_text(end - total),
                decimal_text(total),
                "" if end is None else decimal_text(end),
            )

    def found(self) -> list[Found]:
        """Return the differences as breaks are recorded."""
        made = []
        for one in self.differences:
            ours, theirs = self._refs(one.side, one.ours, one.theirs)
            lines = self.theirs.movement_refs if one.side == "cash" else self.theirs.fill_refs
            known = [_known(lines[place]) for place in one.theirs]
            made.append(
                Found(
                    one.type,
                    one.side,
                    one.what,
                    one.amount,
                    one.at,
                    one.field,
                    one.here,
                    one.there,
                    one.words,
                    canonical_json(ours),
                    canonical_json(theirs),
                    canonical_json(self._known_by(one, known)),
                )
            )
        return made

    def _known_by(self, one: Difference, lines: list[list[Any]]) -> list[Any]:
        """Return what a break stays known by while it grows, shrinks or changes.

        Its lines: what of ours belongs to them may change. Without lines the posting (of several
        in a row the first), because an event may have more of one asset than one.
        """
        if one.type == "unexplained_balance" or not (lines or one.ours):
            return [[], [], [one.at]]
        if lines:
            return [lines, [], []]
        cash, place = one.side == "cash", one.ours[0]
        ref = (self.ours.movement_refs if cash else self.ours.fill_refs)[place]
        moved = self.ours.movements[place].amount if cash else self.ours.fills[place].size
        return [[], [ref.source, ref.external_id, ref.line, decimal_text(moved)], []]

    def view(self, one: Difference) -> DifferenceView:
        """Return a difference for people and programs."""
        ours, theirs = self._refs(one.side, one.ours, one.theirs)
        amount, at = decimal_text(one.amount), from_microseconds(one.at)
        texts = (one.field, one.here, one.there, one.words)
        return DifferenceView(
            one.type, one.side, one.what, amount, at, *texts, tuple(ours), tuple(theirs)
        )

    def match_views(self) -> Iterable[MatchView]:
        """Yield every match."""
        for side, matched in (("cash", self.cash), ("fill", self.fills)):
            for one in matched.matches:
                ours, theirs = self._refs(side, one.ours, one.theirs)
                residual = decimal_text(one.residual)
                yield MatchView(
                    one.rule, side, one.asset, tuple(ours), tuple(theirs), one.tolerance, residual
                )

    def _refs(
        self, side: str, ours: Sequence[int], theirs: Sequence[int]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the events and lines at places, as JSON-ready data."""
        cash = side == "cash"
        here = self.ours.movement_refs if cash else self.ours.fill_refs
        there = self.theirs.movement_refs if cash else self.theirs.fill_refs
        mine = [
            {
                "log_position": here[place].position,
                "line": here[place].line,
                "source": here[place].source,
                "external_id": here[place].external_id,
                "occurred_at": moment_text(here[place].occurred_at),
            }
            for place in ours
        ]
        yours = [
            {
                "import": there[place].number,
                "line": there[place].line,
                "native_id": there[place].native_id,
            }
            for place in theirs
        ]
        return mine, yours

    def inputs(self, of: tuple[str, str, str]) -> bytes:
        """Return the digest of all that was compared, and by which tolerances."""
        classes = None if self.span.classes is None else sorted(self.span.classes)
        span = self.span._replace(classes=None)
        digest = hashlib.sha256(canonical_json([*of, span, classes, self.versions]).encode())
        for ref, movement in zip(self.ours.movement_refs, self.ours.movements, strict=True):
            digest.update(f"{ref.position} {ref.line} {movement.amount}\n".encode())
        for ref in self.ours.fill_refs:
            digest.update(f"{ref.position}\n".encode())
        for line in chain(self.theirs.movement_refs, self.theirs.fill_refs):
            digest.update(f"{line.key} {line.nth} {line.leg}\n".encode())
        for balance in self.theirs.balances:
            digest.update(f"{balance.at} {balance.what} {balance.amount}\n".encode())
        opening = sum(change.amount for change in self.ours.held)
        digest.update(f"{len(self.ours.held)} {opening}".encode())
        return digest.digest()


def _known(ref: TheirRef) -> list[Any]:
    """Return what a line is known by, whichever statement says it."""
    return [ref.key, ref.nth, ref.leg]


def _record(
    connection: Connection, result: _Result, answer: Reconciliation, person: str
) -> Reconciliation:
    """Record a reconciliation, or find that the very same was recorded."""
    of = (answer.leg, answer.venue, answer.account)
    inputs = result.inputs(of)
    with acting(connection):
        one_at_a_time(connection)
        before = _before(connection, of, inputs, (answer.log_position, result.span.until))
        if before:
            return replace(answer, run=before, again=True)
        summary = {
            "ours": answer.ours,
            "theirs": answer.theirs,
            "rules": answer.rules,
            "differences": len(answer.differences),
            "tolerances": list(answer.tolerances),
        }
        row = connection.execute(
            "INSERT INTO clearing.recon_run (leg, venue, account, from_at, until_at, log_position,"
            " inputs, summary, recorded_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " RETURNING id",
            (
                *of,
                result.span.since,
                result.span.until,
                answer.log_position,
                inputs,
                canonical_json(summary),
                person,
            ),
        ).fetchone()
        if row is None:
            raise RuntimeError("a reconciliation got no number")
        run = int(row[0])
        _record_matches(connection, result, of, run)
        span = (result.span.since, result.span.until)
        withdrawn = frozenset(result.span.withdrawn)
        recorded = record_breaks(connection, of, span, run, result.found(), withdrawn)
    return replace(answer, run=run, recorded=recorded)


def _before(
    connection: Connection, of: tuple[str, str, str], inputs: bytes, reach: tuple[int, int]
) -> int:
    """Return the run that said the very same, 0 where it has to be recorded.

    If another one came after it, the breaks may be as that one found them: then it is recorded
    again, unless it sees less (of the log, or of time) than any other and so says nothing new.
    """
    rows = connection.execute(
        "SELECT id, inputs, log_position, until_at FROM clearing.recon_run"
        " WHERE leg = %s AND venue = %s AND account = %s AND (inputs = %s OR id IN"
        " (SELECT max(id) FROM clearing.recon_run WHERE leg = %s AND venue = %s AND account = %s))"
        " ORDER BY id DESC",
        (*of, inputs, *of),
    ).fetchall()
    same = next((int(row[0]) for row in rows if bytes(row[1]) == inputs), 0)
    if not same or bytes(rows[0][1]) == inputs:
        return same
    furthest = connection.execute(
        "SELECT max(log_position), max(until_at) FROM clearing.recon_run"
        " WHERE leg = %s AND venue = %s AND account = %s",
        of,
    ).fetchone()
    less = furthest is not None and (reach[0] < furthest[0] or reach[1] < furthest[1])
    return same if less else 0


def _record_matches(
    connection: Connection, result: _Result, of: tuple[str, str, str], run: int
) -> None:
    """Record the matches that were not recorded before, with the rule that made them."""
    connection.execute(
        "CREATE TEMPORARY TABLE recon_found (LIKE clearing.recon_match) ON COMMIT DROP"
    )
    columns = "key, run, rule, side, what, ours, theirs, tolerance, residual"
    with connection.cursor().copy(f"COPY recon_found ({columns}) FROM STDIN") as copy:
        for one in result.match_views():
            ours, theirs = canonical_json(list(one.ours)), canonical_json(list(one.theirs))
            key = hashlib.sha256(canonical_json([*of, one.side, ours, theirs]).encode()).digest()
            copy.write_row(
                (
                    key,
                    run,
                    one.rule,
                    one.side,
                    one.what,
                    ours,
                    theirs,
                    one.tolerance,
                    Decimal(one.residual),
                )
            )
    connection.execute(
        f"INSERT INTO clearing.recon_match ({columns})"  # noqa: S608 - a constant
        f" SELECT {columns} FROM recon_found ON CONFLICT (key) DO NOTHING"
    )
