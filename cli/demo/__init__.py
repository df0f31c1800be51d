"""``make demo``: a whole accelerated day and its report."""
