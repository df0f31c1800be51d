"""``make demo``: a complete accelerated day and its report."""
