"""A sample book for prices that come from elsewhere: accounts, a fund, rules, opening positions.

Price files have no accounts in them. This book gives a replay somebody to liquidate: a few hundred
accounts with deposits and positions opened at the first marks, market makers on the other side of
every trade, an insurance fund, and the sample rulebook.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from clearing.events import (
    AccountOpened,
    Deposited,
    Event,
    FundContributed,
    MarketDeclared,
    RulebookAdopted,
    SourceDeclared,
    Traded,
)
from clearing.quantities import Rounding, divide, exact_decimal, to_scaled
from clearing.rulebook.presets import PRESETS, Names, Preset
from clearing.samples.draw import Draw
from clearing.samples.venue import FUND, adopt, rulebook_document

DEFAULT_BOOK_SEED: Final = 312
"""The seed used when a book is asked for without one."""

Book = Callable[[Sequence[tuple[MarketDeclared, Decimal]], datetime], Iterator[Event]]
"""A book for (market, opening mark) pairs, opened at a moment."""

_SOURCE: Final = "sample-book"
_MAKERS: Final = 4
_LEVERAGES: Final = (30, 50, 60, 80, 100, 120, 150, 200, 250, 400, 800)  # hundredths


def book_from_text(text: str) -> Book:
    """Return the book that ``sample``, ``sample:SEED`` or either with ``@PRESET`` names.

    Raises :class:`ValueError` for any other text.
    """
    written, at_sign, preset = text.partition("@")
    name, colon, seed = written.partition(":")
    if name != "sample" or (colon and not (seed.isascii() and seed.isdigit() and len(seed) < 19)):
        raise ValueError(
            f"{text[:60]!r} is not a book; write 'sample' or 'sample:SEED', and '@PRESET' behind it"
            " for a venue's rules"
        )
    if at_sign and preset not in PRESETS:
        raise ValueError(f"{text[:60]!r}: there is no such preset; there are {', '.join(PRESETS)}")
    if at_sign and PRESETS[preset].lends:
        raise ValueError(f"{text[:60]!r}: the sample book holds positions, and {preset} has none")
    chosen = int(seed) if colon else DEFAULT_BOOK_SEED
    return lambda markets, at: sample_book(markets, at, seed=chosen, preset=preset or None)


def sample_book(
    markets: Sequence[tuple[MarketDeclared, Decimal]],
    at: datetime,
    *,
    seed: int = DEFAULT_BOOK_SEED,
    accounts: int = 300,
    fund: int = 900_000,
    preset: str | None = None,
) -> Iterator[Event]:
    """Yield the events of a sample book, all at ``at``, in log order.

    ``markets`` are declared markets with their opening marks, all settling in one asset whose
    amounts here are whole. They must be declared before these events are appended. Trades are at
    the opening mark rounded half to even to the market's price decimals, without fees. ``fund`` is
    the fund's first contribution. The first half of the markets get the schedule for majors, the
    others the one for alts; with a ``preset`` that venue's rules hold instead, for all alike, and a
    maker is its keeper. Raises :class:`ValueError` if there is no market or they settle in
    several assets.
    """
    assets = {market.settlement_asset for market, _ in markets}
    if len(assets) != 1:
        named = ", ".join(sorted(assets)) or "none"
        raise ValueError(f"a book needs markets that settle in one asset, not {named}")
    asset = assets.pop()
    draw = Draw(seed)
    makers = [f"maker-{number}" for number in range(1, _MAKERS + 1)]
    traders = [f"trader-{number:03}" for number in range(1, accounts + 1)]
    yield SourceDeclared(
        source=_SOURCE,
        external_id=f"source:{_SOURCE}",
        occurred_at=at,
        name=_SOURCE,
        description=f"Invented accounts and positions from seed {seed}; no real person's",
    )
    for name, kind in (
        (FUND, "fund"),
        *((maker, "maker") for maker in makers),
        *((trader, "trader") for trader in traders),
    ):
        yield AccountOpened(
            source=_SOURCE,
            external_id=f"account:{name}",
            occurred_at=at,
            account=name,
            account_class=kind,
        )
    majors = (len(markets) + 1) // 2
    schedules = {
        market.name: "majors" if i < majors else "alts" for i, (market, _) in enumerate(markets)
    }
    if preset is None:
        yield adopt(_SOURCE, at, rulebook_document(asset, schedules))
    else:
        yield _adopt(PRESETS[preset], Names(asset, FUND, keeper=makers[0]), at)
    yield FundContributed(
        source=_SOURCE,
        external_id="contribution-1",
        occurred_at=at,
        fund=FUND,
        asset=asset,
        amount=Decimal(fund),
    )
    cash = dict.fromkeys(makers, 3000000)
    cash |= {trader: draw.between(500, 2000) << draw.below(6) for trader in traders}
    for name, amount in cash.items():
        yield Deposited(
            source=_SOURCE,
            external_id=f"deposit:{name}",
            occurred_at=at,
            account=name,
            asset=asset,
            amount=Decimal(amount),
        )
    yield from _trades(draw, markets, at, makers, {trader: cash[trader] for trader in traders})


def _adopt(preset: Preset, names: Names, at: datetime) -> RulebookAdopted:
    return RulebookAdopted(
        source=_SOURCE,
        external_id=f"rulebook:{preset.name}",
        occurred_at=at,
        author="risk-desk",
        approver="risk-committee",
        reason=f"Sample book by the rules of {preset.title}",
        name=preset.name,
        version="1",
        document=preset.build(names),
        citations=preset.citations,
        confidence=preset.confidence,
    )


def _trades(
    draw: Draw,
    markets: Sequence[tuple[MarketDeclared, Decimal]],
    at: datetime,
    makers: list[str],
    cash: dict[str, int],
) -> Iterator[Event]:
    number = 0
    for trader, deposited in cash.items():
        leverage = draw.pick(_LEVERAGES)
        chosen = [draw.pick(markets)]
        if draw.chance(40):
            other = draw.pick(markets)
            chosen += [other] if other[0].name != chosen[0][0].name else []
        for market, mark in chosen:
            lot = to_scaled(market.lot, market.size_decimals)
            price = divide(
                to_scaled(mark, market.mark_decimals),
                10 ** (market.mark_decimals - market.price_decimals),
                Rounding.HALF_EVEN,
            )
            if price == 0:  # too coarse a scale to trade at
                continue
            # notional = size × price × multiplier, all exact; the size is floored to lots
            numerator, denominator = market.multiplier.as_integer_ratio()
            scale = 10 ** (market.size_decimals + market.price_decimals)
            wanted = deposited * leverage // 100 // len(chosen)
            size = wanted * scale * denominator // (price * numerator) // lot * lot
            if size == 0:
                continue
            number += 1
            maker = draw.pick(makers)
            long = draw.chance(70)
            yield Traded(
                source=_SOURCE,
                external_id=f"trade-{number:06}",
                occurred_at=at,
                market=market.name,
                buyer=trader if long else maker,
                seller=maker if long else trader,
                size=exact_decimal(size, market.size_decimals),
                price=exact_decimal(price, market.price_decimals),
            )
