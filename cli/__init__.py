"""The operator's command line: it parses, asks the fleet or the books, and prints."""
