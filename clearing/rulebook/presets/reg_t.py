"""Stock margin accounts in the United States: Regulation T and FINRA rule 4210."""

from clearing.rulebook.presets.base import (
    DEFICIT,
    NOTHING_LEFT,
    Document,
    Names,
    Preset,
    document,
    rate,
    when,
)

_FOUR_DAYS = 345_600


def _build(names: Names) -> Document:
    schedule = {"initial": rate("0.5"), "maintenance": rate("0.25")}
    ladder: list[Document] = [
        {
            "action": "margin_call",
            "when": when(),
            "grace_seconds": _FOUR_DAYS,
            "restore": "maintenance",
            "on_missed": "liquidate",
        },
        # By itself this never acts: equity above zero is needed. A missed call makes it act.
        {"action": "reduce", "when": when("zero"), "quantity": {"op": "restore"}},
        NOTHING_LEFT,
    ]
    return document(names, schedule, ladder, [DEFICIT], minimum={"initial": "2000"})


REG_T = Preset(
    name="reg-t",
    title="Regulation T and FINRA 4210, long stock on margin",
    market="stock held long",
    confidence="unconfirmed",
    citations=(
        "12 CFR 220 (Regulation T): initial margin of 50 %",
        (
            "FINRA rule 4210: maintenance of 25 % of the market value of long stock, least equity"
            " 2,000 dollars"
        ),
    ),
    limits=(
        "short stock asks 30 % or 5 dollars a share, cheap stock more: a schedule of its own",
        "the call's due time is a rule of the house: 4 days here; houses ask more and sooner",
        "valued at the mark told; the rule's value of long stock is the close of the day before",
        "the special memorandum account is not kept",
    ),
    build=_build,
)
