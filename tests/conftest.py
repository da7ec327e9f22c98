"""Fixtures for every test: fresh databases on a real server, shared data, Hypothesis profiles."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pytest_postgresql.janitor import DatabaseJanitor

from clearing.database.migrate import migrate
from tests.postgres import PORT, USER, Server

settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("default")

TEMPLATE = "clearing_template"


def _janitor(server: Server, name: str, template: str | None = None) -> DatabaseJanitor:
    return DatabaseJanitor(
        user=USER, host=str(server.base), port=PORT, dbname=name, template_dbname=template
    )


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the developer's own database or data folder."""
    names = ("DATABASE_URL", "DATA", "FAULT", "CHECKPOINTS", "CHECKPOINT_KEY")
    for name in names:
        monkeypatch.delenv(f"CLEARING_{name}", raising=False)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for each worker of xdist, so that workers share nothing, roles included."""
    running = Server()
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """The name of a database that was migrated once, to copy for each test."""
    with _janitor(server, TEMPLATE):
        migrate(server.url(TEMPLATE))
        yield TEMPLATE


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    """The URL of a migrated database of the test's own."""
    name = f"t_{uuid.uuid4().hex}"
    with _janitor(server, name, template):
        yield server.url(name)


@pytest.fixture
def empty_database_url(server: Server) -> Iterator[str]:
    """The URL of a database of the test's own in which nothing was ever made."""
    name = f"e_{uuid.uuid4().hex}"
    with _janitor(server, name):
        yield server.url(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data; tests that need it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("CLEARING_SHARED") or default)
    if not folder.is_dir():
        pytest.skip(f"no shared market data at {folder}: set CLEARING_SHARED")
    return folder
