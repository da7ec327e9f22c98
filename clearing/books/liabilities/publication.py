"""The publication: what a venue says in public that it owes at a log position."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from clearing.books.liabilities.texts import (
    Fields,
    decimals_of,
    read_json,
    write_json,
    written,
)
from clearing.books.liabilities.tree import MAX_LEVELS

PUBLICATION: Final = "clearing/liabilities@1"

_FIELDS: Final = (
    "format",
    "log_position",
    "log_root",
    "state",
    "engine",
    "as_of",
    "checkpoint",
    "parts",
    "assets",
)
_ASSET: Final = (
    "asset",
    "decimals",
    "leaves",
    "root",
    "total",
    "negative",
    "negative_accounts",
    "house",
    "provider_claims",
    "pending",
    "not_named",
)


@dataclass(frozen=True, slots=True)
class PublishedAsset:
    """What is owed in an asset. Amounts are integers at ``decimals`` decimals.

    ``root`` and ``total`` are those of the sum tree of ``leaves`` leaves. Beside it stand what it
    has not: ``negative`` (0 or less) is what ``negative_accounts`` accounts owe, whose leaves are
    0; ``house`` what the venue's own accounts have by class, of which ``provider_claims`` is what
    shares of funds entitle their providers to; ``pending`` deposits that are not final;
    ``not_named`` what stands for accounts and sides that facts did not name.
    """

    asset: str
    decimals: int
    leaves: int
    root: bytes
    total: int
    negative: int
    negative_accounts: int
    house: dict[str, int]
    provider_claims: int
    pending: int
    not_named: int

    def document(self) -> dict[str, Any]:
        """Return the asset as it stands in the file."""
        places = self.decimals
        return {
            "asset": self.asset,
            "decimals": places,
            "leaves": self.leaves,
            "root": self.root.hex(),
            "total": written(self.total, places),
            "negative": written(self.negative, places),
            "negative_accounts": self.negative_accounts,
            "house": {name: written(amount, places) for name, amount in self.house.items()},
            "provider_claims": written(self.provider_claims, places),
            "pending": written(self.pending, places),
            "not_named": written(self.not_named, places),
        }

    @classmethod
    def read(cls, document: Any, where: str) -> "PublishedAsset":
        """Return the asset of a file's object."""
        fields = Fields(document, _ASSET, where)
        places = decimals_of(fields)
        leaves = fields.number("leaves", 1, 1 << MAX_LEVELS)
        if leaves & (leaves - 1):
            raise fields.wrong("leaves", "a power of two")
        negative = fields.amount("negative", places, signed=True)
        if negative > 0:
            raise fields.wrong("negative", "0 or less")
        return cls(
            fields.named("asset"),
            places,
            leaves,
            fields.hash("root"),
            fields.amount("total", places),
            negative,
            fields.number("negative_accounts", 0, 1 << MAX_LEVELS),
            fields.amounts("house", places),
            fields.amount("provider_claims", places, signed=True),
            fields.amount("pending", places, signed=True),
            fields.amount("not_named", places, signed=True),
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """What is owed at a log position, asset by asset, and of which log and state that is.

    ``log_root`` and ``state`` are what a checkpoint of ``log_position`` events signs by ``engine``;
    ``checkpoint`` is that signed note, if one was kept (else empty). ``as_of`` is the greatest time
    at which a fact had occurred. ``parts`` is how many leaves an account has in an asset.
    """

    log_position: int
    log_root: bytes
    state: bytes
    engine: str
    as_of: str
    checkpoint: str
    parts: int
    assets: tuple[PublishedAsset, ...]

    def text(self) -> str:
        """Return the file."""
        return write_json(
            {
                "format": PUBLICATION,
                "log_position": self.log_position,
                "log_root": self.log_root.hex(),
                "state": self.state.hex(),
                "engine": self.engine,
                "as_of": self.as_of,
                "checkpoint": self.checkpoint,
                "parts": self.parts,
                "assets": [asset.document() for asset in self.assets],
            }
        )

    @classmethod
    def from_text(cls, text: str) -> "Publication":
        """Return the publication of a file; :class:`~clearing.books.liabilities.NotAFile`."""
        fields = Fields(read_json(text, "publication"), _FIELDS, "publication")
        if fields.text("format") != PUBLICATION:
            raise fields.wrong("format", PUBLICATION)
        assets = fields.each("assets", PublishedAsset.read, 100_000)
        if len({asset.asset for asset in assets}) < len(assets):
            raise fields.wrong("assets", "a list of different assets")
        return cls(
            fields.number("log_position", 0, 2**63 - 1),
            fields.hash("log_root"),
            fields.hash("state"),
            fields.named("engine"),
            fields.named("as_of"),
            fields.text("checkpoint"),
            fields.number("parts", 1, 2**16 - 1),
            assets,
        )

    def of(self, asset: str) -> PublishedAsset | None:
        """Return what is owed in an asset, if it is in the publication."""
        return next((each for each in self.assets if each.asset == asset), None)


def sha256_of(text: str) -> bytes:
    """Return the SHA-256 of a file's text, by which proofs name a publication."""
    return hashlib.sha256(text.encode()).digest()
