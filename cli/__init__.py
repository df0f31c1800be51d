"""The operator's command line: parse, ask the fleet or the books, print."""
