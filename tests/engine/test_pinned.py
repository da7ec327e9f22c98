"""The sample incident day, folded: the same digits on every Python, machine and hash seed."""

from clearing.engine import Engine
from clearing.events import EventRow, Registry, encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.samples import incident_day

ENTRY_HASH = "2308bc3f7c7e5d35dcedf8d8d9a81e75e889d14c3cdebe77a0f901cc2cd7ce9a"
DIGEST = "c2a62a8679e825e254ece42dc70fe131ae957f94a7f90f729a683a830cab53b2"


def test_the_incident_day_folds_to_the_digest_that_the_readme_shows() -> None:
    registry = Registry()
    rows: dict[tuple[int, str], EventRow] = {}
    engine = Engine(resolver=lambda source, external_id: rows.get((source, external_id)))
    for position, event in enumerate(incident_day(), start=1):
        row = encode(event, registry)
        row.position = position
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        rows[row.source, row.external_id] = row
        engine.apply(row)
    assert engine.digest() == DIGEST
    assert engine.entry_hash.hex() == ENTRY_HASH
