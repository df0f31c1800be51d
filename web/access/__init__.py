"""Who may enter the page, and in which role."""
