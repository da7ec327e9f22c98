"""Tests of exact amounts."""
