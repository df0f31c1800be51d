"""The acts of the trade: each class does one kind of I/O, decides by ``domain``, and keeps the books."""
