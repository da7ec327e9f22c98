"""A day at a venue that goes by a preset: one long account, two short ones, a fund, a keeper."""

from typing import Any

from clearing.rulebook.presets import PRESETS, Names
from tests.engine.venue import Venue, deviations, of_kind


class Day(Venue):
    """ada is long, bob short 60 % of that and cyd 40 %; all by ``preset``.

    The fund has ``fund``, bob and cyd enough.
    """

    def __init__(
        self, preset: str, *, fund: str, cash: str, size: str = "10", decimals: int = 2
    ) -> None:
        super().__init__(decimals=decimals)
        self.market("BTC")
        self.account("ada", "bob", "cyd")
        self.account("keeper", account_class="keeper")
        if fund != "0":
            self("FundContributed", fund="insurance", asset="USD", amount=fund)
        self.deposit("keeper", "100000")
        built = PRESETS[preset]
        found = self.adopt(
            built.build(Names("USD")), citations=list(built.citations), confidence=built.confidence
        )
        assert deviations(found) == []
        for short in ("bob", "cyd"):
            self.deposit(short, "1000000")
        self.deposit("ada", cash)
        self.mark(BTC="1000.00")
        whole = float(size)
        for short, share in (("bob", 0.6), ("cyd", 0.4)):
            self.trade("ada", short, "BTC", f"{whole * share:.3f}", "1000.00")

    def falls(self, mark: str) -> list[tuple[str, str]]:
        """Who or what closed how many BTC at a mark."""
        closed = of_kind(self.mark(BTC=mark), "closed")
        return [(str(c["layer"]), f"{abs(int(c['size'])) / 1000:g}") for c in closed]

    def loss(self, mark: str) -> dict[str, Any]:
        """What the loss at a mark was, and who bore it, without what is 0."""
        entries = self.mark(BTC=mark)
        (loss,) = of_kind(entries, "loss")
        names = ("loss", "fund", "adl", "socialised", "deficit", "kept")
        return {name: loss[name] for name in names if loss[name] != "0"}
