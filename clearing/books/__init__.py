"""Our own books for others to read: statements, attribution of profit and loss, exports, proofs.

It reads what the ledger's read models say through :mod:`clearing.audit` and writes files; it knows
nothing of the engine's inside and changes nothing in the log.
"""
