"""The parts that run on this machine where nothing is configured: PostgreSQL, Temporal's dev server, the simulator.

Kept free of imports: every guard process passes through here.
"""
