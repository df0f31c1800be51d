"""Protect the process's edges: private files, bounded replies, sealed payloads."""
