"""Certified states: the digests that a rebuild must reproduce, and what restates them.

Every certification of the log counts; a later one never takes an earlier one's place. What was
certified may be replaced only by accepted restatements that name it.
"""

import json
from dataclasses import dataclass

from clearing.engine import ENGINE_VERSION
from clearing.events import Kind, StateCertified
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.projectors.generations import ensure_live
from clearing.projectors.projector import Projector
from clearing.projectors.rules import rules_digest


@dataclass(frozen=True, slots=True)
class Certified:
    """A certified digest of the book at ``position``, and the digests accepted in its place."""

    position: int
    digest: str
    accepted: tuple[str, ...]

    def contradiction(self, digest: str) -> str:
        """Say how ``digest`` contradicts what was certified; empty if it does not."""
        if digest in (self.digest, *self.accepted):
            return ""
        return (
            f"certified digest at position {self.position} is {self.digest}, the rebuild gives"
            f" {digest}, and no accepted restatement leads from the one to the other"
        )


def certified_digests(connection: Connection) -> list[Certified]:
    """Return every certification of the log with what restates it, by position.

    A restatement counts for certifications before it that have its old digest, or were restated to
    it; restatements may follow each other.
    """
    rows = connection.execute(
        "SELECT kind, detail FROM clearing.log WHERE kind IN (%s, %s) ORDER BY position",
        (int(Kind.StateCertified), int(Kind.RestatementAccepted)),
    ).fetchall()
    accepted: dict[tuple[int, str], list[str]] = {}
    for kind, detail in rows:
        content = json.loads(detail)
        position = content["position"]
        if kind == Kind.StateCertified:
            accepted.setdefault((position, content["digest"]), [])
            continue
        for (at, digest), others in accepted.items():
            if at == position and content["old_digest"] in (digest, *others):
                others.append(content["new_digest"])
    return [
        Certified(position, digest, tuple(others))
        for (position, digest), others in sorted(accepted.items())
    ]


def certification(
    connection: Connection, *, source: str, external_id: str, author: str
) -> StateCertified:
    """Return the event that certifies the live generation's book at its checkpoint.

    It certifies nothing until it is appended.
    """
    projector = Projector(connection, ensure_live(connection))
    engine = projector.engine
    return StateCertified(
        source=source,
        external_id=external_id,
        occurred_at=from_microseconds(engine.book.latest),
        position=engine.position,
        digest=engine.digest(),
        rules_sha256=rules_digest(engine),
        engine_version=ENGINE_VERSION,
        author=author,
    )
