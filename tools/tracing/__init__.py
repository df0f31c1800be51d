"""Receive the traces of a running fleet, and draw each trade: for a machine without a tracing system."""
