"""Tests of the projectors: histories, generations, certified digests."""
