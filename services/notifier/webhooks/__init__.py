"""Webhooks out: registered by administrators, called by all replicas, every try kept."""
