"""Verbs: what is done with what comes in, and with what is asked."""
