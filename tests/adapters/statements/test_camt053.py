"""camt.053: what is booked counts, balances have their day, and a batch is its transactions."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters.base import OptionRefused
from clearing.adapters.statements import sniff_statement
from clearing.adapters.statements.camt053 import CAMT053
from tests.adapters.statements.reading import read

OLD = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
NEW = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.10"


def balance(code: str, amount: str, day: str, mark: str = "CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        f"<CdtDbtInd>{mark}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def entry(amount: str, mark: str, more: str = "", *, state: str = "BOOK") -> str:
    date = "<BookgDt><Dt>2024-05-02</Dt></BookgDt><ValDt><Dt>2024-05-03</Dt></ValDt>"
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd>"
        f"<Sts>{state}</Sts>{date}{more}</Ntry>\n"
    )


def code(sub_family: str, domain: str = "ACMT") -> str:
    family = f"<Fmly><Cd>MDOP</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly>"
    return f"<BkTxCd><Domn><Cd>{domain}</Cd>{family}</Domn></BkTxCd>"


def statement(*parts: str, account: str = "<IBAN>DE89</IBAN>", ident: str = "S1") -> str:
    head = (
        f"<Stmt><Id>{ident}</Id><ElctrncSeqNb>7</ElctrncSeqNb>\n<Acct><Id>{account}</Id></Acct>\n"
    )
    return head + "".join(parts) + "</Stmt>\n"


def document(*statements: str, namespace: str = OLD) -> str:
    head = f"<?xml version='1.0'?>\n<Document xmlns='{namespace}'><BkToCstmrStmt>\n"
    return head + "".join(statements) + "</BkToCstmrStmt></Document>\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "statement.xml"
    path.write_text(text, encoding="utf-8")
    return path


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WHOLE = document(
    statement(
        balance("PRCD", "1000.00", "2024-05-01"),
        balance("CLBD", "1223.10", "2024-05-02"),
        balance("CLAV", "900.00", "2024-05-02"),
        entry("250.00", "CRDT", "<AcctSvcrRef>B-1</AcctSvcrRef>"),
        entry("15.40", "DBIT", "<NtryRef>2</NtryRef>" + code("CHRG")),
        entry("1.50", "CRDT", code("INTR")),
        entry("3.00", "DBIT", "<RvslInd>true</RvslInd>" + code("CHRG")),
        entry("10.00", "DBIT", code("OTHR", "FORX")),
        entry("99.00", "CRDT", state="PDNG"),
    )
)


def test_a_statement_chains_from_its_opening_to_its_closing_balance(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    assert sniff_statement(str(path)) is CAMT053
    lines, (opening, closing), refusals, seen = read(CAMT053, path)
    assert not refusals
    assert [leg[:3] for line in lines for leg in line.cash] == [
        ("EUR", "deposit", Decimal(250)),
        ("EUR", "fee", Decimal("-15.4")),
        ("EUR", "interest", Decimal("1.5")),
        # A reversal says its own direction; the sign is not turned again.
        ("EUR", "adjustment", Decimal(-3)),
        ("EUR", "conversion", Decimal(-10)),
    ]
    assert lines[-1].cash == ()
    assert opening.amount + sum(leg.amount for line in lines for leg in line.cash) == closing.amount
    assert (opening.at, opening.when) == (day("2024-05-01"), "after")
    assert (closing.at, closing.when) == (day("2024-05-02"), "after")
    assert [line.native_id for line in lines[:3]] == ["B-1", "S1/2", ""]
    assert seen.accounts == ["DE89"]


def test_the_day_is_that_of_booking_and_nothing_is_lost(tmp_path: Path) -> None:
    (first, *_), (_, closing), _, _ = read(CAMT053, written(tmp_path, WHOLE))
    assert first.at == day("2024-05-02")
    assert first.told["Ntry/ValDt/Dt"] == "2024-05-03"
    assert first.told["Ntry/Amt@Ccy"] == "EUR"
    assert (first.told["Stmt/Id"], first.told["Stmt/ElctrncSeqNb"]) == ("S1", "7")
    assert first.line == 8
    assert closing.told["Stmt/Bal/Amt[CLAV]"] == "900.00"
    assert closing.told["Stmt/Acct/Id/IBAN"] == "DE89"


def test_newer_versions_write_the_status_as_a_code(tmp_path: Path) -> None:
    text = WHOLE.replace(OLD, NEW)
    text = re.sub(r"<Sts>(\w+)</Sts>", r"<Sts><Cd>\1</Cd></Sts>", text)
    old = read(CAMT053, written(tmp_path, WHOLE))
    new = read(CAMT053, written(tmp_path, text))
    assert not new[2]
    assert [line.cash for line in new[0]] == [line.cash for line in old[0]]


def detail(amount: str, more: str = "", *, old: bool = False) -> str:
    money = f"<Amt Ccy='EUR'>{amount}</Amt>"
    if old:
        money = f"<AmtDtls><TxAmt>{money}</TxAmt></AmtDtls>"
    return f"\n<TxDtls>{more}{money}</TxDtls>"


@pytest.mark.parametrize("old", [True, False])
def test_a_batch_is_a_line_for_each_transaction(tmp_path: Path, old: bool) -> None:
    own = "<Refs><AcctSvcrRef>T-1</AcctSvcrRef></Refs>"
    details = detail("30", own, old=old) + detail("12.5", old=old)
    batch = f"<AcctSvcrRef>B-9</AcctSvcrRef><NtryDtls>{details}</NtryDtls>"
    path = written(tmp_path, document(statement(entry("42.50", "DBIT", batch))))
    lines, _, refusals, _ = read(CAMT053, path)
    assert not refusals
    assert [(line.native_id, line.line, line.cash[0].amount) for line in lines] == [
        ("T-1", 6, Decimal(-30)),
        ("B-9/2", 7, Decimal("-12.5")),
    ]
    assert lines[1].told["Ntry/Amt"] == "42.50"
    assert "T-1" not in lines[1].told.values()


@pytest.mark.parametrize(
    "details",
    [
        detail("30") + detail("12"),
        detail("30") + "<TxDtls><Refs><EndToEndId>E</EndToEndId></Refs></TxDtls>",
        detail("30") + detail("12.5").replace("EUR", "USD"),
    ],
)
def test_a_batch_that_does_not_add_up_is_one_line(tmp_path: Path, details: str) -> None:
    batch = entry("42.50", "DBIT", f"<NtryDtls>{details}</NtryDtls>")
    (line,), _, refusals, _ = read(CAMT053, written(tmp_path, document(statement(batch))))
    assert not refusals
    assert line.cash[0].amount == Decimal("-42.5")


def test_a_batch_may_hold_both_directions(tmp_path: Path) -> None:
    details = detail("50", "<CdtDbtInd>CRDT</CdtDbtInd>") + detail(
        "8", "<CdtDbtInd>DBIT</CdtDbtInd>"
    )
    batch = entry("42", "CRDT", f"<NtryDtls>{details}</NtryDtls>")
    lines, _, _, _ = read(CAMT053, written(tmp_path, document(statement(batch))))
    assert [line.cash[0].amount for line in lines] == [Decimal(50), Decimal(-8)]


def test_balances_between_the_pages_of_a_statement_are_kept_as_told(tmp_path: Path) -> None:
    pages = document(
        statement(
            balance("OPBD", "10", "2024-05-02", "DBIT"),
            balance("ITBD", "5", "2024-05-02"),
            entry("15", "CRDT"),
            entry("1", "CRDT", state="PDNG"),
        ),
        statement(
            balance("ITBD", "5", "2024-05-02"),
            balance("ITBD", "4", "2024-05-02"),
            entry("1", "DBIT"),
        ),
        statement(
            balance("ITBD", "4", "2024-05-02"),
            balance("CLBD", "7", "2024-05-02"),
            entry("3", "CRDT"),
            account="<Othr><Id>other</Id></Othr>",
        ),
    )
    lines, (opening, closing), refusals, seen = read(CAMT053, written(tmp_path, pages))
    assert not refusals
    assert {leg.balance for line in lines for leg in line.cash} == {None}
    assert opening.told["Stmt/Bal/Amt[ITBD]"] == "5"
    assert lines[2].told["Stmt/Bal/Amt[ITBD]"] == "5\n4"
    # The day of the opening balance has lines already: it is of the day's beginning.
    assert (opening.amount, opening.when) == (Decimal(-10), "before")
    assert (closing.amount, closing.account) == (Decimal(7), "other")
    assert (closing.told["Stmt/Bal/Amt[ITBD]"], closing.told["Stmt/Bal/Amt[CLBD]"]) == ("4", "7")
    assert seen.accounts == ["DE89", "other"]


def test_lines_of_xml_on_one_line_have_numbers_of_their_own(tmp_path: Path) -> None:
    text = WHOLE.replace("\n", "").replace("<Amt Ccy='EUR'>1.50", "<Amt Ccy='EUR'>1,50")
    lines, _, (refusal,), _ = read(CAMT053, written(tmp_path, text))
    assert [line.line for line in lines] == [1, 2, 3, 4, 5]
    assert (refusal.line, refusal.value) == (1, "1,50")


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("<Dt>2024-05-02+02:00</Dt>", "2024-05-02T00:00:00"),
        ("<DtTm>2024-05-02T10:30:00.25+02:00</DtTm>", "2024-05-02T08:30:00.25"),
        ("<DtTm>2024-05-02T10:30:00</DtTm>", "2024-05-02T09:30:00"),
    ],
)
def test_a_time_of_day_is_kept_where_it_is_told(tmp_path: Path, told: str, moment: str) -> None:
    text = document(statement(entry("1", "CRDT").replace("<Dt>2024-05-02</Dt>", told)))
    (line,), _, _, _ = read(CAMT053, written(tmp_path, text), utc_offset="+01:00")
    assert line.at == day(moment)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "reason"),
    [
        ("<Amt Ccy='EUR'>250.00", "<Amt Ccy='EUR'>250,00", 8, "Ntry/Amt", "not a decimal"),
        ("<Amt Ccy='EUR'>250.00", "<Amt Ccy='EUR'>-250.00", 8, "Ntry/Amt", "must not be negative"),
        ("<Amt Ccy='EUR'>250.00", "<Amt>250.00", 8, "Ntry/Amt@Ccy", "is missing"),
        ("<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK", "<Sts>BOOK", 8, "Ntry/CdtDbtInd", "is missing"),
        ("CRDT</CdtDbtInd><Sts>", "C</CdtDbtInd><Sts>", 8, "Ntry/CdtDbtInd", "not one of 'CRDT'"),
        ("<Sts>BOOK", "<Sts>DONE", 8, "Ntry/Sts", "not one of 'BOOK'"),
        ("<Dt>2024-05-02</Dt></BookgDt>", "<Dt>2.5.24</Dt></BookgDt>", 8, "Ntry/BookgDt", "a date"),
        ("1000.00", "1 000", 5, "Stmt/Bal/Amt", "not a decimal"),
        ("<Dt>2024-05-01", "<Dt>2024-05-32", 5, "Stmt/Bal/Dt", "2024-05-32"),
        ("<IBAN>DE89</IBAN>", "", 4, "Stmt/Acct/Id", "has neither IBAN nor Othr/Id"),
        ("<Acct><Id><IBAN>DE89</IBAN></Id></Acct>", "", 3, "Stmt/Acct", "has no account"),
        ("camt.053.001.02", "camt.054.001.02", 0, "", "has no element Stmt of"),
        ("<?xml version='1.0'?>", "<!DOCTYPE Document>", 1, "", "declares a document type"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, old: str, new: str, line: int, field: str, reason: str
) -> None:
    assert old in WHOLE
    _, _, refusals, _ = read(CAMT053, written(tmp_path, WHOLE.replace(old, new, 1)))
    (refusal,) = refusals
    assert (refusal.line, refusal.field) == (line, field)
    assert reason in refusal.reason


def test_a_file_that_ends_within_a_statement_is_cut(tmp_path: Path) -> None:
    text = WHOLE[: WHOLE.index(">3.00<")]
    lines, balances, (refusal,), seen = read(CAMT053, written(tmp_path, text))
    assert (len(lines), len(balances), seen.cut) == (3, 2, True)
    assert "is not XML" in refusal.reason


def test_an_offset_that_is_none_is_refused() -> None:
    with pytest.raises(OptionRefused, match="camt053: utc_offset='CET' is not an offset"):
        CAMT053.read("unread.xml", {"utc_offset": "CET"})


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("<Sts>BOOK</Sts>", "", "Ntry/Sts"),
        ("<BookgDt><Dt>2024-05-02</Dt></BookgDt><ValDt><Dt>2024-05-03</Dt></ValDt>", "",
         "Ntry/BookgDt"),
        ("<Amt Ccy='EUR'>250.00</Amt>", "", "Ntry/Amt"),
        ("<Dt><Dt>2024-05-01</Dt></Dt>", "", "Stmt/Bal/Dt"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert old in WHOLE
    _, _, (refusal,), _ = read(CAMT053, written(tmp_path, WHOLE.replace(old, new, 1)))
    assert (refusal.field, "is missing" in refusal.reason) == (field, True)


def test_without_a_booking_date_the_value_date_counts(tmp_path: Path) -> None:
    text = document(statement(entry("1", "CRDT")))
    text = text.replace("<BookgDt><Dt>2024-05-02</Dt></BookgDt>", "")
    (line,), _, _, _ = read(CAMT053, written(tmp_path, text))
    assert line.at == day("2024-05-03")


def test_the_reference_of_the_only_transaction_is_that_of_the_entry(tmp_path: Path) -> None:
    own = detail("1", "<Refs><AcctSvcrRef>T-1</AcctSvcrRef></Refs>")
    text = document(statement(entry("1", "CRDT", f"<NtryDtls>{own}</NtryDtls>")))
    (line,), _, _, _ = read(CAMT053, written(tmp_path, text))
    assert line.native_id == "T-1"


@pytest.mark.parametrize("code_of", ["CHRG", "ADJT"])
def test_a_charge_that_is_given_back_is_a_rebate(tmp_path: Path, code_of: str) -> None:
    text = document(statement(entry("1", "CRDT", code(code_of))))
    (line,), _, _, _ = read(CAMT053, written(tmp_path, text))
    assert line.cash[0].kind == {"CHRG": "rebate", "ADJT": "adjustment"}[code_of]
