"""Rolls a release while positions are held: real trees, real processes, two builds at once."""
