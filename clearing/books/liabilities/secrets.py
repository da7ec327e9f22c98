"""What is derived from a secret: nonces that hide leaves, and how amounts are cut into parts.

The same secret, log and amounts give the same tree, so proofs can be made later without keeping
one; who does not have the secret learns nothing from a leaf but its hash and its sum.
"""

import hmac
from collections.abc import Iterator
from typing import Final

from clearing.books.liabilities.tree import Leaf, counted

SECRET_BYTES: Final = 32
PARTS: Final = 4
"""How many leaves an account has in an asset."""

_NONCE: Final = b"clearing/liabilities/nonce"
_CUT: Final = b"clearing/liabilities/cut"


class Hidden:
    """The leaves of one log position, of the log with that root, as a secret makes them."""

    def __init__(self, secret: bytes, log_root: bytes, position: int) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"the secret has {SECRET_BYTES} bytes, not {len(secret)}")
        self._secret = secret
        self._about = log_root + position.to_bytes(8, "big")
        self._position = position

    def leaves(self, asset: str, account: str, amount: int) -> list[Leaf]:
        """Return an account's leaves: its amount (0 or more) in parts whose sizes tell nothing."""
        cuts = sorted(
            self._number(_CUT, part, asset, account) % (amount + 1) for part in range(1, PARTS)
        )
        ends = [*cuts, amount]
        parts = [end - start for start, end in zip([0, *cuts], ends, strict=True)]
        return [self._leaf(part, asset, account, amount_of) for part, amount_of in enumerate(parts)]

    def padding(self, asset: str, many: int) -> Iterator[Leaf]:
        """Yield leaves of nobody, of the amount 0."""
        for number in range(many):
            yield self._leaf(0, asset, "", 0, number)

    def _leaf(self, part: int, asset: str, account: str, amount: int, number: int = 0) -> Leaf:
        nonce = self._hmac("sha256", _NONCE, part, asset, account, number)
        return Leaf(nonce, self._position, part, asset, account, amount)

    def _number(self, purpose: bytes, part: int, asset: str, account: str) -> int:
        """Return a number of 512 bits, so that what is left of a division is as good as uniform."""
        return int.from_bytes(self._hmac("sha512", purpose, part, asset, account, 0), "big")

    def _hmac(
        self, algorithm: str, purpose: bytes, part: int, asset: str, account: str, number: int
    ) -> bytes:
        message = b"".join(
            (
                purpose,
                self._about,
                part.to_bytes(2, "big"),
                number.to_bytes(8, "big"),
                counted(asset),
                counted(account),
            )
        )
        return hmac.digest(self._secret, message, algorithm)
