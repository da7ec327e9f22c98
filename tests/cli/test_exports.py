"""The books for other tools, at the command line."""

from pathlib import Path

from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.books.tools import bean_check, hledger
from tests.cli.conftest import Run


def test_every_format_is_written_once_and_checked(
    clearing: Run, database_url: str, tmp_path: Path
) -> None:
    with stored(wick(), database_url):
        pass
    bean, plain = tmp_path / "a.beancount", tmp_path / "a.journal"
    code, out, _ = clearing("export", "beancount", "--out", str(bean))
    words = "3 transactions, 4 balances asserted, up to log position 12"
    assert (code, words in " ".join(out.split())) == (0, True)
    assert clearing("export", "hledger", "--out", str(plain), "--at", "9")[0] == 0
    assert bean_check(bean).returncode == 0
    code, _, err = clearing("export", "beancount", "--out", str(bean))
    assert (code, "is there already" in " ".join(err.split())) == (2, True)
    code, out, _ = clearing("export", "csv", "--out", str(tmp_path / "csv"), "--json")
    assert (code, '"log_position": 12' in out) == (0, True)
    assert clearing("export", "parquet", "--out", str(tmp_path / "parquet"))[0] == 0
    assert {file.suffix for file in (tmp_path / "parquet").iterdir()} == {".parquet", ".json"}
    code, _, err = clearing("export", "csv", "--out", str(tmp_path / "x"), "--at", "13")
    assert (code, "is not one from 0 to" in " ".join(err.split())) == (2, True)
    code, _, err = clearing("export", "hledger", "--out", str(tmp_path / "x"), "--account", "eve")
    assert (code, "no account 'eve'" in " ".join(err.split())) == (2, True)
    assert hledger(plain, "check", "--strict").returncode == 0
