"""Explanations: a number's working as a tree, with the event that each fact comes from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from clearing.quantities import Trace


@dataclass(frozen=True, slots=True)
class Source:
    """The event that a fact comes from.

    ``leaf`` is the SHA-256 by which the log holds it (hexadecimal), so that its inclusion can be
    proved; ``age_seconds`` how long before the moment asked about it happened (exact decimal).
    """

    log_position: int
    kind: str
    source: str
    external_id: str
    occurred_at: datetime
    age_seconds: str
    leaf: str


@dataclass(frozen=True, slots=True)
class Node:
    """One step of working.

    ``formula`` is over the names of ``inputs``, in the grammar of
    :mod:`clearing.quantities.trace`; without one this is a fact. ``note`` says a rule's clause, or
    what became of a remainder. ``sources`` are the events that a fact comes from, the one that set
    it first.
    """

    name: str
    formula: str
    result: str
    note: str
    sources: tuple[Source, ...]
    inputs: tuple["Node", ...]

    def named(self, name: str) -> "Node":
        """Return the input of that name; :class:`KeyError` if there is none."""
        for node in self.inputs:
            if node.name == name:
                return node
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a step of working is about: ordinals, 0 where there is none."""

    account: int
    market: int
    asset: int


Find = Callable[[str, Subject], tuple[Source, ...]]
"""Finds the events that a fact of a name, about a subject, comes from."""


def nodes_of(trace: Trace, about: Subject, find: Find) -> Node:
    """Return a working as a tree, each fact with its sources."""
    about = Subject(
        trace.account or about.account, trace.market or about.market, trace.asset or about.asset
    )
    sources = () if trace.formula or trace.inputs else find(trace.name, about)
    inputs = tuple(nodes_of(child, about, find) for child in trace.inputs)
    return Node(trace.name, trace.formula, trace.result, trace.note, sources, inputs)


def with_input(node: Node, name: str, other: Node) -> Node:
    """Return the tree with ``other`` in the place of the input of that name."""
    inputs = tuple(other if child.name == name else child for child in node.inputs)
    return replace(node, inputs=inputs)
