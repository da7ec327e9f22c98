"""Concurrency and crashes: nothing lost, nothing twice."""
