"""Tests of the vocabulary: models, rows, lines, schema."""
