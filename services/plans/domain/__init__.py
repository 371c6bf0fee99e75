"""Nouns and decisions of planning; nothing here waits, asks the time or knows a driver."""
