"""Temporal activities: each class does one kind of I/O, decides with ``domain`` rules and writes the ledger."""
