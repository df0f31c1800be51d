"""Compare three books: the broker's, the ledger and the workflow histories, with one pure check per invariant."""
