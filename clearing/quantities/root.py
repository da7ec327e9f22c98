"""The integer square root, without a binary floating-point number on the way."""


def square_root(value: int) -> int:
    """Return the greatest integer whose square is at most ``value`` (≥ 0).

    Raises :class:`ValueError` for a negative value. By Newton's method from above, which falls
    until it stands at the root.
    """
    if value < 0:
        raise ValueError(f"{value} is negative and has no square root")
    if not value:
        return 0
    guess = 1 << (value.bit_length() + 1) // 2
    while True:
        better = (guess + value // guess) // 2
        if better >= guess:
            return guess
        guess = better
