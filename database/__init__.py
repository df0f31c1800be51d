"""The book of record in PostgreSQL: one module an aggregate, every write idempotent, every invariant a constraint."""
