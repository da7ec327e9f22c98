"""Publishing what is owed, and making users' proofs of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from clearing.audit import Moment, NameUnknown
from clearing.audit.owed import OwedAccount, OwedAll, OwedAsset, owed
from clearing.books.liabilities.proofs import LiabilityProof, ProvenAsset, ProvenPart
from clearing.books.liabilities.publication import Publication, PublishedAsset, sha256_of
from clearing.books.liabilities.secrets import PARTS, Hidden
from clearing.books.liabilities.tree import Leaf, SumTree
from clearing.log import Connection
from clearing.log.checkpoints import Checkpoint
from clearing.log.notes import NoteRefused
from clearing.log.tiles import TileStore

FUND: Final = "fund"
"""The class of accounts that are always the venue's own."""


class LiabilitiesDiffer(ValueError):  # noqa: N818 - reads as the statement that it is
    """The ledger and the secret do not give the tree that was published."""


def _check_checkpoint(publication: Publication) -> None:
    """Refuse to publish what a checkpoint of the same position contradicts."""
    text = publication.checkpoint.rpartition("\n\n")[0] + "\n"
    try:
        kept = Checkpoint.from_text(text)
    except NoteRefused as refused:
        raise LiabilitiesDiffer(f"the checkpoint kept at this position {refused}") from None
    if kept.root != publication.log_root:
        raise LiabilitiesDiffer(
            f"the log's first {publication.log_position:,} events are not those of the checkpoint"
            " that is kept: `clearing verify` says where they differ"
        )
    if kept.state is None or (kept.state.digest, kept.state.engine) != (
        publication.state.hex(),
        publication.engine,
    ):
        raise LiabilitiesDiffer(
            f"the events up to log position {publication.log_position:,} fold to another state than"
            " the checkpoint that is kept states: by another engine version, perhaps; make a"
            " checkpoint by this one"
        )


class _Tree:
    """The tree of an asset, with each account's leaves and their places."""

    def __init__(self, hidden: Hidden, asset: OwedAsset, accounts: Iterable[OwedAccount]) -> None:
        self.asset = asset
        leaves: list[Leaf] = []
        for each in accounts:
            leaves += hidden.leaves(asset.asset, each.account, max(0, each.amount))
        full = 1 << max(len(leaves) - 1, 0).bit_length()
        leaves += hidden.padding(asset.asset, full - len(leaves))
        # In the order of their hashes, which nobody can foresee without the nonces: neighbours are
        # strangers, and padding is among them.
        placed = sorted(((leaf.node(), leaf) for leaf in leaves), key=lambda pair: pair[0].hash)
        self._places: dict[str, list[tuple[int, Leaf]]] = {}
        for index, (_, leaf) in enumerate(placed):
            if leaf.account:
                self._places.setdefault(leaf.account, []).append((index, leaf))
        self.tree = SumTree([node for node, _ in placed])

    def accounts(self) -> Iterable[str]:
        """Return the accounts that have leaves."""
        return self._places

    def proven(self, account: str) -> ProvenAsset | None:
        """Return the proof of what an account is owed, if it has leaves."""
        places = sorted(self._places.get(account, ()), key=lambda place: place[1].part)
        if not places:
            return None
        parts = tuple(
            ProvenPart(leaf.part, index, leaf.nonce, leaf.amount, tuple(self.tree.path(index)))
            for index, leaf in places
        )
        total = sum(part.amount for part in parts)
        return ProvenAsset(self.asset.asset, self.asset.decimals, total, parts)


class Liabilities:
    """What is owed at a moment, with the trees that a secret makes of it.

    Accounts of class ``fund`` and of the classes in ``house`` are the venue's own: they have no
    leaves. ``checkpoint`` is a signed note of that size, which goes into the publication. Raises
    :class:`LiabilitiesDiffer` if it is of another log or state, and
    :class:`~clearing.audit.MomentUnclear` where the moment's books are not the log's.
    """

    def __init__(
        self,
        connection: Connection,
        moment: Moment,
        secret: bytes,
        *,
        house: Sequence[str] = (),
        checkpoint: str = "",
    ) -> None:
        found = owed(connection, moment)
        self._house = frozenset({FUND, *house})
        hidden = Hidden(secret, found.log_root, found.log_position)
        self._trees = [
            _Tree(hidden, asset, [each for each in asset.accounts if not self._own(each)])
            for asset in found.assets
        ]
        self.publication = self._publication(found, checkpoint)
        if checkpoint:
            _check_checkpoint(self.publication)

    def _own(self, account: OwedAccount) -> bool:
        return account.account_class in self._house

    def _publication(self, found: OwedAll, checkpoint: str) -> Publication:
        return Publication(
            found.log_position,
            found.log_root,
            bytes.fromhex(found.state),
            found.engine,
            found.as_of.isoformat().replace("+00:00", "Z"),
            checkpoint,
            PARTS,
            tuple(self._published(tree) for tree in self._trees),
        )

    def _published(self, tree: _Tree) -> PublishedAsset:
        asset, root = tree.asset, tree.tree.root
        house = dict.fromkeys(sorted(self._house), 0)
        negative = [
            each.amount for each in asset.accounts if each.amount < 0 and not self._own(each)
        ]
        for each in asset.accounts:
            if self._own(each):
                house[each.account_class] += each.amount
        return PublishedAsset(
            asset.asset,
            asset.decimals,
            tree.tree.leaves,
            root.hash,
            root.sum,
            sum(negative),
            len(negative),
            house,
            asset.claims,
            asset.pending,
            asset.not_named,
        )

    def accounts(self) -> list[str]:
        """Return the accounts that have leaves, by name."""
        return sorted({name for tree in self._trees for name in tree.accounts()})

    def proof(self, account: str, publication: str = "") -> LiabilityProof:
        """Return an account's proof for a publication's text (by default, the one made here).

        Raises :class:`~clearing.audit.NameUnknown` for an account without leaves.
        """
        proven = [found for tree in self._trees if (found := tree.proven(account)) is not None]
        position = self.publication.log_position
        if not proven:
            raise NameUnknown(
                f"account {account!r} has no leaf at log position {position:,}: it had neither cash"
                " nor positions, or is the venue's own"
            )
        text = publication or self.publication.text()
        return LiabilityProof(account, position, sha256_of(text), tuple(proven))

    def proofs(self, publication: str = "") -> Iterator[LiabilityProof]:
        """Yield the proof of every account that has leaves."""
        text = publication or self.publication.text()
        for account in self.accounts():
            yield self.proof(account, text)


def made_again(
    connection: Connection, moment: Moment, secret: bytes, publication: Publication
) -> Liabilities:
    """Return the liabilities of a publication made again, at the moment that it is of.

    Raises :class:`LiabilitiesDiffer` where they come to another tree.
    """
    house = sorted({name for asset in publication.assets for name in asset.house})
    made = Liabilities(connection, moment, secret, house=house, checkpoint=publication.checkpoint)
    mine = made.publication
    wrong = ""
    if mine.log_root != publication.log_root:
        wrong = "the log is another one"
    elif mine.state != publication.state:
        wrong = "the log folds to another state here (another engine version, perhaps)"
    elif mine != publication:
        wrong = "the trees are other ones (was it published with another secret?)"
    if wrong:
        raise LiabilitiesDiffer(
            f"what is owed at log position {publication.log_position:,} is not what was published:"
            f" {wrong}"
        )
    return made


def checkpoint_of(store: TileStore | None, position: int) -> str:
    """Return the signed checkpoint of so many events that is kept, if there is one (else empty)."""
    if store is None or position not in store.sizes():
        return ""
    return store.checkpoint(position)
