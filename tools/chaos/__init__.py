"""Whole days on real processes while a seeded adversary injects faults; the verifier counts violations."""
