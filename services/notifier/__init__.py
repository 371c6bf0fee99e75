"""Notifier: due ticks become mails, each accepted once."""
