"""The book of record in PostgreSQL: one module per aggregate, idempotent writes, invariants as constraints."""
