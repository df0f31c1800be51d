"""Production workflows and activities on a virtual clock: the engine of ``starter.py backtest``."""
