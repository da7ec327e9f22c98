"""The sample incident day, folded: the same digits on every Python, machine and hash seed."""

from clearing.engine import Engine
from clearing.events import EventRow, Registry, encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.samples import incident_day

ENTRY_HASH = "a25f3043132b47343c2b7763688c2b87420c50dc5cacae56140897e746eb23cf"
DIGEST = "ea01204f04c9cda6d6943a66b0f60f7393724588aa2395b05384f25346e7e079"


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
