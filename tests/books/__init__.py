"""Our books for others: exports, held against the tools they are for, and proofs of liabilities."""
