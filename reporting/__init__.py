"""The day as a page to look at: read from the books alone, one HTML file and one JSON file, nothing fetched."""
