"""Tests of the words: documents agree with the code, and their commands and examples run."""
