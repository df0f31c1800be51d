"""What a terminal shows, as tables, lines and JSON."""
