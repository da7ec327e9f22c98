"""Testing a scope: what its entries say, and nothing that moves."""

from fractions import Fraction

from tests.auditor import auctions, margin
from tests.auditor.margin import Measure
from tests.auditor.state import Book, Scope


def examine_all(book: Book) -> None:
    """Test every scope, in order of (account, asset): those that nothing changed say nothing."""
    for account in book.accounts:
        for asset in book.assets:
            if (account.ordinal, asset.ordinal) not in book.untouched:
                _examine(book, book.scope(account.ordinal, asset.ordinal))


def _examine(book: Book, scope: Scope) -> None:
    numbers = margin.measure(book, scope.account, scope.asset)
    margin.note_stays(book, scope, numbers)
    _settle_call(book, scope, numbers)
    auctions.cancel(book, scope)
    auctions.forget(book, scope)
    status, before = margin.status_of(book, scope, numbers), scope.status
    if status != before:
        fine = (numbers.equity, numbers.initial, numbers.maintenance)
        texts = [book.fine(scope.asset, number) for number in fine]
        book.entries.append(("transition", scope.account, scope.asset, before, status, *texts))
        scope.status = status
        _deviations(book, scope, before, numbers)
        if status == "liquidation":
            scope.venue_closed = False
        scope.withheld = False
    if status == "liquidation" and book.mode(scope.asset) == "derive":
        _withhold(book, scope, numbers)


def _settle_call(book: Book, scope: Scope, numbers: Measure) -> None:
    """Close a call that was met or that has lapsed."""
    call = scope.call
    if call is None:
        return
    place = margin.call_rung(book, scope)
    rung = None if place is None else margin.ladder(book, scope)[place]
    if rung is None or margin.flat(book, scope):
        outcome = "lapsed"
    elif margin.restored(numbers, (call.restore, Fraction(1))) and not margin.below(rung, numbers):
        outcome = "met"
    else:
        return
    scope.call = None
    level = numbers.level(call.restore) + numbers.haircuts.get(call.restore, 0)
    margin.call_entry(book, scope, outcome, call, level)


def _deviations(book: Book, scope: Scope, before: str, numbers: Measure) -> None:
    """What a transition itself says was wrong."""
    verify = book.mode(scope.asset) == "verify"
    if verify and before == "liquidation" and not scope.venue_closed:
        book.deviate("liquidation_missing", account=scope.account, asset=scope.asset)
    bound = book.binding(scope.account, scope.asset) is not None
    if bound and scope.status == "flat" and numbers.cash < 0:
        found = book.fine(scope.asset, numbers.cash)
        book.deviate("negative_balance", account=scope.account, asset=scope.asset, found=found)


def _withhold(book: Book, scope: Scope, numbers: Measure) -> None:
    """Say once per stay which closing rung would act but cannot."""
    held = [
        number
        for number, rung in enumerate(margin.ladder(book, scope))
        if rung.action in margin.CLOSING
        and margin.holds(book, scope, number, numbers)
        and not margin.silent(book, scope, number, numbers)
    ]
    able = any(margin.can_act(book, scope, number, numbers) for number in held)
    if not held or able or scope.withheld:
        return
    scope.withheld = True
    action = margin.ladder(book, scope)[held[0]].action
    book.entries.append(("withheld", scope.account, scope.asset, action))


def wake(book: Book) -> None:
    """Scopes whose pause is over, or whose market or rulebook changed, are tested again."""
    kinds = ("mark", "market_state", "funding")
    changed = {entry[1] for entry in book.entries if entry[0] in kinds}
    adopted = {entry[1] for entry in book.entries if entry[0] == "rulebook"}
    for account, asset in sorted(book.untouched):
        over = any(rest <= book.time for rest in book.scope(account, asset).rests.values())
        held = {market.ordinal for market, _ in book.held(account, asset)}
        if over or held & changed or asset in adopted:
            book.untouched.discard((account, asset))
