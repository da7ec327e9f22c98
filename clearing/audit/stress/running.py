"""Running a stress test: the book as it was, its paths, and what they come to."""

import hashlib
import json
from collections.abc import Sequence

from clearing.audit.moments import Moment
from clearing.audit.replay.document import EVERY, RulebookOverride, ScenarioRefused
from clearing.audit.replay.overlay import last_told
from clearing.audit.replay.rules import Rules
from clearing.audit.replay.running import engine_at
from clearing.audit.replay.scene import Scene
from clearing.audit.stress.answer import (
    Funds,
    PathAnswer,
    StressAnswer,
    account_drivers,
    depletions,
    distribution,
    market_drivers,
    with_funds,
)
from clearing.audit.stress.document import FilePath, Path, Stress, value_for
from clearing.audit.stress.files import hashes_of
from clearing.audit.stress.parallel import Progress, run_all
from clearing.audit.stress.paths import sources_of
from clearing.audit.stress.stage import Outcome
from clearing.engine import ENGINE_VERSION, Engine
from clearing.engine.book import Book
from clearing.engine.valuation import equity_of
from clearing.events import EventRow, Registry
from clearing.log import Connection
from clearing.quantities import format_exact


def stress(
    connection: Connection,
    document: Stress,
    moment: Moment,
    processes: int | None = None,
    progress: Progress | None = None,
) -> StressAnswer:
    """Return what a stress test makes of the book at ``moment`` (or before: the document's upto).

    Nothing is written, and the answer is the same for every number of ``processes``. Raises
    :class:`~clearing.audit.ScenarioRefused`.
    """
    position = last_told(connection, document.name, document.upto, moment)
    engine = engine_at(connection, moment, position)
    sources = sources_of(document, engine.book)
    hashes = [hashes_of(path) if isinstance(path, FilePath) else {} for path in document.paths]
    adopted = impact_rows(document, engine)
    funds = _funds(engine.book)
    runs = run_all(engine.snapshot(), adopted, sources, processes, progress)
    (still,) = next(runs)
    answers = [
        _answer(path, outcomes, funds, engine.book.registry, files)
        for path, outcomes, files in zip(document.paths, runs, hashes, strict=True)
    ]
    return StressAnswer(
        document.name, position, ENGINE_VERSION, with_funds(still.totals, funds), tuple(answers)
    )


def impact_rows(document: Stress, engine: Engine) -> list[EventRow]:
    """Return the adoption of every rulebook as it is but for the document's impact.

    They derive from then on: impact is of the rulebook's mode. Scheduled rulebooks are taken out of
    the engine's book, and adopted again, changed. Raises :class:`~clearing.audit.ScenarioRefused`.
    """
    rows: list[EventRow] = []
    _check_markets(document, engine.book)
    scene = Scene(document.name, engine, engine)
    for asset in engine.book.assets.values():
        section = {
            market.spec.name: rule.model_dump(mode="json", exclude_unset=True)
            for market in asset.markets
            if (rule := value_for(document.impact, market.spec.name)) is not None
        }
        if asset.rulebook is None or not section:
            continue
        own = json.loads(engine.book.documents[asset.rulebook.sha256]).get("impact", {})
        override = RulebookOverride(
            override="rulebook",
            asset=engine.book.registry.asset(asset.ordinal).name,
            set={"impact": {**own, **section}, "mode": "derive"},
        )
        rows += Rules(override, "impact", (scene.position, scene.position)).before(scene)
    return rows


def _check_markets(document: Stress, book: Book) -> None:
    problems = [
        f"impact.{name}: is not declared by then"
        for name in document.impact
        if name != EVERY and name not in book.registry.market_ordinals
    ]
    if problems:
        raise ScenarioRefused(document.name, problems)


def _funds(book: Book) -> Funds:
    """Return the equity of every fund that has any, or that a waterfall names."""
    keys = {key for key in book.scopes if book.is_fund(key[0])}
    for scope in book.scopes.values():
        waterfall = None if scope.rules is None else scope.rules.waterfall
        if waterfall is not None and waterfall.fund:
            keys.add((waterfall.fund, scope.asset))
    funds = {}
    for account, asset in sorted(keys):
        names = (book.registry.account(account).name, book.registry.asset(asset).name)
        fund = book.scopes.get((account, asset))
        equity = 0 if fund is None else equity_of(book, fund)
        funds[names] = format_exact(equity, book.assets[asset].working)
    return funds


def _answer(
    path: Path,
    outcomes: Sequence[Outcome],
    funds: Funds,
    registry: Registry,
    files: dict[str, str],
) -> PathAnswer:
    drawn = path.path == "monte_carlo"
    hashes = "".join(outcome.entry_hash for outcome in outcomes)
    return PathAnswer(
        path.name,
        path.path,
        len(outcomes),
        None if drawn else with_funds(outcomes[0].totals, funds),
        None if drawn else outcomes[0].moved,
        distribution(outcomes, registry) if drawn else (),
        depletions(outcomes, funds, drawn=drawn),
        account_drivers(outcomes, registry),
        market_drivers(outcomes, registry),
        files,
        hashlib.sha256(hashes.encode("ascii")).hexdigest(),
    )
