"""The attribution of an account's or the house's result between two moments, asked by itself."""

from clearing.audit import (
    Moment,
    MomentUnclear,
    NameUnknown,
    account,
    account_period,
    house,
    ledger_period,
)
from clearing.audit.refold import Progress
from clearing.books.attribution import Attribution, attribution, house_attribution
from clearing.log import Connection, load_registry


def attribute(
    connection: Connection,
    name: str,
    opening: Moment,
    closing: Moment,
    progress: Progress | None = None,
) -> tuple[Attribution, ...]:
    """Return the parts of the change of an account's equity between two moments, by asset.

    Both are of the books; where one is of what had happened by a time, late facts among it, both
    are, of what was known at one position (see :func:`~clearing.books.cut`). Raises
    :class:`~clearing.audit.MomentUnclear` otherwise, and :class:`~clearing.audit.NameUnknown` for
    an account that was not opened by the later one.
    """
    _comparable(opening, closing)
    known_at = _known_at(closing)
    if name not in load_registry(connection, known_at).account_ordinals:
        raise NameUnknown(f"no account {name!r} was opened by log position {known_at:,}")
    before = {scope.asset: scope for scope in account(connection, name, opening, progress).scopes}
    after = {scope.asset: scope for scope in account(connection, name, closing, progress).scopes}
    period = account_period(connection, name, opening, closing, progress)
    found = (
        attribution(asset, before.get(asset), after.get(asset), period)
        for asset in sorted({*before, *after})
    )
    return tuple(each for each in found if _anything(each))


def attribute_house(
    connection: Connection, opening: Moment, closing: Moment, progress: Progress | None = None
) -> tuple[Attribution, ...]:
    """Return the parts of what the house's own equity changed by between two moments, by asset.

    What its own is :func:`~clearing.books.attribution.house_attribution` says; the moments and
    errors are those of :func:`attribute`.
    """
    _comparable(opening, closing)
    registry = load_registry(connection, _known_at(closing))
    every = [registry.account(ordinal) for ordinal in range(1, registry.counts()[3] + 1)]
    funds = {
        one.name: {
            each.asset: each for each in attribute(connection, one.name, opening, closing, progress)
        }
        for one in every
        if one.account_class == "fund"
    }
    before = {view.asset: view for view in house(connection, opening, progress).assets}
    posted = ledger_period(connection, opening, closing, progress)
    found = (
        house_attribution(
            view.asset,
            before.get(view.asset),
            view,
            posted,
            {name: of[view.asset] for name, of in funds.items() if view.asset in of},
        )
        for view in house(connection, closing, progress).assets
    )
    return tuple(each for each in found if _anything(each))


def _known_at(closing: Moment) -> int:
    """Return the log position up to which facts are known at a moment."""
    return closing.position if closing.reordered is None else closing.reordered.known_at


def _anything(found: Attribution) -> bool:
    return bool(found.parts) or {found.opening, found.closing} != {"0"}


def _comparable(opening: Moment, closing: Moment) -> None:
    if opening.generation.number != closing.generation.number or opening.generation.scenario:
        raise MomentUnclear("an attribution is of two moments of the books, in one generation")
    if closing.reordered is None:
        if opening.plain() > closing.position:
            raise MomentUnclear(
                f"the later moment, log position {closing.position:,}, lies before the earlier one,"
                f" {opening.position:,}"
            )
    elif opening.reordered is not None:
        if opening.reordered.known_at != closing.reordered.known_at:
            raise MomentUnclear("both moments have to be of what was known at one log position")
        if opening.reordered.occurred > closing.reordered.occurred:
            raise MomentUnclear("the later moment lies before the earlier one")
