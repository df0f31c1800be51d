"""Proof of identity for what crosses Temporal: payloads are encrypted and bound to their place, messages are sealed."""
