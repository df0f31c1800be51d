"""One constructor for each kind of event: it fixes the level, the detail, and the key that makes a repeat harmless."""
