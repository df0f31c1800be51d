"""The fleet in the browser: what the books show now, and the commands of the command line."""
