"""A KIS Open API server of our own: seeded prices, a matching engine, accounts, KIS's wire shapes, faults on demand."""
