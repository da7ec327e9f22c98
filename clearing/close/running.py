"""Running a close: step by step, each remembered, so that it can be interrupted and taken up.

A step that was done with the same inputs is not done again, but for verifying. What a step found
wrong does not stop the ones after it, but for a log that is not sound: that is not signed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from clearing.adapters import Refusal
from clearing.adapters.statements import (
    STATEMENT_READERS,
    StatementLine,
    StatementReader,
    settled_reader,
    sniff_statement,
    statement_files,
)
from clearing.books import Period, calendar_of, period_of
from clearing.close.plan import AccountWanted, ClosePlan, StatementWanted
from clearing.events.canonical import canonical_json
from clearing.ledger import Ledger
from clearing.log import Refused
from clearing.log.notes import Signer, Verifier
from clearing.log.tiles import TileStore
from clearing.projectors import BrokenCheckpoint, BrokenLeaf
from clearing.reconcile import (
    EVERY,
    BreakView,
    Checked,
    Desk,
    Proposal,
    Reconciliation,
    StatementRefused,
    charges_of,
    close_steps,
    fee_schedule,
    recompute_fees,
    record_close_step,
)

Verdict = Literal["clean", "breaks", "could not tell", "not sound"]


class Tools(NamedTuple):
    """What a close signs and verifies with: the folder of checkpoints, its key, whom it trusts."""

    store: TileStore
    signer: Signer | None
    trusted: tuple[Verifier, ...]


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step of a close: its name, whether nothing is left to do about it, and what it found.

    ``again`` says that it was done before with the same inputs.
    """

    step: str
    good: bool
    words: str
    again: bool


@dataclass(frozen=True, slots=True)
class Close:
    """A day's close on one page.

    ``verdict``: ``clean``, ``breaks`` (open ones, or steps that found something), ``could not
    tell`` (some events are not proven yet) or ``not sound``. ``breaks`` are the open ones, oldest
    and largest first; ``waiting`` what somebody has to decide on; ``act`` counts breaks by who must
    act (nobody: an empty name).
    """

    plan: str
    day: str
    begins: datetime
    ends: datetime
    log_position: int
    verdict: Verdict
    steps: tuple[StepDone, ...]
    breaks: tuple[BreakView, ...]
    waiting: tuple[Proposal, ...]
    act: dict[str, int]


class _Found(NamedTuple):
    good: bool
    words: str


def close_day(
    ledger: Ledger,
    plan: ClosePlan,
    day: str,
    *,
    person: str,
    folder: Path,
    tools: Tools | None = None,
    progress: Callable[[str], None] | None = None,
) -> Close:
    """Close a day by a plan whose files stand in ``folder``, and say in one page what came of it.

    Raises :class:`~clearing.books.PeriodUnclear` for what is no day of the plan's calendar.
    """
    period = period_of(calendar_of(plan.calendar), day)
    running = _Running(ledger, plan, day, period, person, folder, tools, progress or _silent)
    steps = tuple(running.steps())
    desk = ledger.desk(person)
    open_breaks = sorted(
        desk.breaks(status="open"),
        key=lambda one: (one.first_seen, -abs(Decimal(one.amount or "0")), one.number),
    )
    waiting = tuple(desk.proposals(open_only=True))
    act: dict[str, int] = {}
    for one in open_breaks:
        act[one.owner] = act.get(one.owner, 0) + 1
    return Close(
        plan.name,
        day,
        period.begins,
        period.ends,
        ledger.status().log_position,
        _verdict(steps, bool(open_breaks)),
        steps,
        tuple(open_breaks),
        waiting,
        dict(sorted(act.items())),
    )


def _verdict(steps: tuple[StepDone, ...], breaks: bool) -> Verdict:
    words = {one.step: one for one in steps}
    verified = words.get("verify")
    if verified is not None and verified.words.startswith("not sound"):
        return "not sound"
    if breaks or not all(one.good for one in steps):
        return "breaks"
    if verified is not None and not verified.words.startswith("sound"):
        signed = words.get("checkpoint")
        if signed is None or not signed.good:
            return "could not tell"
    return "clean"


def _silent(text: str) -> None:
    del text


class _Running:
    """A close under way."""

    def __init__(
        self,
        ledger: Ledger,
        plan: ClosePlan,
        day: str,
        period: Period,
        person: str,
        folder: Path,
        tools: Tools | None,
        say: Callable[[str], None],
    ) -> None:
        self.ledger = ledger
        self.plan = plan
        self.day = day
        self.period = period
        self.desk: Desk = ledger.desk(person)
        self.person = person
        self.folder = folder
        self.tools = tools
        self.say = say
        self.known = close_steps(ledger.connection, plan.name, day)

    def steps(self) -> Iterator[StepDone]:
        """Yield the steps as they are done."""
        try:
            self.ledger.project()
        except (BrokenLeaf, BrokenCheckpoint) as error:
            # Nothing that is read from such a log is worth comparing: what is wrong with it is.
            yield StepDone("project", good=False, words=str(error), again=False)
            yield self._verified()
            return
        for account in self.plan.accounts:
            for wanted in account.statements:
                yield from self._statements(account, wanted)
        for account in self.plan.accounts:
            yield from self._recomputed(account)
        for account in self.plan.accounts:
            if account.rules and account.account != EVERY:
                yield self._ruled(account.account)
        yield self._approved()
        for account in self.plan.accounts:
            if account.statement and account.account != EVERY:
                yield self._issued(account.account)
        if self.plan.house:
            yield self._issued(None)
        sound = True
        if self.plan.verify:
            verified = self._verified()
            sound = not verified.words.startswith("not sound")
            yield verified
        if self.plan.checkpoint and sound:
            yield self._signed()

    def _done(self, step: str, inputs: Any, act: Callable[[], _Found]) -> StepDone:
        """Do a step, unless it was done with the same inputs, and remember it."""
        digest = hashlib.sha256(canonical_json(inputs).encode()).hexdigest()
        before = self.known.get((step, digest))
        if before is not None:
            return StepDone(step, *before, again=True)
        self.say(step)
        found = act()
        record_close_step(
            self.ledger.connection, self.plan.name, self.day, step, digest, found, self.person
        )
        return StepDone(step, found.good, found.words, again=False)

    # -- statements

    def _statements(self, account: AccountWanted, wanted: StatementWanted) -> Iterator[StepDone]:
        venue = wanted.venue
        for path in self._paths(wanted):
            reader = self._reader(wanted, path)
            venue = reader.venue if wanted.venue is None else wanted.venue
            yield self._done(
                f"take {Path(path).name}",
                [account.account, wanted.leg, venue, _digest(path), wanted.settings],
                lambda reader=reader, path=path: self._take(account, wanted, reader, path),  # type: ignore[misc] # bound now, called at once
            )
        yield self._reconciled(account.account, wanted, venue or "")

    def _paths(self, wanted: StatementWanted) -> list[str]:
        return statement_files([str(self.folder / self._named(text)) for text in wanted.files])

    def _named(self, text: str) -> str:
        """Return a text of the plan with the day and the plan's folder in their places."""
        return text.replace("{day}", self.day).replace("{plan}", str(self.folder))

    def _settings(self, wanted: StatementWanted) -> dict[str, str]:
        return {name: self._named(value) for name, value in wanted.settings.items()}

    def _reader(self, wanted: StatementWanted, path: str) -> StatementReader:
        if wanted.format is None:
            return sniff_statement(path)
        reader = STATEMENT_READERS.get(wanted.format)
        if reader is None:
            raise ValueError(f"{wanted.format!r} is no format: {', '.join(STATEMENT_READERS)}")
        return settled_reader(reader, self._settings(wanted))

    def _take(
        self, account: AccountWanted, wanted: StatementWanted, reader: StatementReader, path: str
    ) -> _Found:
        try:
            taken = self.desk.take(
                reader,
                path,
                account=account.account,
                leg=wanted.leg,
                venue=wanted.venue,
                settings=self._settings(wanted),
                asked_from=self.period.begins if wanted.whole_day else None,
                asked_until=self.period.ends if wanted.whole_day else None,
            )
        except StatementRefused as error:
            return _Found(False, f"not taken in: {error}")
        if taken.refusals:
            self.ledger.quarantine(
                Refused(one.file, one.line, one.field, one.value, one.reason, one.raw)
                for one in taken.refusals
            )
        if not taken.number:
            return _Found(False, f"not taken in: {taken.refusals[0]}")
        seen = taken.seen
        doubts = "; a full page, more may have been left off" if seen.saturated else ""
        words = f"{taken.format}, {seen.lines:,} lines, import {taken.number}{doubts}"
        return _Found(not doubts, words)

    def _reconciled(self, account: str, wanted: StatementWanted, venue: str) -> StepDone:
        """Reconcile: it remembers by itself whether it was done with the same inputs.

        Statements that agree but do not reach the day (or its end, of a whole day) say nothing of
        it.
        """
        step = f"reconcile {account} with {venue or wanted.leg}"
        self.say(step)
        try:
            answer = self._reconcile(account, wanted.leg, venue)
        except ValueError as error:
            return StepDone(step, good=False, words=str(error), again=False)
        left = self.desk.breaks(status="open", of=(wanted.leg, venue, account))
        words, good = (
            _words_of(answer, len(left)),
            answer.whole_since(self.period.begins) and not left,
        )
        reached = answer.until + timedelta(microseconds=1)
        if reached < self.period.ends if wanted.whole_day else reached <= self.period.begins:
            words, good = f"{words}; covers only until {reached.isoformat()}", False
        return StepDone(step, good, words, answer.again)

    def _reconcile(self, account: str, leg: Any, venue: str) -> Reconciliation:
        source = self.plan.residuals_as
        answer = self.desk.reconcile(
            venue,
            account,
            leg=leg,
            until=self.period.ends,
            with_matches=source is not None,
            progress=self.say,
        )
        if source is not None and answer.residuals:
            self.desk.post_residuals(answer, source)
            answer = self.desk.reconcile(venue, account, leg=leg, until=self.period.ends)
        return answer

    # -- fees and funding

    def _recomputed(self, account: AccountWanted) -> Iterator[StepDone]:
        if account.fees is None and account.funding is None:
            return
        paths = [(wanted, path) for wanted in account.statements for path in self._paths(wanted)]
        digests = [_digest(path) for _, path in paths]
        if account.fees is not None:
            schedule = self.folder / account.fees
            yield self._done(
                f"fees of {account.account}",
                [digests, _digest(str(schedule))],
                lambda: self._fees(account, paths, schedule),
            )
        if account.funding is not None:
            position = self.ledger.status().log_position
            yield self._done(
                f"funding of {account.account}",
                [digests, position, account.funding.model_dump()],
                lambda: self._funding(account, paths),
            )

    def _lines(self, paths: list[tuple[StatementWanted, str]]) -> Iterator[StatementLine]:
        for wanted, path in paths:
            settings = self._settings(wanted)
            for item in self._reader(wanted, path).read(path, settings):
                inside = isinstance(item, StatementLine) and self._within(item.at)
                if inside and not isinstance(item, Refusal):
                    yield item  # type: ignore[misc] # a line: `inside` says so

    def _within(self, at: datetime) -> bool:
        return self.period.begins <= at < self.period.ends

    def _fees(
        self,
        account: AccountWanted,
        paths: list[tuple[StatementWanted, str]],
        schedule: Path,
    ) -> _Found:
        wanted = fee_schedule(schedule)
        report = recompute_fees(self._lines(paths), wanted)
        times = (self.period.begins, self.period.ends)
        checked = self.desk.check_fees(report, wanted.venue, account.account, *times)
        over = ", ".join(f"{amount} {asset}" for asset, amount in report.overcharged.items())
        words = f"{report.compared:,} fills compared, {_breaks_of(checked)}"
        return _Found(not report.lines, f"{words}; overcharged {over}" if over else words)

    def _funding(self, account: AccountWanted, paths: list[tuple[StatementWanted, str]]) -> _Found:
        wanted = account.funding
        if wanted is None:
            raise ValueError(f"{account.account}: funding is not compared")
        report = self.desk.recompute_funding(
            account.account,
            charges_of(self._lines(paths)),
            since=self.period.begins,
            until=self.period.ends,
            within=timedelta(seconds=wanted.within_seconds),
            units=wanted.units,
        )
        times = (self.period.begins, self.period.ends)
        checked = self.desk.check_funding(report, account.account, *times)
        short = ", ".join(f"{amount} {asset}" for asset, amount in report.overcharged.items())
        words = f"{report.compared:,} settlements compared, {_breaks_of(checked)}"
        return _Found(not report.lines, f"{words}; too little {short}" if short else words)

    # -- rules and approvals: each remembers by itself whether what it found is news

    def _ruled(self, account: str) -> StepDone:
        step = f"rules for {account}"
        self.say(step)
        checked = self.desk.check_rules(account, self.period.begins, self.period.ends)
        return _checked(step, checked)

    def _approved(self) -> StepDone:
        self.say("approvals")
        return _checked("approvals", self.desk.check_approvals(self.plan.approvals))

    # -- our statements, the log

    def _issued(self, account: str | None) -> StepDone:
        """Issue a statement: it remembers by itself whether its figures are news."""
        step = f"statement of {account or 'the house'}"
        self.say(step)
        try:
            issued = self.ledger.statement(account, self.period, issue=True)
        except ValueError as error:
            return StepDone(step, good=False, words=str(error), again=False)
        return StepDone(step, good=True, words=f"version {issued.version}", again=False)

    def _verified(self) -> StepDone:
        """Verify: always anew, because what was sound before may have been changed since."""
        self.say("verify")
        tools = self.tools
        answer = self.ledger.verify(
            store=None if tools is None else tools.store,
            trusted=() if tools is None else tools.trusted,
        )
        words = f"{answer.verdict}: {answer.events:,} events"
        untold = "; ".join(answer.untold)
        words = f"{words}; {untold}" if untold else words
        return StepDone("verify", answer.verdict != "not sound", words, again=False)

    def _signed(self) -> StepDone:
        if self.tools is None or self.tools.signer is None:
            words = "there is no key to sign with"
            return StepDone("checkpoint", good=False, words=words, again=False)
        store, signer = self.tools.store, self.tools.signer
        status = self.ledger.status()
        inputs = [status.log_position, status.log_root, signer.verifier.text()]
        return self._done("checkpoint", inputs, lambda: self._sign(store, signer))

    def _sign(self, store: TileStore, signer: Signer) -> _Found:
        made = self.ledger.checkpoint(store, signer)
        return _Found(True, f"signed {made.size:,} events")


def _words_of(answer: Reconciliation, left: int) -> str:
    parts = [f"{answer.theirs:,} lines"]
    if answer.clean:
        parts.append("all agree")
    if answer.differences:
        parts.append(f"{len(answer.differences):,} differences, {left:,} open breaks")
    gaps = sum(not gap.named for gap in answer.coverage.gaps)
    if gaps:
        parts.append(f"{gaps:,} gaps that no break names")
    doubtful = sum(bool(view.doubts) for view in answer.coverage.imports)
    if doubtful:
        parts.append(f"{doubtful:,} doubtful statements")
    return ", ".join(parts)


def _breaks_of(checked: Checked) -> str:
    told = f", {checked.told:,} that other breaks tell" if checked.told else ""
    return f"{checked.found:,} differ{told}"


def _checked(step: str, checked: Checked) -> StepDone:
    again = checked.recorded is None
    return StepDone(step, not checked.found, f"{checked.found:,} found", again)


def _digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
