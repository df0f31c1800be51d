"""Whole days on real processes while a seeded adversary breaks them; the verifier counts what else broke."""
