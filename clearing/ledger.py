"""The Python API: open a ledger, append events, project them, ask.

It is as small as the command line and does the same through the same rooms. One :class:`Ledger`
holds one connection and is for one thread at a time; open another for another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clearing import audit, books
from clearing.audit import (
    AccountView,
    CheckpointMade,
    CorrectionView,
    DeviationEvidence,
    DeviationView,
    Diff,
    Explanation,
    FillReport,
    FirstDifference,
    FundStateView,
    FundView,
    HistoryPage,
    HouseView,
    Impact,
    LedgerStatus,
    LiquidationExplained,
    LiquidationView,
    MarketView,
    Moment,
    OverrideEffect,
    PackMade,
    PriceExplained,
    Scenario,
    ScenarioAnswer,
    StoryPoint,
    Stress,
    StressAnswer,
    ToldLiquidationView,
    TrialBalanceLine,
    Verification,
    Wanted,
)
from clearing.books import Attribution, Issued, Period, Restatement, Statement, exports
from clearing.books.liabilities import Liabilities, Publication, checkpoint_of, made_again
from clearing.database import Database, Settings, connect, migrate, open_database
from clearing.events import Event, parse_event
from clearing.log import (
    BATCH,
    Connection,
    LogWriter,
    Quarantined,
    Receipt,
    Refused,
    keep,
    quarantined,
)
from clearing.log.notes import Signer, Verifier
from clearing.log.tiles import TileStore
from clearing.projectors import (
    Generation,
    Projector,
    Rebuilt,
    drop_unused,
    ensure_live,
    follow,
    generations,
    project,
    rebuild,
)
from clearing.reconcile import Desk

At = int | datetime | Moment | None
"""A moment: a log position, the time by which things had happened, what :meth:`Ledger.moment`
returned, or the present."""

Folding = Callable[[int, int], None]
"""Told how many events were folded, of how many, where a moment has books of its own."""

EventLike = Event | dict[str, Any]
"""An event, or the JSON-like document of one."""


class Ledger:
    """A ledger in Postgres. Use :meth:`open`, as a context manager or with :meth:`close`."""

    def __init__(self, connection: Connection, database: Database | None = None) -> None:
        self._connection = connection
        self._database = database
        self._writer: LogWriter | None = None

    @classmethod
    def open(
        cls, url: str | None = None, *, progress: Callable[[str], None] | None = None
    ) -> "Ledger":
        """Open the ledger at ``url``, bringing its schema up to date.

        Without a URL: the one in ``CLEARING_DATABASE_URL``, else the private cluster in the data
        directory, which is made and started if need be (``progress`` is told what is happening).
        Raises :class:`~clearing.database.DatabaseUnavailable`, which says what to do.
        """
        database = None
        if url is None:
            database = open_database(Settings.read(), progress)
            url = database.url
        try:
            migrate(url)
            return cls(connect(url, autocommit=True), database)
        except BaseException:
            if database is not None:
                database.close()
            raise

    def close(self) -> None:
        """Close the connection, and let go of the private cluster."""
        self._connection.close()
        if self._database is not None:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def connection(self) -> Connection:
        """The connection, for what this API does not offer."""
        return self._connection

    @property
    def writer(self) -> LogWriter:
        """The writer behind :meth:`append`; it knows the names declared so far."""
        if self._writer is None:
            self._writer = LogWriter(self._connection)
        return self._writer

    def describe(self) -> dict[str, Any]:
        """Return which database this is: server version, where it is, and who started it."""
        if self._database is not None:
            return self._database.describe()
        info = self._connection.info
        return {"server_version": info.server_version, "database": info.dbname, "host": info.host}

    def append(self, events: Iterable[EventLike], *, batch: int = BATCH) -> list[Receipt]:
        """Append events in batches; each batch is stored whole or not at all.

        Events are models or their documents. What is in the log already with the same content is a
        duplicate and counted as such. Raises :class:`~clearing.events.EventRefused` for a document
        that is no event, :class:`~clearing.log.BatchRefused` for an event that does not fit what is
        declared, and :class:`~clearing.log.Conflict` where an identity stands for other content;
        batches before that one stand.
        """
        return list(self.append_batches(events, batch=batch))

    def append_batches(
        self, events: Iterable[EventLike], *, batch: int = BATCH
    ) -> Iterator[Receipt]:
        """Append like :meth:`append`, yielding each receipt as its batch is committed."""
        parsed = (parse_event(event) if isinstance(event, dict) else event for event in events)
        yield from self.writer.append_many(parsed, batch)

    def project(self, *, progress: Callable[[int], None] | None = None) -> int:
        """Bring the read models up to the end of the log and return the position reached."""
        return project(self._connection, progress=progress).position

    def follow(
        self,
        *,
        idle_seconds: float | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Project what is there and whatever is appended, until interrupted or idle."""
        return follow(self._connection, idle_seconds=idle_seconds, progress=progress)

    def rebuild(
        self,
        *,
        accept_engine_change: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Rebuilt:
        """Rebuild every read model from genesis beside the live ones, compare, and switch.

        Raises :class:`~clearing.projectors.RebuildRefused` with the differences.
        """
        return rebuild(
            self._connection, accept_engine_change=accept_engine_change, progress=progress
        )

    def moment(
        self,
        at: At = None,
        *,
        recorded: datetime | None = None,
        occurred: datetime | None = None,
        known_at: int | None = None,
        generation: int | None = None,
    ) -> Moment:
        """Return the moment meant; any question takes it as its ``at``.

        ``recorded`` is the ledger's own time, ``occurred`` the sources' (as ``at``, if that is a
        time), of what was appended by log position ``known_at``. Where late facts are among it, the
        answer is a scenario in their own order, and says so. ``generation`` asks other read models
        than the books: a scenario's, or earlier ones that are still there. Raises
        :class:`~clearing.audit.MomentUnclear` for a contradiction, and beyond what is projected.
        """
        if isinstance(at, Moment):
            return at
        if isinstance(at, datetime):
            at, occurred = None, at
        return audit.resolve_moment(
            self._connection,
            generation=generation,
            at=at,
            recorded=recorded,
            occurred=occurred,
            known_at=known_at,
        )

    def account(
        self, account: str, at: At = None, *, folding: Folding | None = None
    ) -> AccountView:
        """Return an account as it was: cash, positions, equity, requirements, status."""
        return audit.account(self._connection, account, self.moment(at), folding)

    def accounts(self, at: At = None, *, folding: Folding | None = None) -> list[AccountView]:
        """Return every account as it was, in order of opening."""
        return audit.accounts(self._connection, self.moment(at), folding)

    def market(self, market: str, at: At = None, *, folding: Folding | None = None) -> MarketView:
        """Return a market as it was: prices, funding, who holds how much, state."""
        return audit.market(self._connection, market, self.moment(at), folding)

    def house(self, at: At = None, *, folding: Folding | None = None) -> HouseView:
        """Return the whole ledger, asset by asset: who owns what, and sums that add up."""
        return audit.house(self._connection, self.moment(at), folding)

    def account_story(
        self, account: str, asset: str, at: At = None, *, points: int = 60
    ) -> list[StoryPoint]:
        """Return moments of an account's equity against its requirements, up to ``at``."""
        return audit.account_story(self._connection, account, asset, self.moment(at), points)

    def liquidations(
        self, at: At = None, *, account: str | None = None, limit: int = 1000
    ) -> list[LiquidationView]:
        """Return the latest liquidation steps up to ``at``, with who bore what."""
        moment = self.moment(at)
        return audit.liquidations(self._connection, moment, account=account, limit=limit)

    def told_liquidations(
        self, at: At = None, *, account: str | None = None, limit: int = 1000
    ) -> list[ToldLiquidationView]:
        """Return the latest fills up to ``at`` that their venue says were liquidations."""
        moment = self.moment(at)
        return audit.told_liquidations(self._connection, moment, account=account, limit=limit)

    def funds(
        self, fund: str | None = None, at: At = None, *, folding: Folding | None = None
    ) -> list[FundStateView]:
        """Return the funds as they were: cash, inventory at mark, equity, providers' shares."""
        return audit.funds(self._connection, self.moment(at), fund=fund, progress=folding)

    def fund_history(
        self, fund: str | None = None, at: At = None, *, limit: int = 1000
    ) -> list[FundView]:
        """Return the latest lines of the funds' history: cash, inventory at mark, equity."""
        return audit.fund_history(self._connection, self.moment(at), fund=fund, limit=limit)

    def trial_balance(
        self, at: At = None, *, folding: Folding | None = None
    ) -> list[TrialBalanceLine]:
        """Return every ledger account's balance; each asset sums to zero."""
        return audit.trial_balance(self._connection, self.moment(at), folding)

    def history(
        self, sort: str, name: str, at: At = None, *, wanted: Wanted | None = None
    ) -> HistoryPage:
        """Return a page of what touched an ``account``, ``market`` or ``fund`` up to ``at``."""
        moment = self.moment(at)
        return audit.history(self._connection, sort, name, moment, wanted or Wanted())

    def deviations(
        self, at: At = None, *, code: str | None = None, limit: int = 1000
    ) -> list[DeviationView]:
        """Return where facts contradicted the rules."""
        return audit.deviations(self._connection, self.moment(at), code=code, limit=limit)

    def deviation_evidence(
        self, at: At = None, *, code: str | None = None, limit: int = 1000
    ) -> list[DeviationEvidence]:
        """Return where facts contradicted the rules, each with its evidence."""
        moment = self.moment(at)
        return audit.deviation_evidence(self._connection, moment, code=code, limit=limit)

    def fill_report(self, at: At = None) -> FillReport:
        """Return how recorded fills compare with their source's own figures."""
        return audit.fill_report(self._connection, self.moment(at))

    def replay(
        self,
        scenario: Scenario | dict[str, Any],
        at: At = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> ScenarioAnswer:
        """Return what a scenario (or its document) changes in the log up to ``at``.

        Raises :class:`~clearing.audit.ScenarioRefused` with every problem.
        """
        if isinstance(scenario, dict):
            scenario = audit.parse_scenario(scenario)
        return audit.replay(self._connection, scenario, self.moment(at), progress)

    def keep_scenario(
        self,
        scenario: Scenario | dict[str, Any],
        at: At = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[int, ScenarioAnswer]:
        """Write what a scenario makes of the log to a generation of its own.

        Returns its number, which :meth:`moment` takes, and what :meth:`replay` returns. The log and
        the books stay as they are. Raises :class:`~clearing.audit.ScenarioRefused`,
        :class:`~clearing.projectors.RebuildBusy` while a rebuild or verification runs, and
        :class:`~clearing.projectors.BrokenCheckpoint` where another engine version wrote the books.
        """
        if isinstance(scenario, dict):
            scenario = audit.parse_scenario(scenario)
        return audit.keep_scenario(self._connection, scenario, self.moment(at), progress)

    def generations(self) -> list[Generation]:
        """Return every set of read models that there is, oldest first."""
        return generations(self._connection)

    def drop_generation(self, number: int) -> None:
        """Remove a generation; :class:`ValueError` for the live one and for one in the making."""
        drop_unused(self._connection, number)

    def attribute(
        self,
        scenario: Scenario | dict[str, Any],
        at: At = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[OverrideEffect, ...]:
        """Return the part of each override in what a scenario changes; the parts add up to it.

        ``progress`` is called with the number of parts done and the position reached in the next.
        Raises :class:`~clearing.audit.ScenarioRefused` with every problem.
        """
        if isinstance(scenario, dict):
            scenario = audit.parse_scenario(scenario)
        return audit.attribute(self._connection, scenario, self.moment(at), progress)

    def diff(
        self,
        a: Scenario,
        b: Scenario,
        at: At = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Diff:
        """Return what differs between two scenarios up to ``at``; ``audit.LOG`` is the log."""
        return audit.diff(self._connection, a, b, self.moment(at), progress)

    def bisect(
        self,
        a: Scenario,
        b: Scenario,
        at: At = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> FirstDifference | None:
        """Return the first event after which two scenarios differ, up to ``at``, if any."""
        return audit.bisect(self._connection, a, b, self.moment(at), progress)

    def diff_generations(
        self,
        a: int,
        b: int,
        *,
        upto: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Diff:
        """Return what differs between two generations as they are stored, up to a position.

        Whatever wrote them: two engine versions, or the log and a kept scenario.
        """
        return audit.diff_generations(self._connection, a, b, upto, progress)

    def bisect_generations(
        self, a: int, b: int, *, upto: int | None = None
    ) -> FirstDifference | None:
        """Return the first event after which two generations differ, if any."""
        return audit.bisect_generations(self._connection, a, b, upto)

    def stress(
        self,
        document: Stress | dict[str, Any],
        at: At = None,
        *,
        processes: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> StressAnswer:
        """Return what a stress test (or its document) makes of the book as it was ``at``.

        It runs on as many ``processes`` as there are processors, unless said otherwise; the answer
        is the same. A script that is run must guard its main part by ``if __name__ ==
        "__main__":``, since the processes import it. ``progress`` is called with the number of
        paths done. Raises :class:`~clearing.audit.ScenarioRefused` with every problem.
        """
        if isinstance(document, dict):
            document = audit.parse_stress(document)
        moment = self.moment(at)
        return audit.stress(self._connection, document, moment, processes, progress)

    def corrections(self, at: At = None, *, limit: int = 1000) -> list[CorrectionView]:
        """Return the latest late facts and corrections up to ``at``, with what they amend."""
        return audit.corrections(self._connection, self.moment(at), limit=limit)

    def impact(
        self, position: int, at: At = None, *, progress: Callable[[int], None] | None = None
    ) -> Impact:
        """Return what a late fact or correction would have changed, had it been known in time.

        Raises :class:`~clearing.audit.NotACorrection` for any other event.
        """
        return audit.impact(self._connection, position, self.moment(at), progress)

    def settlement_assets(self, at: At = None) -> list[str]:
        """Return the assets that a rulebook was in force for, by name."""
        views = audit.rulebooks(self._connection, self.moment(at))
        return sorted({view.settlement_asset for view in views if view.status == "in_force"})

    def explain_equity(self, account: str, asset: str, at: At = None) -> Explanation:
        """Return the working of an account's equity, down to the events of its facts."""
        return audit.explain_equity(self._connection, account, asset, self.moment(at))

    def explain_margin(
        self, account: str, asset: str, at: At = None, *, level: str = "maintenance"
    ) -> Explanation:
        """Return the working of what an account has beyond a margin level (below 0: it lacks)."""
        moment = self.moment(at)
        return audit.explain_margin(self._connection, account, asset, moment, level=level)

    def explain_funding(self, account: str, market: str, at: At = None) -> Explanation:
        """Return the working of all funding an account got (negative: paid) in a market."""
        return audit.explain_funding(self._connection, account, market, self.moment(at))

    def explain_fund(self, fund: str, asset: str, at: At = None) -> Explanation:
        """Return the working of a fund's equity: its cash and its inventory."""
        return audit.explain_fund(self._connection, fund, asset, self.moment(at))

    def explain_price(self, market: str, at: At = None) -> PriceExplained:
        """Return a market's prices, what each source said last, and how long ago."""
        return audit.explain_price(self._connection, market, self.moment(at))

    def explain_liquidation(self, account: str, at: At = None) -> LiquidationExplained:
        """Return what an account's last liquidation up to ``at`` did, rung by rung, and on what."""
        return audit.explain_liquidation(self._connection, account, self.moment(at))

    def evidence(
        self,
        account: str,
        path: Path,
        at: At = None,
        *,
        since: int | None = None,
        store: TileStore | None = None,
        verifier: Verifier | None = None,
        names: bool = False,
    ) -> PackMade:
        """Write the evidence about an account up to ``at`` into one file, which must not exist.

        :func:`clearing.audit.check_pack` checks it without a database.
        """
        return audit.make_pack(
            self._connection,
            account,
            self.moment(at),
            path,
            since=since,
            store=store,
            verifier=verifier,
            names=names,
        )

    def statement(
        self,
        account: str | None,
        period: Period,
        *,
        known_at: int | None = None,
        issue: bool = False,
        folding: Folding | None = None,
    ) -> Statement:
        """Return the statement of an account (None: the house) over a period; or issue it.

        It is of what was known at a log position, the last one projected if none is named.
        Raises :class:`~clearing.audit.NameUnknown`, :class:`~clearing.audit.MomentUnclear`,
        :class:`~clearing.books.BooksDoNotAddUp`, and :class:`~clearing.books.NotIssued` for a
        period that is not over.
        """
        drawn = books.draw(self._connection, account, period, known_at, folding)
        return books.issue(self._connection, drawn) if issue else drawn

    def issued_statement(
        self, account: str | None, period: Period, version: int | None = None
    ) -> Statement:
        """Return a version of a statement (the latest, if None) as it was issued.

        Raises :class:`~clearing.books.NotIssued` where there is none.
        """
        return books.kept(self._connection, account, period, version)

    def statements(
        self, account: str | None = None, *, house: bool = False, limit: int = 1000
    ) -> list[Issued]:
        """Return the latest issued statements: all, an account's, or the house's alone."""
        return books.issued(self._connection, account=account, house=house, limit=limit)

    def restatement(
        self,
        account: str | None,
        period: Period,
        *,
        before: int | None = None,
        after: int | None = None,
    ) -> Restatement:
        """Return what differs between two issued versions, and the late facts that made it differ.

        By default the latest and the one before. Raises :class:`~clearing.books.NotIssued`.
        """
        return books.restatement(self._connection, account, period, before, after)

    def attribution(
        self,
        account: str | None,
        period: Period,
        *,
        known_at: int | None = None,
        folding: Folding | None = None,
    ) -> tuple[Attribution, ...]:
        """Return the parts of what an account's equity changed by over a period, by asset.

        An account of class fund is one, too; None asks for what is the house's own.
        """
        made = books.cut(self._connection, period, known_at)
        if account is None:
            return books.attribute_house(self._connection, made.opening, made.closing, folding)
        return books.attribute(self._connection, account, made.opening, made.closing, folding)

    def export(
        self,
        form: str,
        path: Path,
        at: At = None,
        *,
        accounts: Sequence[str] = (),
        daily: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> exports.Written:
        """Write the books up to ``at`` to a new file (``beancount``, ``hledger``) or folder.

        A folder (``csv``, ``parquet``) has every table; a journal every cash posting, or those of
        events that moved cash of ``accounts``. :func:`clearing.books.exports.export` says more.
        """
        moment = self.moment(at)
        return exports.export(
            self._connection,
            moment,
            form,
            path,
            accounts=accounts,
            daily=daily,
            progress=progress,
        )

    def liabilities(
        self,
        secret: bytes,
        at: At = None,
        *,
        house: Sequence[str] = (),
        store: TileStore | None = None,
    ) -> Liabilities:
        """Return what is owed at ``at``, to publish and to make users' proofs from.

        ``secret`` (32 bytes) hides the leaves; accounts of class ``fund`` and of the classes in
        ``house`` are the venue's own. A checkpoint of that position in ``store`` is published, too.
        """
        moment = self.moment(at)
        return Liabilities(
            self._connection,
            moment,
            secret,
            house=house,
            checkpoint=checkpoint_of(store, moment.plain()),
        )

    def liabilities_again(self, secret: bytes, publication: Publication) -> Liabilities:
        """Return the liabilities of a publication made again, to make proofs from.

        Raises :class:`~clearing.books.liabilities.LiabilitiesDiffer`.
        """
        moment = self.moment(publication.log_position)
        return made_again(self._connection, moment, secret, publication)

    def status(self) -> LedgerStatus:
        """Return how far log and read models are, and which protections are active."""
        return audit.ledger_status(self._connection)

    def verify(
        self,
        progress: Callable[[str, int], None] | None = None,
        *,
        store: TileStore | None = None,
        trusted: Sequence[Verifier] = (),
    ) -> Verification:
        """Re-hash the log, fold it anew, compare every digest, read model and kept checkpoint."""
        return audit.verify(self._connection, progress, store=store, trusted=trusted)

    def checkpoint(
        self,
        store: TileStore,
        signer: Signer,
        *,
        progress: Callable[[str, int], None] | None = None,
    ) -> CheckpointMade:
        """Project what is there, and sign and keep a checkpoint of the log and its state.

        ``progress`` is called with a stage (``hashed``, then ``folded``) and the position reached.
        Raises :class:`~clearing.audit.CheckpointRefused` for a log that does not begin with what
        the store has, and for read models that are not what it folds to.
        """
        return audit.make_checkpoint(self._connection, store, signer, progress)

    def prove_event(self, store: TileStore, position: int, size: int | None = None) -> str:
        """Return the proof that an event is in the log of a checkpoint (the latest), as a file."""
        return audit.prove_event(self._connection, store, position, size)

    def quarantine(self, refused: Iterable[Refused]) -> int:
        """Keep refused input; return how many lines were not kept already."""
        return keep(self._connection, refused)

    def quarantined(self, limit: int = 1000) -> list[Quarantined]:
        """Return kept refused input, newest first."""
        return quarantined(self._connection, limit)

    def digest(self) -> str:
        """Return the digest of the whole book at the live generation's checkpoint."""
        return Projector(self._connection, ensure_live(self._connection)).engine.digest()

    def desk(self, person: str) -> Desk:
        """Return the reconciliation desk, with ``person`` at it: statements, breaks, sign-off."""
        return Desk(self._connection, self, person)

    def append_one(self, document: dict[str, Any]) -> int:
        """Append one event, or find it there, project it, and return its log position."""
        (receipt,) = self.append([document])
        self.project()
        return receipt.last_position or receipt.duplicates[0]
