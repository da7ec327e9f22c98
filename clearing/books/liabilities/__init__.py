"""Proof of liabilities: what is owed, in public, and for each user that they are in it.

:class:`Liabilities` publishes a Merkle sum tree for each asset and makes proofs;
:func:`check_proof` checks one from its file and the publication's alone. ``docs/liabilities.md``
says what is proved, what is not, and the formats to the byte.
"""

from clearing.books.liabilities.proofs import (
    LiabilityChecked,
    LiabilityProof,
    ProofRefused,
    ProvenAsset,
    ProvenPart,
    check_proof,
)
from clearing.books.liabilities.publication import Publication, PublishedAsset
from clearing.books.liabilities.publishing import (
    Liabilities,
    LiabilitiesDiffer,
    checkpoint_of,
    made_again,
)
from clearing.books.liabilities.secrets import PARTS, SECRET_BYTES
from clearing.books.liabilities.texts import NotAFile

__all__ = [
    "PARTS",
    "SECRET_BYTES",
    "Liabilities",
    "LiabilitiesDiffer",
    "LiabilityChecked",
    "LiabilityProof",
    "NotAFile",
    "ProofRefused",
    "ProvenAsset",
    "ProvenPart",
    "Publication",
    "PublishedAsset",
    "check_proof",
    "checkpoint_of",
    "made_again",
]
