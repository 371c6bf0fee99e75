"""Sellers' mails: what is special about a private stream, and about leaving."""
