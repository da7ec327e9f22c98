"""Measurements: how fast, against a named baseline of the same run, with the answer verified.

``python -m benchmarks [NAME…] [--quick] [--json FILE]``. Ratios are what counts; rates are those of
the machine. Nothing here decides whether a change passes.
"""
