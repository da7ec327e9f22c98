"""The exponential function of a negative number, in integers: how fast an average forgets."""

from typing import Final

DECAY_SCALE: Final = 10**18
"""A decay of 1 (nothing forgotten yet) at the scale of :func:`decay`."""

_INNER: Final = 10**24
_HALVINGS: Final = 8
_LONGEST: Final = 50


def decay(elapsed: int, constant: int) -> int:
    """Return e^(−``elapsed`` / ``constant``) at :data:`DECAY_SCALE`, rounded down.

    ``elapsed`` ≥ 0 and ``constant`` > 0 in the same unit, else :class:`ValueError`. After 50
    constants the result is 0. The series of a 256th of the exponent is squared eight times at six
    more digits, so the last digit shown is right or one too low, the same on every machine.
    """
    if elapsed < 0 or constant <= 0:
        raise ValueError(f"elapsed {elapsed} must be at least 0, constant {constant} positive")
    if elapsed > _LONGEST * constant:
        return 0
    exponent = (elapsed * _INNER // constant) >> _HALVINGS
    total = term = _INNER
    count = 0
    while term:
        count += 1
        term = term * exponent // (_INNER * count)
        total += -term if count % 2 else term
    for _ in range(_HALVINGS):
        total = total * total // _INNER
    return total * DECAY_SCALE // _INNER
