"""The command line, for scenarios that a user goes through with commands."""

from tests.cli.conftest import answer, clearing

__all__ = ["answer", "clearing"]
