"""What is not there yet, and what differs on purpose. Both lists are meant to be empty."""

MECHANISMS: dict[str, str] = {}
"""What the engine does not have yet, by the name under which rows wait for it."""

PENDING: dict[str, str] = {}
"""Files, or ``file/topic``, by the mechanism that the engine lacks.

A row that its adapter nevertheless matches fails until its file is taken off this list.
"""

EXPLAINED: dict[str, str] = {}
"""Rows whose figures differ, with the reason; one that no longer differs fails."""
