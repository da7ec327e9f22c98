"""Exact amounts: scaled integers, decimal text and named roundings.

An amount inside the ledger is a Python integer at a declared number of decimals (``125`` at two
decimals is 1.25). Outside it is decimal text. This room holds the two conversions, the roundings
by name, roots, decays and halving, the tree of a number's working, and nothing else: it knows no
asset, no market and no rule, and it never uses a binary floating-point number.
"""

from clearing.quantities.decay import DECAY_SCALE, decay
from clearing.quantities.halving import fewest
from clearing.quantities.root import square_root
from clearing.quantities.rounding import Rounding, divide
from clearing.quantities.scaled import (
    MAX_DECIMALS,
    MAX_PRECISION,
    NotExact,
    exact_decimal,
    format_exact,
    format_scaled,
    rescale,
    to_scaled,
)
from clearing.quantities.trace import Trace, fact, identifier, ratio_text

__all__ = [
    "DECAY_SCALE",
    "MAX_DECIMALS",
    "MAX_PRECISION",
    "NotExact",
    "Rounding",
    "Trace",
    "decay",
    "divide",
    "exact_decimal",
    "fact",
    "fewest",
    "format_exact",
    "format_scaled",
    "identifier",
    "ratio_text",
    "rescale",
    "square_root",
    "to_scaled",
]
