"""One market's prices as they come in, and what its price policy makes of them.

A feed remembers what each source said last, the last recorded mark, and what operators over time
need. All of it is state of the fold: it is in snapshots.
"""

from typing import Final

from clearing.rulebook.prices import Memory, PricePolicy

VALID: Final = "valid"
"""The state of a price that nothing speaks against."""


class Feed:
    """What is known of a market's prices.

    ``observed`` maps (source ordinal, what it is) to (price, time), ``last_mark`` is the last
    recorded mark with its time, ``values`` the roles' prices as last evaluated: all prices at the
    market's mark decimals, times in microseconds. ``now`` is the latest moment that any of it
    speaks of. ``taken`` is the tree's mark that last became the market's (0: none yet).
    ``status`` is the state of the mark (``valid``, ``missing``, ``stale``, ``divergent``).
    """

    __slots__ = ("last_mark", "memories", "now", "observed", "policy", "status", "taken", "values")

    def __init__(self) -> None:
        self.observed: dict[tuple[int, str], tuple[int, int]] = {}
        self.last_mark: tuple[int, int] | None = None
        self.values: dict[str, int] = {}
        self.memories: dict[int, Memory] = {}
        self.now = 0
        self.taken = 0
        self.status = VALID
        self.policy: PricePolicy | None = None

    def observe(self, source: int, role: str, price: int, at: int) -> bool:
        """Take up what a source says; whether it is news: an older word than its last is not."""
        known = self.observed.get((source, role))
        if known is not None and at < known[1]:
            return False
        self.observed[source, role] = (price, at)
        self.now = max(self.now, at)
        return True

    def record(self, price: int, at: int) -> None:
        """Take up a recorded mark."""
        self.last_mark = (price, at)
        self.now = max(self.now, at)

    def follow(self, policy: PricePolicy | None) -> None:
        """Go by another policy; one of the same content goes on with what was remembered."""
        old = self.policy
        self.policy = policy
        if policy is None or old is None or policy.key != old.key:
            self.memories = {}
            self.values = {}
            self.taken = 0
            self.status = VALID

    def forbids(self, use: str) -> bool:
        """Whether the mark, in the state it is in, may not be used for ``use``."""
        policy = self.policy
        return policy is not None and use in policy.uses_forbidden(self.status)
