"""Several certifications and restatements: each certified digest counts until one that names it."""

from collections.abc import Iterator

import pytest

from clearing.events import Event
from clearing.log import Connection, LogWriter
from clearing.projectors import RebuildRefused, certification, certified_digests, project, rebuild
from tests.log.small import event
from tests.projectors.ledgers import live, small_ledger

WRONG, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection]:
    """Ten events, projected."""
    with small_ledger(database_url) as connection:
        project(connection)
        yield connection


def certify(number: int, position: int, digest: str) -> Event:
    return event(
        number,
        "StateCertified",
        position=position,
        digest=digest,
        rules_sha256="00" * 32,
        engine_version="1",
        author="ann",
    )


def restate(number: int, position: int, old: str, new: str) -> Event:
    return event(
        number,
        "RestatementAccepted",
        position=position,
        old_digest=old,
        new_digest=new,
        engine_version="1",
        author="ann",
        approver="bob",
        reason="a fault of the engine was mended",
    )


def digest_of(connection: Connection) -> str:
    made = certification(connection, source="desk", external_id="none", author="ann")
    return made.digest


def test_a_later_certification_does_not_take_an_earlier_ones_place(ledger: Connection) -> None:
    """Else anyone who may append could undo a certification, unapproved."""
    right = digest_of(ledger)
    LogWriter(ledger).append([certify(40, 10, WRONG), certify(41, 10, right)])
    with pytest.raises(RebuildRefused, match=f"is {WRONG}, the rebuild gives {right}"):
        rebuild(ledger)
    assert live(ledger).number == 1


@pytest.mark.parametrize(
    "restatements",
    [
        [(10, OTHER, "right")],
        [(9, WRONG, "right")],
        [(10, WRONG, OTHER)],
        [(10, OTHER, "right"), (10, WRONG, OTHER)],
    ],
    ids=["another digest's", "another position's", "to another digest", "out of order"],
)
def test_a_restatement_that_does_not_lead_to_the_new_digest_permits_nothing(
    ledger: Connection, restatements: list[tuple[int, str, str]]
) -> None:
    right = digest_of(ledger)
    events = [certify(40, 10, WRONG)]
    for number, (position, old, new) in enumerate(restatements, start=41):
        events.append(restate(number, position, old, right if new == "right" else new))
    LogWriter(ledger).append(events)
    with pytest.raises(RebuildRefused, match="no accepted restatement leads"):
        rebuild(ledger)


def test_restatements_may_follow_each_other(ledger: Connection) -> None:
    right = digest_of(ledger)
    LogWriter(ledger).append(
        [certify(40, 10, WRONG), restate(41, 10, WRONG, OTHER), restate(42, 10, OTHER, right)]
    )
    (state,) = certified_digests(ledger)
    assert (state.digest, state.accepted) == (WRONG, (OTHER, right))
    assert rebuild(ledger).certified == (10,)


def test_every_contradiction_is_named(ledger: Connection) -> None:
    LogWriter(ledger).append([certify(40, 10, WRONG), certify(41, 9, OTHER), certify(42, 8, WRONG)])
    with pytest.raises(RebuildRefused) as caught:
        rebuild(ledger)
    assert len(caught.value.differences) == 3


def test_a_certificate_that_comes_while_the_rebuild_runs_counts(ledger: Connection) -> None:
    def certify_now(position: int) -> None:
        if position == 10:
            LogWriter(ledger).append([certify(40, 9, WRONG)])

    with pytest.raises(RebuildRefused, match="certified digest at position 9"):
        rebuild(ledger, batch=5, progress=certify_now)


def test_another_engine_may_differ_in_its_entries_but_not_in_what_was_certified(
    ledger: Connection,
) -> None:
    """The live generation is said to be an older engine's, and has other rows."""
    right = digest_of(ledger)
    ledger.execute("UPDATE clearing.generation SET engine_version = '0'")
    ledger.execute("DELETE FROM generation_1.position_history")
    writer = LogWriter(ledger)
    writer.append([certify(40, 10, WRONG)])
    with pytest.raises(RebuildRefused, match="position_history"):
        rebuild(ledger)
    with pytest.raises(RebuildRefused) as caught:
        rebuild(ledger, accept_engine_change=True)
    assert [text.split(" is ")[0] for text in caught.value.differences] == [
        "certified digest at position 10"
    ]
    writer.append([restate(41, 10, WRONG, right)])
    assert rebuild(ledger, accept_engine_change=True).previous == 1
