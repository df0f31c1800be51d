"""Watch and command the fleet from a Telegram chat. A chat never starts or enlarges a position."""
