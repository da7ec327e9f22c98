"""An event-sourced clearing ledger for leveraged venues.

Events go into an append-only log in Postgres; a pure fold over that log gives account equity,
margin state, liquidations and insurance-fund balances, the same to the last digit whoever runs it.
"""

__version__ = "0.1.0"
