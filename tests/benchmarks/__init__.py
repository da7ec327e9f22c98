"""Tests of the benchmarks: that they run and verify, not how fast."""
