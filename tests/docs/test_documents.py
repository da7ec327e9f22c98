"""Documents name what exists, and their examples run."""

import json
import re
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.engine import ENTRY_FIELDS
from clearing.engine.valuation import measure
from clearing.projectors import TABLES
from clearing.rulebook import check_document
from clearing.rulebook.derivation import check_recipe
from tests.engine.venue import Venue, of_kind, rulebook

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_table_and_column_is_in_the_page_on_read_models() -> None:
    page = text("docs/read-models.md")
    for table in TABLES.values():
        section = page.split(f"## `{table.name}`")[1].split("## ")[0]
        for column in table.names:
            assert f"`{column}`" in section


def test_every_kind_of_entry_is_in_the_page_on_semantics() -> None:
    page = text("docs/semantics.md")
    for kind in ENTRY_FIELDS:
        assert f"| `{kind}` |" in page


@pytest.mark.parametrize("name", sorted(STATEMENT_READERS))
def test_every_format_of_statements_is_on_its_page_with_what_it_states(name: str) -> None:
    page = text("docs/statements.md")
    reader = STATEMENT_READERS[name]
    assert len(re.findall(rf"^##+ `{name}`", page, re.MULTILINE)) == 1
    (row,) = re.findall(rf"^\| \[`{name}`\]\(#.*\|$", page, re.MULTILINE)
    _, _, summary, kinds, fills, balances, limits, _ = (cell.strip() for cell in row.split("|"))
    assert summary == reader.summary
    if name == "generic-csv":
        assert kinds == "every, unless the mapping says which"
        return
    stated = set(re.findall(r"`([a-z_]+)`", kinds))
    assert (kinds == "every") is (reader.kinds is None)
    assert stated == set(reader.kinds or ())
    assert (fills == "yes") is reader.fills
    assert balances.startswith("after each") is (reader.balances != "none")
    assert {int(one.replace(",", "")) for one in limits.split(", ") if one} == reader.page_limits


def test_the_rulebook_on_its_page_is_accepted() -> None:
    (document,) = re.findall(r"```json\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    parsed, problems = check_document(json.loads(document))
    assert problems == []
    assert parsed is not None
    venue = Venue()
    venue.market("BTC")
    entries = venue.adopt(json.loads(document))
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_prices_on_the_page_on_rulebooks_are_accepted() -> None:
    sections = re.findall(r"```json prices\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    venue = Venue()
    for name in ("exchange-a", "exchange-b", "exchange-c"):
        venue("SourceDeclared", name=name, description="an exchange")
    venue.market("BTC-PERP")
    assert len(sections) == 2
    for section in sections:
        entries = venue.adopt(rulebook(prices=json.loads(section)))
        assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_recipe_on_the_page_on_rulebooks_is_sound() -> None:
    (recipe,) = re.findall(r"```json recipe\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    assert check_recipe(json.loads(recipe)) == []


def test_the_portfolios_on_the_page_on_rulebooks_are_accepted() -> None:
    (section,) = re.findall(r"```json portfolios\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    venue = Venue()
    for name in ("BTC-PERP", "ETH-PERP"):
        venue.market(name)
    venue.market("BTC-CALL", payoff="option")
    document = rulebook(portfolios=json.loads(section))
    document["bindings"][0] |= {"markets": {}, "portfolio": "majors"}
    entries = venue.adopt(document)
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_venue_on_the_page_on_rulebooks_is_accepted_and_does_as_it_says() -> None:
    (document,) = re.findall(r"```json binance\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    venue = Venue()
    venue("SourceDeclared", name="binance", description="the exchange")
    venue("AssetDeclared", name="USDT", decimals=8)
    venue.market("BTCUSDT", settlement_asset="USDT")
    venue.account("ada", "bob")
    entries = venue.adopt(json.loads(document))
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]
    venue.mark(BTCUSDT="60000.00")
    venue.trade("ada", "bob", "BTCUSDT", "20", "60000.00")
    book = venue.engine.book
    now = measure(book, book.scope(venue.ordinal("ada"), 2))
    unit = 10 ** book.assets[2].working
    # 1,200,000 × 0.65 % − 950, and a twentieth.
    assert (now.maintenance, now.initial) == (6850 * unit, 60_000 * unit)


def test_the_collateral_on_the_page_on_rulebooks_is_accepted() -> None:
    (section,) = re.findall(r"```json collateral\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    venue = Venue()
    venue("AssetDeclared", name="BTC", decimals=8)
    venue.market("BTC-USD")
    document = rulebook(collateral=json.loads(section))
    document["bindings"][0]["collateral"] = "mixed"
    entries = venue.adopt(document)
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_funding_on_the_page_on_rulebooks_is_accepted() -> None:
    (section,) = re.findall(r"```json funding\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    venue = Venue()
    venue.market("BTC-PERP")
    index = {"op": "source", "source": "venue", "price": "index"}
    prices = {"BTC-PERP": {"roles": {"index": index}}}
    entries = venue.adopt(rulebook(funding=json.loads(section), prices=prices))
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_impact_on_the_page_on_rulebooks_is_accepted() -> None:
    (section,) = re.findall(r"```json impact\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    venue = Venue()
    venue.market("BTC-PERP")
    entries = venue.adopt(rulebook(impact=json.loads(section)))
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_variation_margin_on_the_page_on_rulebooks_is_accepted() -> None:
    (section,) = re.findall(
        r"```json variation_margin\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL
    )
    entries = Venue().adopt(rulebook(variation_margin=json.loads(section)))
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_alerts_on_the_page_on_rulebooks_are_accepted() -> None:
    (section,) = re.findall(r"```json alerts\n(.*?)```", text("docs/rulebooks.md"), re.DOTALL)
    document = rulebook(alerts=json.loads(section))
    document["bindings"][0]["alerts"] = "desk"
    entries = Venue().adopt(document)
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]


def test_the_python_example_of_the_readme_runs(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text("README.md"), re.DOTALL)
    monkeypatch.setenv("CLEARING_DATABASE_URL", database_url)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - it is our own example
    assert capsys.readouterr().out == "250\n"


def test_links_between_documents_lead_somewhere() -> None:
    for name in ["README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", text(name)):
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name} links to {target}"


def test_the_verification_and_the_fees_on_the_page_on_rulebooks_are_accepted() -> None:
    page = text("docs/rulebooks.md")
    sections = {}
    for name in ("verification", "fees"):
        (section,) = re.findall(rf"```json {name}\n(.*?)```", page, re.DOTALL)
        sections[name] = json.loads(section)
    _, problems = check_document(rulebook(mode="verify", **sections))
    assert problems == []
