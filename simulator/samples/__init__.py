"""Bots as the tutorials write them, to be run against the simulator."""
