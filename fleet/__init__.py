"""Operate a running fleet: start, command, watch and close it, and report the day."""
