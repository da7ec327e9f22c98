"""Tests of the database room: settings, migrations, the private cluster."""
