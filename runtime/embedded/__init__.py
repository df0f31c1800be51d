"""Parts that run on this machine when they are not configured: PostgreSQL, Temporal's dev server, the simulator.

Must not import anything: every guard process imports this package.
"""
