"""Stays: since when a rung's condition holds for a scope, and whether it rests after it acted."""

from clearing.engine.book import Book
from clearing.engine.scope import NEVER, Scope, Stay
from clearing.engine.valuation import Measure
from clearing.rulebook import ClassRules, Condition, Rung


def met(book: Book, scope: Scope, rung: Rung, now: Measure) -> bool:
    """Whether the rung's condition holds, for as long as it has to; one that goes on looks back."""
    condition = rung.condition
    if not condition.remembers:
        return now.below(condition)
    stay = scope.stays.get(rung.number)
    if stay is None or stay.since == NEVER or book.time < stay.since + condition.grace:
        return False
    return _goes_on(condition, now)


def _goes_on(condition: Condition, now: Measure) -> bool:
    if now.below(condition):
        return True
    return condition.until is not None and now.below(condition.until)


def note_stays(book: Book, scope: Scope, rules: ClassRules, now: Measure) -> None:
    """Note since when the conditions of rungs that remember hold, and which hold no more."""
    for rung in rules.remembering:
        condition, stay = rung.condition, scope.stays.get(rung.number)
        if stay is None or stay.since == NEVER:
            if now.below(condition):
                if stay is None:
                    stay = scope.stays[rung.number] = Stay()
                stay.since = book.time
                if condition.grace:
                    book.schedule(scope, book.time + condition.grace)
        elif not _goes_on(condition, now):
            stay.end()
        if stay is not None and stay.since == NEVER and not rests(book, rung, stay):
            del scope.stays[rung.number]


def end_stays(book: Book, scope: Scope) -> None:
    """End every stay: nothing is asked of the scope, so no condition holds; pauses go on."""
    rungs = {rung.number: rung for rung in (() if scope.rules is None else scope.rules.remembering)}
    for number, stay in list(scope.stays.items()):
        stay.end()
        rung = rungs.get(number)
        if rung is None or not rests(book, rung, stay):
            del scope.stays[number]


def rests(book: Book, rung: Rung, stay: Stay) -> bool:
    """Whether the rung's pause after it acted goes on."""
    return stay.acted != NEVER and book.time < stay.acted + rung.pause


def lasted(book: Book, scope: Scope, rung: Rung) -> int:
    """Return for how many microseconds the rung's condition has held."""
    stay = scope.stays.get(rung.number)
    return 0 if stay is None or stay.since == NEVER else book.time - stay.since


def note_acted(book: Book, scope: Scope, rung: Rung) -> None:
    """Note that a rung acted, if that matters, and have the scope tested when its pause ends."""
    if not rung.remembers:
        return
    stay = scope.stays.setdefault(rung.number, Stay())
    stay.acted = book.time
    if rung.pause:
        book.schedule(scope, book.time + rung.pause)


def schedule_stays(book: Book, scope: Scope) -> None:
    """Set the timers that a scope's stays need, as they were set when these began."""
    rules = scope.rules
    for rung in () if rules is None else rules.remembering:
        stay = scope.stays.get(rung.number)
        if stay is None:
            continue
        if stay.since != NEVER and stay.since + rung.condition.grace > book.time:
            book.schedule(scope, stay.since + rung.condition.grace)
        if rests(book, rung, stay):
            book.schedule(scope, stay.acted + rung.pause)
