"""What is owed: every user finds their own in it, it adds up to the books, and nothing is left out.

A risk officer reads: ada and bob have cash and positions, the venue publishes, each checks.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearing.audit import NameUnknown
from clearing.books.liabilities import (
    Liabilities,
    LiabilitiesDiffer,
    LiabilityProof,
    NotAFile,
    ProofRefused,
    Publication,
    check_proof,
)
from clearing.books.liabilities.publication import sha256_of
from clearing.books.liabilities.publishing import _Tree
from clearing.database import connect
from clearing.ledger import Ledger
from clearing.log.notes import Signer
from clearing.log.tiles import TileStore
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.engine.stories import Story
from tests.engine.venue import Venue, rulebook
from tests.projectors.ledgers import eventful_ledger

SECRET = bytes(range(32))
OTHER = SECRET[::-1]


def amount(units: int, decimals: int) -> Fraction:
    return Fraction(units, 10**decimals)


def compare(ledger: Ledger, at: int, house: tuple[str, ...] = ()) -> Liabilities:
    """Every proof checks; what is published is the house's and the trial balance's."""
    found = ledger.liabilities(SECRET, at, house=house)
    text = found.publication.text()
    assert Publication.from_text(text) == found.publication
    owed: dict[str, Fraction] = {}
    for proof in found.proofs(text):
        assert LiabilityProof.from_text(proof.text()) == proof
        checked = check_proof(proof.text(), text)
        for name, told in checked.owed.items():
            owed[name] = owed.get(name, Fraction(0)) + Fraction(told)
    view = {each.asset: each for each in ledger.house(at).assets}
    memo: dict[str, Decimal] = {}
    for line in ledger.trial_balance(at):
        if line.ledger in ("accounts", "fund") and not line.memo:
            memo[line.asset] = memo.get(line.asset, Decimal(0)) + Decimal(line.balance)
    for asset in found.publication.assets:
        of = view[asset.asset]
        total = amount(asset.total, asset.decimals)
        negative = amount(asset.negative, asset.decimals)
        own = amount(sum(asset.house.values()), asset.decimals)
        assert owed.get(asset.asset, 0) == total, "the leaves add up to what is published"
        assert total + negative + own == Fraction(of.accounts.equity) + Fraction(of.funds.equity)
        if not house:
            assert own == Fraction(of.funds.equity)
        assert amount(asset.not_named, asset.decimals) == Fraction(of.others.equity)
        assert amount(asset.pending, asset.decimals) == Fraction(of.ledgers.get("pending", "0"))
        assert amount(asset.provider_claims, asset.decimals) == Fraction(of.fund_claims)
        gains = sum(
            Fraction(each)
            for who in (of.accounts, of.funds)
            for each in (who.unrealised, who.accrued_funding)
        )
        assert total + negative + own - gains == Fraction(memo.get(asset.asset, Decimal(0))), (
            "less PnL and funding, it is the cash of the trial balance"
        )
    return found


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_every_proof_checks_and_all_add_up_to_the_books(database_url: str, seed: int) -> None:
    with eventful_ledger(database_url, seed, 150) as connection:
        ledger = Ledger(connection)
        ledger.project()
        last = ledger.status().log_position
        assert len(compare(ledger, last).accounts()) > 2
        compare(ledger, last // 2)


@pytest.mark.parametrize("seed", [3, 4])
def test_several_assets_and_every_payoff_add_up(database_url: str, seed: int) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(120):
        story.step()
    with connect(database_url, autocommit=True) as connection:
        ledger = Ledger(connection)
        ledger.append(story.venue.events)
        ledger.project()
        found = compare(ledger, ledger.status().log_position)
        assert len(found.publication.assets) > 1
        for name in found.accounts():
            view = {scope.asset: scope for scope in ledger.account(name).scopes}
            for asset in found.proof(name).assets:
                scope = view[asset.asset]
                own = sum(
                    Fraction(p.unrealised) + Fraction(p.accrued_funding) for p in scope.positions
                )
                told = amount(asset.owed, asset.decimals)
                assert told == max(Fraction(0), Fraction(scope.cash) + own), (
                    "collateral in another asset is owed in that one"
                )


def crash() -> Venue:
    """Ada's ten at 100 are worth 50 each, and the rules, in record mode, take nothing: she owes."""
    venue = wick("record")
    venue.mark(BTC="50")
    return venue


def test_who_owes_has_a_leaf_of_nothing_and_lessens_nobody_elses(database_url: str) -> None:
    """Ada has 60 - 500, bob 10,000 + 500 and the fund 1,000: what is owed is bob's 10,500."""
    with stored(crash(), database_url) as ledger:
        found = compare(ledger, ledger.status().log_position)
        (usd,) = found.publication.assets
        figures = (usd.total, usd.negative, usd.house["fund"])
        assert [amount(each, usd.decimals) for each in figures] == [10500, -440, 1000]
        assert usd.negative_accounts == 1
        text = found.publication.text()
        assert check_proof(found.proof("ada").text(), text).owed == {"USD": "0"}
        assert check_proof(found.proof("bob").text(), text).owed == {"USD": "10500"}
        with pytest.raises(NameUnknown, match="'insurance' has no leaf"):
            found.proof("insurance")
        with pytest.raises(NameUnknown, match="'eve' has no leaf"):
            found.proof("eve")


def test_the_venues_own_accounts_are_told_by_class_and_have_no_leaves(database_url: str) -> None:
    venue = crash()
    venue.account("desk", account_class="maker")
    venue.deposit("desk", "77")
    with stored(venue, database_url) as ledger:
        last = ledger.status().log_position
        found = compare(ledger, last, ("maker",))
        (usd,) = found.publication.assets
        told = {name: amount(each, usd.decimals) for name, each in usd.house.items()}
        assert told == {"fund": 1000, "maker": 77}
        assert "desk" not in found.accounts()
        made = ledger.liabilities_again(SECRET, found.publication)
        assert made.publication == found.publication
        assert "desk" in ledger.liabilities(SECRET).accounts()


def test_it_is_the_same_each_time_and_by_another_secret_another(database_url: str) -> None:
    with stored(crash(), database_url) as ledger:
        found = ledger.liabilities(SECRET)
        assert ledger.liabilities_again(SECRET, found.publication).publication == found.publication
        other = ledger.liabilities(OTHER).publication
        (mine,), (theirs,) = found.publication.assets, other.assets
        assert (mine.total, mine.leaves) == (theirs.total, theirs.leaves)
        assert mine.root != theirs.root
        with pytest.raises(LiabilitiesDiffer, match="another secret"):
            ledger.liabilities_again(OTHER, found.publication)
        with pytest.raises(LiabilitiesDiffer, match="another state"):
            ledger.liabilities_again(SECRET, replace(found.publication, state=bytes(32)))
        with pytest.raises(LiabilitiesDiffer, match="log is another"):
            ledger.liabilities_again(SECRET, replace(found.publication, log_root=bytes(32)))
        earlier = ledger.liabilities(SECRET, found.publication.log_position - 1)
        nonces = [
            {part.nonce for part in each.proof("bob").assets[0].parts} for each in (found, earlier)
        ]
        assert not nonces[0] & nonces[1], "a nonce is never used again"
        with pytest.raises(ValueError, match="32 bytes"):
            ledger.liabilities(b"short")


def test_places_in_the_tree_tell_nothing_of_whose_they_are(database_url: str) -> None:
    """Leaves lie in the order of hashes that take a nonce to foresee, padding among them."""
    venue = Venue()
    names = [f"user-{n:02}" for n in range(40)]
    venue.account(*names)
    for number, name in enumerate(names, 1):
        venue.deposit(name, str(number))
    with stored(venue, database_url) as ledger:
        found = ledger.liabilities(SECRET)
    (usd,) = found.publication.assets
    assert usd.leaves == 256
    first = [found.proof(name).assets[0].parts[0].index for name in names]
    assert first != sorted(first)
    assert max(first) - min(first) > 128
    own = {part.index for name in names for part in found.proof(name).assets[0].parts}
    padding = set(range(256)) - own
    assert (len(own), len(padding)) == (160, 96)
    assert min(padding) < 64, "padding is not at the end"
    assert max(padding) > 192


@pytest.fixture
def published(database_url: str) -> Iterator[tuple[Liabilities, str]]:
    with stored(crash(), database_url) as ledger:
        found = ledger.liabilities(SECRET)
        yield found, found.publication.text()


Change = Callable[[dict[str, Any], dict[str, Any]], None]
"""Changes a proof in place; given another's proof as well."""


def _first(document: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = document["assets"][0]["parts"][0]
    return part


def _set(name: str, value: Any) -> Change:
    return lambda proof, _: _first(proof).__setitem__(name, value)


def _more(text: str) -> str:
    return f"{int(text.split('.', maxsplit=1)[0]) + 1}.{text.split('.')[1]}"


def _owe_more(proof: dict[str, Any], _: dict[str, Any]) -> None:
    proof["assets"][0]["owed"] = _more(proof["assets"][0]["owed"])


def _own_more(proof: dict[str, Any], _: dict[str, Any]) -> None:
    _first(proof)["amount"] = _more(_first(proof)["amount"])
    _owe_more(proof, _)


def _sibling(proof: dict[str, Any], _: dict[str, Any]) -> None:
    node = _first(proof)["path"][0]
    node["sum"] = _more(node["sum"])


def _hide_in_sibling(proof: dict[str, Any], _: dict[str, Any]) -> None:
    """What is added to the own leaf is taken from the sibling, so the total stays."""
    top = _first(proof)["path"][-1]
    other = _first(proof)["path"][-2]
    top["sum"], other["sum"] = other["sum"], top["sum"]


def _swapped(proof: dict[str, Any], _: dict[str, Any]) -> None:
    _first(proof)["index"] ^= 1


def _nonce(proof: dict[str, Any], other: dict[str, Any]) -> None:
    _first(proof)["nonce"] = _first(other)["nonce"]


def _name(proof: dict[str, Any], other: dict[str, Any]) -> None:
    proof["account"] = other["account"]


def _same_leaf(proof: dict[str, Any], _: dict[str, Any]) -> None:
    parts = proof["assets"][0]["parts"]
    parts[1] = {**parts[0], "part": 1}


def _fewer(proof: dict[str, Any], _: dict[str, Any]) -> None:
    proof["assets"][0]["parts"].pop()


def _shorter(proof: dict[str, Any], _: dict[str, Any]) -> None:
    _first(proof)["path"].pop(0)
    _first(proof)["index"] >>= 1


def _nothing(proof: dict[str, Any], _: dict[str, Any]) -> None:
    proof["assets"] = []


def _twice(proof: dict[str, Any], _: dict[str, Any]) -> None:
    proof["assets"].append(proof["assets"][0])


def _elsewhere(proof: dict[str, Any], _: dict[str, Any]) -> None:
    proof["assets"][0]["asset"] = "EUR"


def _coarser(proof: dict[str, Any], _: dict[str, Any]) -> None:
    places = proof["assets"][0]["decimals"] = proof["assets"][0]["decimals"] + 1
    for text in (proof["assets"][0], *proof["assets"][0]["parts"]):
        key = "owed" if "owed" in text else "amount"
        text[key] += "0"
        for node in text.get("path", ()):
            node["sum"] += "0"
    assert places


NEGATIVE = "-1." + "0" * 17


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_set("amount", NEGATIVE), "not a decimal with 17 decimals that is not negative"),
        (_own_more, "the sums on its path come to"),
        (_owe_more, "do not add up to what is owed"),
        (_sibling, "the sums on its path come to"),
        (_hide_in_sibling, "does not lead to the published root"),
        (_swapped, "does not lead to the published root"),
        (_nonce, "does not lead to the published root"),
        (_name, "does not lead to the published root"),
        (_same_leaf, "the same leaf"),
        (_fewer, "the parts are not those from 0 to 3"),
        (_shorter, "has an index below that and a path of 3 nodes"),
        (_set("index", 8), "this has index 8"),
        (_nothing, "proves nothing"),
        (_twice, "an asset twice"),
        (_elsewhere, "EUR: is not in the publication"),
        (_coarser, "decimals, the publication"),
        (_set("nonce", "00"), "32 bytes in lower-case hexadecimal"),
        (_set("amount", 1), "not a decimal"),
        (_set("note", "x"), "field 'note' is not known"),
    ],
)
def test_a_proof_that_was_changed_is_refused(
    published: tuple[Liabilities, str], change: Change, why: str
) -> None:
    found, text = published
    mine, other = (json.loads(found.proof(name).text()) for name in ("bob", "ada"))
    check_proof(json.dumps(mine), text)
    change(mine, other)
    with pytest.raises((ProofRefused, NotAFile), match=why):
        check_proof(json.dumps(mine), text)


def test_an_account_that_was_left_out_cannot_be_proven(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue that publishes without bob owes less, and the proof it could give him then fails."""
    with stored(crash(), database_url) as ledger:
        honest = ledger.liabilities(SECRET)
        init = _Tree.__init__

        def without(tree: Any, hidden: Any, asset: Any, accounts: Any) -> None:
            init(tree, hidden, asset, [each for each in accounts if each.account != "bob"])

        monkeypatch.setattr(_Tree, "__init__", without)
        less = ledger.liabilities(SECRET)
    assert less.publication.assets[0].total < honest.publication.assets[0].total
    text = less.publication.text()
    with pytest.raises(NameUnknown):
        less.proof("bob", text)
    with pytest.raises(ProofRefused):
        check_proof(honest.proof("bob", text).text(), text)
    check_proof(less.proof("ada", text).text(), text)


def test_a_proof_is_for_one_publication_alone(published: tuple[Liabilities, str]) -> None:
    found, _ = published
    proof = found.proof("bob").text()
    lessened = replace(found.publication, assets=(replace(found.publication.assets[0], total=1),))
    with pytest.raises(ProofRefused, match="another publication"):
        check_proof(proof, lessened.text())
    aimed = replace(found.proof("bob"), publication=sha256_of(lessened.text())).text()
    with pytest.raises(ProofRefused, match=r"the published total is 0\.0"):
        check_proof(aimed, lessened.text())
    moved = replace(found.publication, log_position=3)
    aimed = replace(found.proof("bob"), publication=sha256_of(moved.text())).text()
    with pytest.raises(ProofRefused, match="of log position 13"):
        check_proof(aimed, moved.text())


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("total", "-1." + "0" * 17, "not negative"),
        ("negative", "1." + "0" * 17, "0 or less"),
        ("leaves", 7, "a power of two"),
        ("leaves", True, "an integer"),
        ("root", "AB", "hexadecimal"),
        ("decimals", 18, "a decimal with 18 decimals"),
        ("house", [], "an object of amounts"),
    ],
)
def test_a_publication_that_is_none_says_where(
    published: tuple[Liabilities, str], name: str, value: Any, why: str
) -> None:
    document = json.loads(published[1])
    document["assets"][0][name] = value
    with pytest.raises(NotAFile, match=rf"publication\.assets\[0\]\..*{why}"):
        Publication.from_text(json.dumps(document))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": 1.5}', '{"a": 1, "a": 2}', "[" * 100_000, '{"x": NaN}']
)
def test_what_is_no_file_is_refused(published: tuple[Liabilities, str], text: str) -> None:
    with pytest.raises(NotAFile):
        check_proof(text, published[1])
    with pytest.raises(NotAFile):
        check_proof(published[0].proof("bob").text(), text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.data())
def test_whatever_is_put_in_a_proofs_place_is_refused_or_changes_nothing(
    published: tuple[Liabilities, str], data: st.DataObject
) -> None:
    found, text = published
    honest = json.loads(found.proof("bob").text())
    changed = json.loads(found.proof("bob").text())
    place: Any = changed
    while True:
        key = data.draw(
            st.sampled_from(sorted(place))
            if isinstance(place, dict)
            else st.integers(0, len(place) - 1)
        )
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=70)
    place[key] = data.draw(scalars | st.lists(scalars, max_size=3))
    try:
        check_proof(json.dumps(changed), text)
    except (ProofRefused, NotAFile):
        return
    assert changed == honest


def test_a_signed_checkpoint_ties_it_to_the_log(database_url: str, tmp_path: Path) -> None:
    store, signer = TileStore(tmp_path / "store"), Signer.generate("clearing.invalid/test")
    with stored(crash(), database_url) as ledger:
        assert ledger.liabilities(SECRET, store=store).publication.checkpoint == ""
        made = ledger.checkpoint(store, signer)
        found = ledger.liabilities(SECRET, store=store)
        assert found.publication.checkpoint == made.note
        assert found.publication.log_root.hex() == made.root
        assert found.publication.state.hex() == made.digest
        text, proof = found.publication.text(), found.proof("bob").text()
        answer = check_proof(proof, text, [signer.verifier])
        assert answer.signed_by == ("clearing.invalid/test",)
        stranger = Signer.generate("clearing.invalid/other").verifier
        with pytest.raises(ProofRefused, match="checkpoint"):
            check_proof(proof, text, [stranger])
        without = ledger.liabilities(SECRET)
        with pytest.raises(ProofRefused, match="no checkpoint"):
            check_proof(without.proof("bob").text(), without.publication.text(), [signer.verifier])
        for changed in (
            replace(found.publication, log_root=bytes(32)),
            replace(found.publication, state=bytes(32)),
        ):
            forged = changed.text()
            aimed = replace(found.proof("bob"), publication=sha256_of(forged)).text()
            with pytest.raises(ProofRefused, match="checkpoint is of another"):
                check_proof(aimed, forged, [signer.verifier])


def test_what_a_kept_checkpoint_contradicts_is_not_published(
    database_url: str, tmp_path: Path
) -> None:
    store, signer = TileStore(tmp_path / "store"), Signer.generate("clearing.invalid/test")
    with stored(crash(), database_url) as ledger:
        note = ledger.checkpoint(store, signer).note
        moment = ledger.moment()
        root, digest = note.splitlines()[2], note.split("digest=")[1][:64]
        for told, forged, why in (
            (root, "A" * 43 + "=", "are not those of the checkpoint"),
            (digest, "0" * 64, "fold to another state"),
            (f"{root}\n", "\n", "is not a checkpoint|a root"),
        ):
            with pytest.raises(LiabilitiesDiffer, match=why):
                Liabilities(
                    ledger.connection, moment, SECRET, checkpoint=note.replace(told, forged)
                )


def test_an_empty_ledger_owes_nothing(database_url: str) -> None:
    with Ledger.open(database_url) as ledger:
        ledger.project()
        found = ledger.liabilities(SECRET)
        assert (found.publication.assets, found.accounts()) == ((), [])
    venue = Venue()
    venue.adopt(rulebook())
    with stored(venue, database_url) as ledger:
        (usd,) = ledger.liabilities(SECRET).publication.assets
        assert (usd.total, usd.leaves, usd.negative_accounts) == (0, 1, 0)
