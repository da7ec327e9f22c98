"""Our books against somebody else's: statements taken in, matched, their breaks, and who signs.

What is recorded here is append-only, beside the log: imports with their coverage, matches with the
rule that made them, breaks with their history, proposals with who made and who approved them. It
reads the ledger through :mod:`clearing.audit` and knows nothing of the engine's inside.
"""
