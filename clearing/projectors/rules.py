"""The digest of the rulebooks in force, which certifications and checkpoints state."""

import hashlib

from clearing.engine import Engine
from clearing.events.canonical import canonical_json


def rules_digest(engine: Engine) -> str:
    """Return the digest of the rulebooks in force: each asset's name with its document's hash."""
    book = engine.book
    rules = [
        [book.registry.asset(ordinal).name, asset.rulebook.sha256]
        for ordinal, asset in sorted(book.assets.items())
        if asset.rulebook is not None
    ]
    return hashlib.sha256(canonical_json(rules).encode()).hexdigest()
