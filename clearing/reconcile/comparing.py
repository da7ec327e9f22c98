"""Comparing two sides whole: matches, what differs, gaps, totals, and the digest of it all."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from clearing.events.canonical import canonical_json
from clearing.events.fields import from_microseconds, to_microseconds
from clearing.log import Connection
from clearing.reconcile.answers import DifferenceView, LegTotals, MatchView
from clearing.reconcile.balances import Course, Held, compare_balances
from clearing.reconcile.breaks import Found
from clearing.reconcile.carried import Carried
from clearing.reconcile.chains import chain_gaps
from clearing.reconcile.coverage import Covered, Gap, balance_gaps, leaps, misplaced
from clearing.reconcile.differences import Difference, Side
from clearing.reconcile.doubts import not_covered, run_together, wrong_accounts, wrong_order
from clearing.reconcile.effects import effects, meanwhile
from clearing.reconcile.fills import match_fills
from clearing.reconcile.lines import decimal_text, moment_text
from clearing.reconcile.matches import Match, Matched
from clearing.reconcile.matching import match_movements
from clearing.reconcile.periods import Period
from clearing.reconcile.sides import Ours, TheirRef, Theirs
from clearing.reconcile.tolerances import Tolerances


class Compared:
    """Everything that comparing the two sides gave.

    ``loaded`` is what was looked at, ``span`` the period of it that something is said of: what
    happened, or began, outside of it is left out.
    """

    def __init__(
        self,
        connection: Connection,
        span: Covered,
        ours: Ours,
        theirs: Theirs,
        tolerances: Tolerances,
        period: Period,
        carried: Carried,
    ) -> None:
        self.loaded = span
        self.span = period
        self.carried = carried
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
        found += compare_balances(
            ours.held,
            theirs.balances,
            chain(carried.effects, moved),
            doubtful,
            carried.ahead,
        )
        self._moments = [(one.what, moment) for one in found for moment in self._moments_of(one)]
        found = [one for one in found if period.has(one.at)]
        self.differences = sorted(found, key=lambda one: (one.at, one.side, one.what, one.type))

    def counts(self) -> tuple[int, int]:
        """Return how many movements and fills of the period each side has."""
        here, there = (
            sum(self.span.has(one.at) for one in side.movements)
            + sum(self.span.has(one.at) for one in side.fills)
            for side in (self.ours, self.theirs)
        )
        return here, there

    def rules(self) -> dict[str, int]:
        """Count matches by rule."""
        counts = Counter(one.rule for _, _, one in self._matches())
        return dict(sorted(counts.items()))

    def _matches(self) -> Iterator[tuple[int, Side, Match]]:
        """Yield the matches of the period: when they began, of which side they are."""
        sides: tuple[tuple[Side, Matched], ...] = (("cash", self.cash), ("fill", self.fills))
        for side, matched in sides:
            for one in matched.matches:
                at = self._began(side, one)
                if self.span.has(at):
                    yield at, side, one

    def residuals(self) -> dict[str, str]:
        """Return what tolerances let pass, by asset."""
        sums: dict[str, int] = defaultdict(int)
        for _, _, match in self._matches():
            sums[match.asset] += match.residual
        return {asset: decimal_text(amount) for asset, amount in sorted(sums.items()) if amount}

    def _moments_of(self, one: Difference) -> Iterator[int]:
        """Yield the moments of a difference of cash, on both sides."""
        if one.side == "cash":
            yield one.at
            yield from (self.ours.movements[place].at for place in one.ours)
            yield from (self.theirs.movements[place].at for place in one.theirs)

    def gaps(self) -> list[Gap]:
        """Return where lines of the statements are missing as far as they show it."""
        moments: dict[str, list[int]] = defaultdict(list)
        for what, moment in self._moments:
            moments[what].append(moment)
        found = balance_gaps(self.leaps, moments)
        for gap in chain_gaps(self.theirs.fills):
            at, market = from_microseconds(gap.fill.at), gap.fill.market
            amount = decimal_text(gap.amount)
            found.append(Gap(at, at, market, amount, gap.words, account=gap.fill.account))
        return [one for one in found if self.touches(one)]

    def touches(self, gap: Gap) -> bool:
        """Whether a gap is of the period."""
        since, until = to_microseconds(gap.since), to_microseconds(gap.until)
        return since <= self.span.until and until >= self.span.since

    def totals(self) -> Iterable[LegTotals]:
        """Yield opening, movements and closing of both sides, thing by thing."""
        held: dict[tuple[str, bool], list[Held]] = defaultdict(list)
        for change in self.ours.held:
            held[change.what, change.position].append(change)
        moved: dict[tuple[str, bool], int] = defaultdict(int)
        for movement in self.theirs.movements:
            if self.span.has(movement.at):
                moved[movement.asset, False] += movement.amount
        for fill in self.theirs.fills:
            if self.span.has(fill.at):
                moved[fill.market, True] += fill.size
        closing: dict[tuple[str, bool], int] = {}
        for balance in sorted(self.theirs.balances, key=lambda one: (one.at, not one.before)):
            if self.span.has(balance.at):
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
        return (view for _, view in self.timed_matches())

    def timed_matches(self) -> Iterable[tuple[int, MatchView]]:
        """Yield every match with the earliest moment of it (microseconds)."""
        for at, side, one in self._matches():
            ours, theirs = self._refs(side, one.ours, one.theirs)
            residual = decimal_text(one.residual)
            yield (
                at,
                MatchView(
                    one.rule, side, one.asset, tuple(ours), tuple(theirs), one.tolerance, residual
                ),
            )

    def _began(self, side: str, match: Match) -> int:
        if side == "cash":
            here = min(self.ours.movements[place].at for place in match.ours)
            return min(here, *(self.theirs.movements[place].at for place in match.theirs))
        here = min(self.ours.fills[place].at for place in match.ours)
        return min(here, *(self.theirs.fills[place].at for place in match.theirs))

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
        classes = None if self.loaded.classes is None else sorted(self.loaded.classes)
        span = self.loaded._replace(classes=None)
        carried = [sorted(self.carried.ahead.items()), self.carried.effects]
        compared = [*of, self.span, span, classes, self.versions, carried]
        digest = hashlib.sha256(canonical_json(compared).encode())
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
