"""Alerts: their channels, their text, the outbox, and the way that needs no books."""
