"""The database: where it is, how to connect to it, and which schema it has.

``open_database`` gives the URL of a database, from ``CLEARING_DATABASE_URL`` or of a private
cluster that it starts; ``migrate`` brings its schema up to this code's; ``connect`` opens it.
Nothing here knows of events or ledgers.
"""

from clearing.database.beside import beside, drop_beside
from clearing.database.connection import DatabaseUnavailable, connect
from clearing.database.embedded import Database, data_folder, open_database
from clearing.database.migrate import SchemaTooNewError, migrate, schema_version
from clearing.database.settings import Settings, SettingsError

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "SchemaTooNewError",
    "Settings",
    "SettingsError",
    "beside",
    "connect",
    "data_folder",
    "drop_beside",
    "migrate",
    "open_database",
    "schema_version",
]
