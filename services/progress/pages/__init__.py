"""Pages: plans' progress for the supplier, and the partners' portal."""
