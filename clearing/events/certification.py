"""Events by which people certify results and accept restatements."""

from typing import Literal

from clearing.events.base import Authorised, EventBase
from clearing.events.fields import Digest, Identifier, Position


class StateCertified(EventBase):
    """The digest of the whole book at ``position`` was accepted.

    A rebuild must reproduce it, or the switch to the rebuilt generation is refused.
    ``rules_sha256`` is the digest of the rulebooks in force there.
    """

    kind: Literal["StateCertified"] = "StateCertified"
    position: Position
    digest: Digest
    rules_sha256: Digest
    engine_version: Identifier
    author: Identifier


class RestatementAccepted(EventBase, Authorised):
    """A certified digest is replaced: at ``position``, ``old_digest`` by ``new_digest``."""

    kind: Literal["RestatementAccepted"] = "RestatementAccepted"
    position: Position
    old_digest: Digest
    new_digest: Digest
    engine_version: Identifier
