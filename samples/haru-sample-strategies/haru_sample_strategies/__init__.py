"""Five small example strategies. None is claimed to earn money."""
