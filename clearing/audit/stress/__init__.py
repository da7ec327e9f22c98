"""Stress: the present book put through paths of marks, given or drawn, on every processor.

A document says which paths (:mod:`document`); :mod:`paths` makes marks of it, :mod:`stage` puts an
engine through one of them, :mod:`parallel` through all, and :mod:`answer` says what came of it.
"""

from clearing.audit.stress.answer import Chance, Depletion, Driver, Figure, PathAnswer, StressAnswer
from clearing.audit.stress.document import Stress, parse_stress, read_stress
from clearing.audit.stress.running import stress

__all__ = [
    "Chance",
    "Depletion",
    "Driver",
    "Figure",
    "PathAnswer",
    "Stress",
    "StressAnswer",
    "parse_stress",
    "read_stress",
    "stress",
]
