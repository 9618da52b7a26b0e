"""What sessions cost: the ledger, budgets, what providers tell of their limits, and warm caches."""
