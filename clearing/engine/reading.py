"""A market's feed as price trees read it, and the working of the prices that they gave."""

from collections.abc import Callable

from clearing.engine.feed import Feed
from clearing.engine.market import Market
from clearing.quantities import Trace, divide
from clearing.rulebook.prices import PRICE_DECIMALS, PRICE_LIFT, Memory, PriceWorking


class Reading:
    """A feed as trees read it, with the values of the roles evaluated so far."""

    __slots__ = ("_feed", "_finer", "now")

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._finer: dict[str, int] = {}
        self.now = feed.now

    def observed(self, source: int, role: str) -> tuple[int, int] | None:
        """Return what a source said last, and when."""
        return self._feed.observed.get((source, role))

    def recorded(self) -> tuple[int, int] | None:
        """Return the last recorded mark, and its time."""
        return self._feed.last_mark

    def role(self, name: str) -> int | None:
        """Return the value of a role evaluated before, if it has one."""
        return self._finer.get(name)

    def memory(self, number: int) -> Memory:
        """Return what an operator remembers."""
        memory = self._feed.memories.get(number)
        if memory is None:
            memory = self._feed.memories[number] = Memory()
        return memory

    def put(self, role: str, value: int) -> None:
        """Let later roles read this one."""
        self._finer[role] = value


class _Again(Reading):
    """A reading that leaves the memories of the feed as they are."""

    def memory(self, number: int) -> Memory:
        """Return a copy of what an operator remembers."""
        memory = super().memory(number)
        return Memory(memory.at, list(memory.numbers))


def role_workings(market: Market, told: Callable[[int, str], str]) -> dict[str, Trace]:
    """Return the working of each role's price as the trees gave it last, by role.

    The trees are evaluated again at the moment of the last evaluation, where they give the same.
    ``told`` names what a source (its ordinal, what it is; 0 and nothing: the recorded mark) said.
    A role without a price has a step without formula and result, whose note says why.
    """
    policy, workings = market.feed.policy, {}
    if policy is None:
        return {}
    reading = _Again(market.feed)
    decimals = market.spec.mark_decimals
    roles: dict[str, Trace] = {}
    for role, tree in policy.nodes:
        working = PriceWorking(Trace(role), decimals + PRICE_DECIMALS, told, roles)
        value = tree.value(reading, working)
        price = 0 if value is None else divide(value, PRICE_LIFT, policy.rounding)
        rounded = Trace(f"role {role}", market=market.ordinal)
        workings[role] = rounded
        if value is None:
            rounded.note = "; ".join(working.missing)
            continue
        rounded.inputs.append(working.trace)
        rounded.formula = f"{policy.rounding.value}({role}, {decimals})"
        rounded.finish(price, decimals)
        if price > 0:
            reading.put(role, value)
            roles[role] = working.trace
        else:
            rounded.note = "no price: it is not above 0"
    return workings
