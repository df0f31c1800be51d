"""How fast it is: each figure beside its floor, measured on real parts, never asserted by time."""
