"""The reconciliation desk: everything that reconciliation does, on one ledger, by one person.

The Python API reaches it as ``ledger.desk(person)``, the command line does the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Protocol

from clearing.adapters.statements import StatementReader, settled_reader
from clearing.audit.authorised import authorised_events
from clearing.audit.deviating import deviations_between
from clearing.audit.funding_due import funding_due
from clearing.audit.moments import Moment
from clearing.events.fields import to_microseconds
from clearing.log import Connection
from clearing.reconcile.accepting import revoke
from clearing.reconcile.acting import NotAllowed, acting
from clearing.reconcile.answers import Reconciliation
from clearing.reconcile.breaks import BreakView, Found, Status, break_view, breaks, note
from clearing.reconcile.checks import (
    Check,
    Checked,
    approval_breaks,
    fee_breaks,
    funding_breaks,
    record_check,
    rule_breaks,
)
from clearing.reconcile.coverage import ImportView, imports
from clearing.reconcile.proposals import Apart, Proposal, proposal, proposals
from clearing.reconcile.proposing import (
    propose_acceptance,
    propose_for_break,
    propose_limit,
    propose_policy,
    propose_rulebook,
    propose_tolerance,
    propose_withdrawal,
)
from clearing.reconcile.recompute import (
    FeeReport,
    FundingCharge,
    FundingReport,
    recompute_funding,
)
from clearing.reconcile.residuals import residual_events
from clearing.reconcile.running import reconcile
from clearing.reconcile.sampling import Planted, sample_statement
from clearing.reconcile.signoff import decide
from clearing.reconcile.taking import EVERY, Leg, StatementOf, Taken, take_statement
from clearing.reconcile.threeway import ThreeWayLine, three_way

_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Books(Protocol):
    """What the desk needs of a ledger."""

    def moment(self, at: Any = None) -> Moment:
        """Return the moment that is asked about, by default the present."""

    def append_one(self, document: dict[str, Any]) -> int:
        """Append one event, or find it there, project it, and return its log position."""


class Desk:
    """A person at the desk. Names are those that the breaks' history and sign-off will show."""

    def __init__(self, connection: Connection, books: Books, person: str) -> None:
        """Sit down; raises :class:`ValueError` for nobody, and for blanks around a name."""
        if not person or person != person.strip():
            raise ValueError(f"who works at the desk must have a name without blanks: {person!r}")
        self._connection = connection
        self._books = books
        self.person = person

    def take(
        self,
        reader: StatementReader,
        path: str,
        *,
        account: str,
        leg: Leg = "venue",
        venue: str | None = None,
        settings: Mapping[str, str] | None = None,
        asked_from: datetime | None = None,
        asked_until: datetime | None = None,
        partial: bool = False,
        again: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Taken:
        """Take a statement in; see :func:`~clearing.reconcile.taking.take_statement`."""
        reader = settled_reader(reader, settings or {})
        named = reader.venue if venue is None else venue
        of = StatementOf(leg, named, account, self.person, asked_from, asked_until)
        return take_statement(
            self._connection,
            reader,
            path,
            settings or {},
            of,
            partial=partial,
            again=again,
            progress=progress,
        )

    def sample_statement(
        self,
        account: str,
        since: datetime,
        until: datetime,
        planted: Sequence[Planted] = (),
    ) -> Iterator[str]:
        """Yield the lines of a sample statement; see :mod:`clearing.reconcile.sampling`."""
        moment = self._books.moment()
        return sample_statement(self._connection, moment, account, since, until, planted)

    def statements(
        self, leg: Leg | None = None, venue: str | None = None, account: str | None = None
    ) -> list[ImportView]:
        """Return the statements that were taken in, with what they cover and what is doubtful."""
        return imports(self._connection, leg, venue, account)

    def reconcile(
        self,
        venue: str,
        account: str,
        *,
        leg: Leg = "venue",
        at: Any = None,
        since: datetime | None = None,
        until: datetime | None = None,
        news: bool = False,
        dry_run: bool = False,
        with_matches: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> Reconciliation:
        """Compare and record; see :func:`~clearing.reconcile.running.reconcile`."""
        return reconcile(
            self._connection,
            self._books.moment(at),
            leg,
            venue,
            account,
            person=self.person,
            since=since,
            until=until,
            news=news,
            dry_run=dry_run,
            with_matches=with_matches,
            progress=progress,
        )

    def residuals(self, answer: Reconciliation, source: str) -> list[dict[str, Any]]:
        """Return the events that :meth:`post_residuals` appends; nothing is appended."""
        return residual_events(self._connection, answer, source)

    def post_residuals(self, answer: Reconciliation, source: str) -> list[int]:
        """Post what tolerances let pass to their residual accounts; return the log positions.

        ``answer`` must tell its matches, and ``source`` is a declared one. Posting again changes
        nothing.
        """
        return [self._books.append_one(event) for event in self.residuals(answer, source)]

    def three_way(
        self, account: str, *, at: Any = None, until: datetime | None = None
    ) -> list[ThreeWayLine]:
        """Return what came from outside and went there, as each leg has it."""
        return three_way(self._connection, self._books.moment(at), account, until=until)

    def recompute_funding(
        self,
        account: str,
        charges: Iterable[FundingCharge],
        *,
        at: Any = None,
        since: datetime | None = None,
        until: datetime | None = None,
        within: timedelta = timedelta(seconds=60),
        units: int = 0,
    ) -> FundingReport:
        """Compare what was charged for funding with the ledger's own rates and positions.

        ``since`` and ``until`` (not included) bound the settlements that are compared.
        """
        first = None if since is None else to_microseconds(since)
        last = None if until is None else to_microseconds(until)
        due = (
            one
            for one in funding_due(self._connection, self._books.moment(at), account)
            if (first is None or one.occurred_at >= first)
            and (last is None or one.occurred_at < last)
        )
        return recompute_funding(due, charges, within=within, units=units)

    def check_fees(
        self,
        report: FeeReport,
        venue: str,
        account: str,
        since: datetime,
        until: datetime,
        *,
        at: Any = None,
    ) -> Checked:
        """Record what a fee schedule found of a time as breaks; those it did not are closed."""
        found = fee_breaks(report.lines)
        return self._checked("fees", venue, account, (since, until), at, found)

    def check_funding(
        self,
        report: FundingReport,
        account: str,
        since: datetime,
        until: datetime,
        *,
        at: Any = None,
    ) -> Checked:
        """Record what computing funding again found of a time as breaks."""
        found = funding_breaks(report.lines)
        return self._checked("funding", "", account, (since, until), at, found)

    def check_rules(
        self, account: str, since: datetime, until: datetime, *, at: Any = None
    ) -> Checked:
        """Record what was done to an account in a time against the rulebook in force as breaks.

        That is what verifying finds (:data:`~clearing.audit.deviating.MEANINGS`).
        """
        moment = self._books.moment(at)
        span = (to_microseconds(since), to_microseconds(until))
        found = rule_breaks(deviations_between(self._connection, moment, account, *span))
        return self._checked("rules", "", account, (since, until), at, found)

    def check_approvals(self, sources: Iterable[str] = (), *, at: Any = None) -> Checked:
        """Record adjustments and rulebooks in the log that nobody approved here as breaks.

        Of the ``sources`` named, and adjustments of category ``reconciliation`` of any.
        """
        moment = self._books.moment(at)
        events = authorised_events(self._connection, moment, tuple(sources))
        found = approval_breaks(self._connection, events)
        return self._checked("approvals", "", EVERY, (_FIRST, _LAST), at, found)

    def _checked(
        self,
        check: Check,
        venue: str,
        account: str,
        span: tuple[datetime, datetime],
        at: Any,
        found: Sequence[Found],
    ) -> Checked:
        moment, of = self._books.moment(at), (check, venue, account)
        return record_check(self._connection, of, span, moment, found, self.person)

    def breaks(
        self,
        *,
        status: Status | None = None,
        of: tuple[str, str, str] | None = None,
        kind: str | None = None,
        now: datetime | None = None,
    ) -> list[BreakView]:
        """Return breaks; see :func:`~clearing.reconcile.breaks.breaks`."""
        return breaks(self._connection, status=status, of=of, kind=kind, now=now)

    def break_view(self, number: int) -> BreakView:
        """Return one break with its history."""
        return break_view(self._connection, number)

    def note(
        self, number: int, what: Literal["owner", "cause", "comment", "reopened"], words: str
    ) -> BreakView:
        """Give a break an owner, a cause, a comment, or open it again."""
        with acting(self._connection):
            note(self._connection, number, what, words, self.person)
        return break_view(self._connection, number)

    def propose_for_break(
        self,
        kind: Literal["adjustment", "write_off", "override"],
        number: int,
        reason: str,
        *,
        source: str = "",
    ) -> Proposal:
        """Propose what is to become of a break."""
        return propose_for_break(
            self._connection, kind, number, author=self.person, reason=reason, source=source
        )

    def propose_tolerance(
        self,
        field: str,
        absolute: str,
        reason: str,
        *,
        venue: str = "*",
        what: str = "*",
        millionths: int = 0,
        residual_account: str = "",
    ) -> Proposal:
        """Propose a tolerance."""
        return propose_tolerance(
            self._connection,
            venue=venue,
            what=what,
            field=field,
            absolute=absolute,
            millionths=millionths,
            residual_account=residual_account,
            author=self.person,
            reason=reason,
        )

    def propose_limit(
        self, person: str, kind: str, asset: str, amount: str, reason: str
    ) -> Proposal:
        """Propose up to which amount a person may approve."""
        return propose_limit(
            self._connection,
            person=person,
            kind=kind,
            asset=asset,
            amount=amount,
            author=self.person,
            reason=reason,
        )

    def propose_policy(self, apart: Apart, reason: str) -> Proposal:
        """Propose by what proposer and decider must differ: ``names``, or ``users`` as well."""
        return propose_policy(self._connection, apart, author=self.person, reason=reason)

    def propose_rulebook(self, event: Mapping[str, Any], reason: str) -> Proposal:
        """Propose a rulebook."""
        return propose_rulebook(self._connection, event, author=self.person, reason=reason)

    def propose_withdrawal(self, number: int, reason: str, *, replaced_by: int = 0) -> Proposal:
        """Propose that a statement counts no more, because ``replaced_by`` does if it is named."""
        return propose_withdrawal(
            self._connection, number, replaced_by=replaced_by, author=self.person, reason=reason
        )

    def propose_acceptance(
        self, venue: str, account: str, doubt: str, reason: str, *, leg: Leg = "venue"
    ) -> Proposal:
        """Propose that a doubt about an account's statements, known by its id, is accepted.

        Raises :class:`NotAllowed` where there is none of that id: it may have changed.
        """
        of: tuple[Leg, str, str] = (leg, venue, account)
        return propose_acceptance(
            self._connection,
            of,
            doubt,
            self._words_of(of, doubt),
            author=self.person,
            reason=reason,
        )

    def _words_of(self, of: tuple[Leg, str, str], doubt: str) -> str:
        """Return what a doubt says: of a statement, else where lines are missing by comparing."""
        for view in self.statements(*of):
            for one in view.doubts:
                if one.id == doubt and view.withdrawn is None:
                    return f"import {view.number}: {one.words}"
        leg, venue, account = of
        for gap in self.reconcile(venue, account, leg=leg, dry_run=True).coverage.gaps:
            if gap.id == doubt:
                span = f"{gap.since.isoformat()} to {gap.until.isoformat()}"
                return f"{span}: {' '.join(filter(None, (gap.what, gap.amount, gap.words)))}"
        raise NotAllowed(
            f"there is no doubt {doubt!r} about the statements of {account} by {venue or leg};"
            " clearing reconcile lists them"
        )

    def revoke(self, number: int, reason: str) -> Proposal:
        """Doubt again what a proposal accepted; see :func:`~clearing.reconcile.accepting.revoke`.

        Return that proposal, as it is now.
        """
        revoke(self._connection, number, person=self.person, reason=reason)
        return proposal(self._connection, number)

    def proposals(self, *, open_only: bool = False) -> list[Proposal]:
        """Return proposals."""
        return proposals(self._connection, open_only=open_only)

    def decide(self, number: int, *, approve: bool, reason: str = "") -> Proposal:
        """Approve or decline what somebody else proposed, and carry out what was approved."""
        return decide(
            self._connection,
            number,
            approver=self.person,
            approve=approve,
            reason=reason,
            append=self._books.append_one,
        )
