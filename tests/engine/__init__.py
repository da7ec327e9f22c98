"""Scenarios and properties of the fold."""
