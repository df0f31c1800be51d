"""A KIS Open API server of our own: seeded prices, a matching engine, accounts, KIS's wire shapes and faults on demand."""
