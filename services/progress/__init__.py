"""Progress: the ledger of versioned records, and the figures that follow from it."""
