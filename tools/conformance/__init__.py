"""Checks our assumptions about KIS against a server: the simulator or the real paper service."""
