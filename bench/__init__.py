"""Benchmarks: `python -m bench` runs all of them on a fresh local stack of its own."""
