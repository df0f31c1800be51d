"""Alerts: channels, text, the outbox, and direct alerts that do not use the database."""
