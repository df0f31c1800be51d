"""What every hosting process does beside hosting, one duty a file."""
