"""Authenticate all Temporal traffic: payloads are encrypted and bound to their place, messages are sealed."""
