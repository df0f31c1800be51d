"""``starter.py doctor``: check every requirement of trading, in order."""
