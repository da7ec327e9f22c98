"""A market's price policy: a tree for each role, and what a doubtful price may be used for.

A role without a tree has the market's mark. The tree of ``mark`` makes the mark in derive mode,
is compared with recorded marks in verify mode, and moves nothing in record mode.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.canonical import canonical_json
from clearing.quantities import Rounding, to_scaled
from clearing.rulebook.fields import List, NamedRounding, Share
from clearing.rulebook.prices.base import (
    PriceCompiling,
    PriceDocument,
    PriceNode,
    RoleName,
)
from clearing.rulebook.prices.breakers import Breaker, BreakerDocument
from clearing.rulebook.prices.tree import PriceTree

MAX_DEPTH: Final = 16
"""How deep a tree may be."""

Doubt = Literal["missing", "stale", "divergent"]
"""What may be wrong with a mark: its tree gives none, it is old, it is far from a reference."""

Use = Literal["value", "liquidate", "margin_call", "funding"]
"""What a mark is used for, and may be withheld from."""


class ValidityDocument(Fact):
    """When a market's mark is in doubt, and what it may not be used for then.

    ``missing``: the tree of ``mark`` gives no price. ``stale``: the mark is older than
    ``stale_seconds``. ``divergent``: it differs from the role ``reference`` by more than
    ``divergence`` of that. The first that applies, in this order, is the state of the price.
    ``forbids`` says what a mark in that state is not good for: to ``value`` positions (a divergent
    new mark is not taken), to ``liquidate``, to open a ``margin_call``, to settle computed
    ``funding`` at. What is not forbidden goes on.
    """

    stale_seconds: Annotated[int, Field(ge=0, le=31_622_400)] | None = None
    divergence: Share | None = None
    reference: RoleName = "index"
    forbids: Annotated[
        dict[Doubt, Annotated[tuple[Use, ...], List, Field(min_length=1)]],
        Field(default_factory=dict),
    ]

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.reference == "mark":
            raise ValueError("reference: a mark does not diverge from itself")
        for doubt, needed in (("stale", self.stale_seconds), ("divergent", self.divergence)):
            if doubt in self.forbids and needed is None:
                name = "stale_seconds" if doubt == "stale" else "divergence"
                raise ValueError(f"{name}: is missing, and forbids.{doubt} needs it")
        for doubt in ("missing", "stale"):
            if any(named == doubt and "value" in uses for named, uses in self.forbids.items()):
                raise ValueError(
                    f"forbids.{doubt}: value can be forbidden to a divergent mark only; what is"
                    " missing or old has no newer value"
                )
        return self


class MarketPricesDocument(Fact):
    """The prices of one market: a tree by role, rounded to its mark decimals by ``rounding``.

    ``breakers`` change its state when the mark goes too far; the first that it is too far for acts.
    """

    roles: Annotated[dict[RoleName, PriceTree], Field(default_factory=dict)]
    rounding: NamedRounding = Rounding.HALF_EVEN
    validity: ValidityDocument = ValidityDocument(forbids={})
    breakers: Annotated[tuple[BreakerDocument, ...], List, Field(max_length=16)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for role, tree in self.roles.items():
            for part, depth in _walk(tree):
                if depth > MAX_DEPTH:
                    raise ValueError(f"roles.{role}: is more than {MAX_DEPTH} deep")
                if part.reads() not in (None, *self.roles):
                    raise ValueError(f"roles.{role}: reads {part.reads()}, which has no tree")
        _in_order(self.roles)
        validity = self.validity
        if validity.divergence is not None and validity.reference not in self.roles:
            raise ValueError(f"validity.reference: {validity.reference} has no tree")
        for number, breaker in enumerate(self.breakers):
            if breaker.reference not in self.roles:
                raise ValueError(f"breakers.{number}.reference: {breaker.reference} has no tree")
        if "missing" in validity.forbids and "mark" not in self.roles:
            raise ValueError("validity.forbids.missing: mark has no tree that could give none")
        return self

    def compile(self, path: str, into: PriceCompiling) -> "PricePolicy":
        """Return the policy; ``path`` is where this stands in the rulebook."""
        nodes: list[tuple[str, PriceNode]] = [
            (role, self.roles[role].compile(f"{path}.roles.{role}", into))
            for role in _in_order(self.roles)
        ]
        validity = self.validity
        parts = [part for tree in self.roles.values() for part, _ in _walk(tree)]
        stale = None if validity.stale_seconds is None else validity.stale_seconds * 1_000_000
        divergence = None if validity.divergence is None else to_scaled(validity.divergence, 12)
        mark = self.roles.get("mark")
        return PricePolicy(
            canonical_json(self.model_dump(mode="json", include={"roles"})),
            nodes,
            self.rounding,
            stale is not None or any(part.timed for part in parts),
            mark is not None and self._reads_recorded(mark),
            stale,
            divergence,
            validity.reference,
            {doubt: frozenset(uses) for doubt, uses in validity.forbids.items()},
            [breaker.compile() for breaker in self.breakers],
        )

    def _reads_recorded(self, tree: PriceDocument) -> bool:
        """Whether a recorded mark goes into ``tree``, by other roles too."""
        for part, _ in _walk(tree):
            if getattr(part, "op", "") == "recorded":
                return True
            role = part.reads()
            if role is not None and self._reads_recorded(_of(self.roles, role)):
                return True
        return False


class PricePolicy:
    """A market's prices ready for the engine.

    ``key`` is its trees as canonical JSON: a policy of the same key goes on with what the other
    remembered. ``nodes`` are (role, tree) in the order in which they can be evaluated; ``timed``
    whether time alone may change something; ``filters`` whether recorded marks go into the tree of
    the mark. ``stale`` in microseconds and ``divergence`` at the scale of rates, None without.
    """

    __slots__ = (
        "breakers",
        "divergence",
        "filters",
        "forbids",
        "key",
        "makes_mark",
        "nodes",
        "reference",
        "rounding",
        "stale",
        "timed",
    )

    def __init__(
        self,
        key: str,
        nodes: list[tuple[str, PriceNode]],
        rounding: Rounding,
        timed: bool,
        filters: bool,
        stale: int | None,
        divergence: int | None,
        reference: str,
        forbids: Mapping[str, frozenset[str]],
        breakers: list[Breaker],
    ) -> None:
        self.breakers = breakers
        self.key = key
        self.nodes = nodes
        self.rounding = rounding
        self.timed = timed
        self.filters = filters
        self.stale = stale
        self.divergence = divergence
        self.reference = reference
        self.forbids = forbids
        self.makes_mark = any(role == "mark" for role, _ in nodes)

    def uses_forbidden(self, status: str) -> frozenset[str]:
        """Return what a mark in a state may not be used for."""
        return self.forbids.get(status, frozenset())


def _of(roles: Mapping[RoleName, PriceTree], name: str) -> PriceDocument:
    return next(tree for role, tree in roles.items() if role == name)


def _walk(tree: PriceDocument, depth: int = 1) -> Iterable[tuple[PriceDocument, int]]:
    """Yield every operator of a tree with its depth, the root's being 1."""
    yield tree, depth
    for part in tree.parts():
        yield from _walk(part, depth + 1)


def _in_order(roles: Mapping[RoleName, PriceTree]) -> list[RoleName]:
    """Return the roles so that each comes after those it reads; refuse a circle."""
    done: list[RoleName] = []
    left = dict(roles)
    while left:
        ready = [
            role
            for role, tree in left.items()
            if all(part.reads() not in left for part, _ in _walk(tree))
        ]
        if not ready:
            circle = ", ".join(sorted(left))
            raise ValueError(f"roles: {circle} read each other in a circle")
        for role in sorted(ready):
            done.append(role)
            del left[role]
    return done
