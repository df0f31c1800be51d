"""A local KIS Open API server: seeded prices, matching engine, accounts, KIS wire format and injected faults."""
