"""Pure decisions: reading, folding, goals, figures."""
