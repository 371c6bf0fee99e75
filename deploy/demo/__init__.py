"""The sample year: a dataset becomes partners, plans, events and a year that is played."""
