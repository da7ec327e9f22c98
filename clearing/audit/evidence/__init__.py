"""Packs of evidence: everything about one question in one file that others can check themselves.

:mod:`pack` writes one, :mod:`reading` checks it without a database, :mod:`running` makes the
figures for both, :mod:`report` the page for people.
"""

from clearing.audit.evidence.archive import PackBroken
from clearing.audit.evidence.pack import PackMade, make_pack
from clearing.audit.evidence.reading import PackChecked, check_pack

__all__ = ["PackBroken", "PackChecked", "PackMade", "check_pack", "make_pack"]
