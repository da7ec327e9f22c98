"""Certified digests: reproduced, or refused, or restated by somebody who may."""

from collections.abc import Iterator
from typing import Any

import pytest

from clearing.database import connect
from clearing.events import StateCertified, parse_event
from clearing.log import Connection, LogWriter
from clearing.projectors import (
    RebuildRefused,
    certification,
    fold_log,
    live_generation,
    project,
    rebuild,
)
from tests.log.small import declarations, deposits, trade


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as connection:
        LogWriter(connection).append([*declarations(), *deposits(10, 3), trade(20)])
        project(connection)
        yield connection


def certified(connection: Connection) -> StateCertified:
    return certification(connection, source="desk", external_id="certified", author="ann")


def restated(digest: str, new: str, position: int) -> Any:
    return parse_event(
        {
            "kind": "RestatementAccepted",
            "source": "desk",
            "external_id": "restated",
            "occurred_at": "2026-01-01T00:00:00Z",
            "position": position,
            "old_digest": digest,
            "new_digest": new,
            "engine_version": "1",
            "author": "ann",
            "approver": "bob",
            "reason": "a fault of the engine was mended",
        }
    )


def test_a_certified_digest_is_that_of_the_book_and_a_rebuild_reproduces_it(
    ledger: Connection,
) -> None:
    event = certified(ledger)
    assert (event.position, event.digest) == (10, fold_log(ledger).digest())
    LogWriter(ledger).append([event, *deposits(30, 3)])
    assert rebuild(ledger).certified == (10,)


def test_a_rebuild_that_does_not_reproduce_a_certified_digest_is_refused_until_restated(
    ledger: Connection,
) -> None:
    event = certified(ledger)
    wrong = event.model_copy(update={"digest": "ab" * 32})
    writer = LogWriter(ledger)
    writer.append([wrong])
    project(ledger)
    with pytest.raises(RebuildRefused, match="certified digest at position 10"):
        rebuild(ledger)
    live = live_generation(ledger)
    assert live is not None
    assert live.number == 1
    writer.append([restated(wrong.digest, event.digest, 10)])
    project(ledger)
    assert rebuild(ledger).previous == 1
