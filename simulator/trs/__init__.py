"""TRs that are declared by a row each: the official function, and what builds its output."""
