"""``starter.py doctor``: everything that trading needs, checked in its order."""
