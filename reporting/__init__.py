"""Report a day as one HTML file and one JSON file, read from the books only. The page loads nothing."""
