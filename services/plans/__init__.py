"""Plans: strategies, success plans, targets, bulk imports and the monthly ticks."""
