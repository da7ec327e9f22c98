"""A second ledger, written from the page alone, that checks the engine event by event.

Everything here works on the events themselves in exact fractions: no bands, no caches, no scaled
shortcuts. It is slow and short on purpose. Nothing here imports the engine's rooms except the
comparison in :mod:`tests.auditor.run`, which drives the engine as a black box.
"""
