"""Reconciliation of the ledger with the broker: shares, cash, fills, manual sales by the owner."""
