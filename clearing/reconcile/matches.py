"""What matching says: what belongs together by which rule, and what differs."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from clearing.reconcile.differences import Difference

Rule = Literal["native id", "composite", "tolerance", "one to many", "many to one"]

TIMING: Final = 36 * 3_600_000_000
"""Microseconds within which the same amount on both sides is one movement at another time."""


class Match(NamedTuple):
    """What belongs together: places of ours and of theirs, and the rule that found it.

    ``tolerance`` is the version of the one that was needed, 0 without; ``residual`` (theirs less
    ours) what it let pass of ``asset``.
    """

    rule: Rule
    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    asset: str
    tolerance: int = 0
    residual: int = 0


@dataclass(slots=True)
class Matched:
    """What matching found."""

    matches: list[Match] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
