"""Benchmarks on real parts. Each figure is shown beside its floor; no test asserts a time."""
