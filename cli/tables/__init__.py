"""Terminal output as tables, lines and JSON."""
