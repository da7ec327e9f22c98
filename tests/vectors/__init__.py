"""Every reference case in the shared folder, through the ledger's engine."""
