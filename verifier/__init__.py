"""Three books compared: the broker's, the ledger's and the workflow histories, one pure check an invariant."""
