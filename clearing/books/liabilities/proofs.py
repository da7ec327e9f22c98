"""A user's proof: that what an account is owed is in the totals that were published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from clearing.books.liabilities.publication import Publication, PublishedAsset, sha256_of
from clearing.books.liabilities.texts import Fields, decimals_of, read_json, write_json, written
from clearing.books.liabilities.tree import MAX_LEVELS, Leaf, Node, SumRefused, climb
from clearing.log.checkpoints import open_checkpoint
from clearing.log.notes import NoteRefused, Verifier
from clearing.quantities import format_exact

PROOF: Final = "clearing/liability-proof@1"


class ProofRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A proof does not prove what it says; the message says where it fails."""


@dataclass(frozen=True, slots=True)
class ProvenPart:
    """A leaf of an account: its place in the tree (from 0), its nonce, its amount, its path."""

    part: int
    index: int
    nonce: bytes
    amount: int
    path: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ProvenAsset:
    """What an account is owed in an asset (an integer at ``decimals`` decimals), in its parts."""

    asset: str
    decimals: int
    owed: int
    parts: tuple[ProvenPart, ...]


@dataclass(frozen=True, slots=True)
class LiabilityProof:
    """What an account is owed at a log position, as published in the file of that SHA-256."""

    account: str
    log_position: int
    publication: bytes
    assets: tuple[ProvenAsset, ...]

    def text(self) -> str:
        """Return the file."""
        return write_json(
            {
                "format": PROOF,
                "account": self.account,
                "log_position": self.log_position,
                "publication": self.publication.hex(),
                "assets": [_document(asset) for asset in self.assets],
            }
        )

    @classmethod
    def from_text(cls, text: str) -> "LiabilityProof":
        """Return the proof of a file; :class:`~clearing.books.liabilities.NotAFile`."""
        names = ("format", "account", "log_position", "publication", "assets")
        fields = Fields(read_json(text, "proof"), names, "proof")
        if fields.text("format") != PROOF:
            raise fields.wrong("format", PROOF)
        return cls(
            fields.named("account"),
            fields.number("log_position", 0, 2**63 - 1),
            fields.hash("publication"),
            fields.each("assets", _asset, 100_000),
        )


@dataclass(frozen=True, slots=True)
class LiabilityChecked:
    """What a proof proved: what the account is owed by asset, and the totals that this is in.

    Amounts are exact decimals. ``signed_by`` are the trusted names under the checkpoint that the
    publication's log and state are of (empty: it has none, or no key was named).
    """

    account: str
    log_position: int
    as_of: str
    owed: dict[str, str]
    totals: dict[str, str]
    signed_by: tuple[str, ...]


def check_proof(proof: str, publication: str, trusted: Sequence[Verifier] = ()) -> LiabilityChecked:
    """Check a proof against a publication, both as texts of files, with nothing else at hand.

    Raises :class:`ProofRefused` where it does not prove, and
    :class:`~clearing.books.liabilities.NotAFile` where either is not such a file.
    """
    published = Publication.from_text(publication)
    told = LiabilityProof.from_text(proof)
    if told.publication != sha256_of(publication):
        raise ProofRefused(
            "the proof is for another publication: that with SHA-256"
            f" {told.publication.hex()}, not {sha256_of(publication).hex()}"
        )
    if told.log_position != published.log_position:
        raise ProofRefused(
            f"the proof is of log position {told.log_position:,}, the publication of"
            f" {published.log_position:,}"
        )
    if not told.assets:
        raise ProofRefused("the proof has no asset in it, so it proves nothing")
    if len({each.asset for each in told.assets}) < len(told.assets):
        raise ProofRefused("the proof has an asset twice")
    signed = _signed(published, trusted) if trusted else ()
    totals = {}
    for each in told.assets:
        total = published.of(each.asset)
        if total is None:
            raise ProofRefused(f"{each.asset}: is not in the publication")
        _check_asset(told, each, total, published.parts)
        totals[each.asset] = format_exact(total.total, total.decimals)
    return LiabilityChecked(
        told.account,
        told.log_position,
        published.as_of,
        {each.asset: format_exact(each.owed, each.decimals) for each in told.assets},
        totals,
        signed,
    )


def _check_asset(
    told: LiabilityProof, proven: ProvenAsset, published: PublishedAsset, parts: int
) -> None:
    where = f"{proven.asset} of {told.account}"
    if proven.decimals != published.decimals:
        raise ProofRefused(
            f"{where}: has {proven.decimals} decimals, the publication {published.decimals}"
        )
    if [each.part for each in proven.parts] != list(range(parts)):
        raise ProofRefused(f"{where}: the parts are not those from 0 to {parts - 1}, each once")
    if len({each.index for each in proven.parts}) < parts:
        raise ProofRefused(f"{where}: two parts are the same leaf")
    if sum(each.amount for each in proven.parts) != proven.owed:
        raise ProofRefused(f"{where}: the parts do not add up to what is owed")
    levels = published.leaves.bit_length() - 1
    for each in proven.parts:
        here = f"{where}, part {each.part}"
        if each.index >= published.leaves or len(each.path) != levels:
            raise ProofRefused(
                f"{here}: a leaf among {published.leaves:,} has an index below that and a path of"
                f" {levels} nodes; this has index {each.index:,} and {len(each.path)}"
            )
        leaf = Leaf(
            each.nonce, told.log_position, each.part, proven.asset, told.account, each.amount
        )
        try:
            root = climb(leaf.node(), each.index, each.path)
        except SumRefused as refused:
            raise ProofRefused(f"{here}: {refused}") from None
        if root.sum != published.total:
            raise ProofRefused(
                f"{here}: the sums on its path come to {written(root.sum, proven.decimals)}, the"
                f" published total is {written(published.total, published.decimals)}"
            )
        if root.hash != published.root:
            raise ProofRefused(f"{here}: the path does not lead to the published root")


def _signed(published: Publication, trusted: Sequence[Verifier]) -> tuple[str, ...]:
    """Return who signed the checkpoint that the publication is of."""
    if not published.checkpoint:
        raise ProofRefused("the publication has no checkpoint that a key could have signed")
    try:
        checkpoint, names = open_checkpoint(published.checkpoint, trusted)
    except NoteRefused as refused:
        raise ProofRefused(f"the publication's checkpoint {refused}") from None
    state = checkpoint.state
    if (checkpoint.size, checkpoint.root) != (published.log_position, published.log_root):
        raise ProofRefused("the publication's checkpoint is of another log or another position")
    if state is None or state.digest != published.state.hex() or state.engine != published.engine:
        raise ProofRefused("the publication's checkpoint is of another state")
    return names


def _document(proven: ProvenAsset) -> dict[str, Any]:
    places = proven.decimals
    return {
        "asset": proven.asset,
        "decimals": places,
        "owed": written(proven.owed, places),
        "parts": [
            {
                "part": each.part,
                "index": each.index,
                "nonce": each.nonce.hex(),
                "amount": written(each.amount, places),
                "path": [
                    {"hash": node.hash.hex(), "sum": written(node.sum, places)}
                    for node in each.path
                ],
            }
            for each in proven.parts
        ],
    }


def _asset(document: Any, where: str) -> ProvenAsset:
    fields = Fields(document, ("asset", "decimals", "owed", "parts"), where)
    places = decimals_of(fields)

    def node(document: Any, where: str) -> Node:
        inner = Fields(document, ("hash", "sum"), where)
        return Node(inner.hash("hash"), inner.amount("sum", places))

    def part(document: Any, where: str) -> ProvenPart:
        inner = Fields(document, ("part", "index", "nonce", "amount", "path"), where)
        return ProvenPart(
            inner.number("part", 0, 2**16 - 1),
            inner.number("index", 0, (1 << MAX_LEVELS) - 1),
            inner.hash("nonce"),
            inner.amount("amount", places),
            inner.each("path", node, MAX_LEVELS),
        )

    return ProvenAsset(
        fields.named("asset"),
        places,
        fields.amount("owed", places),
        fields.each("parts", part, 2**16),
    )
