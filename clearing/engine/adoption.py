"""Rulebooks taking effect: compiled, scheduled, and bound to the scopes they govern."""

from clearing.engine.asset import Asset
from clearing.engine.book import Book, PendingRulebook
from clearing.engine.computed_funding import follow_funding, pay_replaced
from clearing.engine.content import Content
from clearing.engine.impact import follow_impact
from clearing.engine.prices import follow_policies
from clearing.engine.step import Step
from clearing.engine.volatility import follow_volatility
from clearing.events.canonical import canonical_json
from clearing.rulebook import Rulebook, RulebookRefused, compile_rulebook


def adopt(step: Step, content: Content) -> None:
    """Apply ``RulebookAdopted``: in force now, or scheduled for a later position."""
    book, position = step.book, content.row.position
    document = content.document
    try:
        rulebook = compile_rulebook(
            document,
            book.registry,
            name=content.text("name"),
            version=content.text("version"),
            sha256=content.text("document_sha256"),
        )
    except RulebookRefused as error:
        step.deviation(
            "rulebook_refused", found=content.text("name"), detail="; ".join(error.problems)[:2000]
        )
        return
    book.documents[rulebook.sha256] = canonical_json(document)
    effective = content.effective_position
    if effective is not None and effective > position:
        book.scheduled.append(PendingRulebook(effective, rulebook))
        _note(step, rulebook, "scheduled")
        return
    if effective is not None and effective < position:
        step.deviation(
            "effective_position_passed",
            asset=rulebook.asset,
            expected=str(position),
            found=str(effective),
        )
    put_in_force(step, rulebook, position)
    forget_unused_documents(step)


def _conflict(book: Book, rulebook: Rulebook) -> str:
    """Say which balance would count twice if ``rulebook`` held beside the others, or nothing.

    An asset of a class is collateral in one rulebook at most, and of none if the class has rules
    of its own in that asset.
    """
    others = [
        asset.rulebook
        for asset in book.assets.values()
        if asset.rulebook is not None and asset.ordinal != rulebook.asset
    ]
    for account_class in sorted(rulebook.classes):
        counted = rulebook.collateral_of(account_class)
        for other in others:
            theirs = other.collateral_of(account_class)
            twice = counted & theirs
            if account_class in other.classes and other.asset in counted:
                twice.add(other.asset)
            if rulebook.asset in theirs:
                twice.add(rulebook.asset)
            if twice:
                name = book.registry.asset(min(twice)).name
                return (
                    f"{name} of class {account_class} would count in {rulebook.name} and in"
                    f" {other.name}, which is in force for"
                    f" {book.registry.asset(other.asset).name}"
                )
    return ""


def put_scheduled_in_force(step: Step, position: int) -> None:
    """Put in force what was scheduled for ``position`` or before, in order of adoption."""
    scheduled = step.book.scheduled
    due = [pending for pending in scheduled if pending.effective <= position]
    if not due:
        return
    step.book.scheduled = [pending for pending in scheduled if pending.effective > position]
    for pending in due:
        put_in_force(step, pending.rulebook, position)
    forget_unused_documents(step)


def put_in_force(step: Step, rulebook: Rulebook, position: int) -> None:
    """Replace the rulebook of an asset and bind every scope of it anew.

    A rulebook by which a balance would count twice is refused.
    """
    book = step.book
    conflict = _conflict(book, rulebook)
    if conflict:
        step.deviation("rulebook_refused", found=rulebook.name, detail=conflict)
        return
    asset = book.assets[rulebook.asset]
    pay_replaced(step, asset, rulebook)
    asset.rulebook = rulebook
    asset.rescale()
    if asset.regime.texts() != rulebook.regime.texts():
        asset.regimes.append((position, rulebook.regime))
    bind(step, asset)
    follow_policies(step, asset)
    follow_funding(step, asset)
    follow_volatility(step, asset)
    follow_impact(asset)
    asset.follow_variation()
    _note(step, rulebook, "in_force")


def bind(step: Step, asset: Asset) -> None:
    """Point the scopes of ``asset`` at the rules of their class, and have them tested.

    What secures them is found anew: the balances in other assets that count now.
    """
    book = step.book
    for market in asset.markets:
        market.secured = {}
    for scope in list(book.scopes.values()):
        book.bind(scope)
    for scope in book.scopes.values():
        if scope.asset == asset.ordinal:
            step.touched[scope.key()] = scope


def forget_unused_documents(step: Step) -> None:
    """Keep only the documents of rulebooks that are in force or scheduled."""
    book = step.book
    used = {pending.rulebook.sha256 for pending in book.scheduled}
    used |= {asset.rulebook.sha256 for asset in book.assets.values() if asset.rulebook is not None}
    for unused in [sha256 for sha256 in book.documents if sha256 not in used]:
        del book.documents[unused]


def _note(step: Step, rulebook: Rulebook, status: str) -> None:
    step.entries.append(
        ("rulebook", rulebook.asset, rulebook.name, rulebook.version, rulebook.sha256, status)
    )
