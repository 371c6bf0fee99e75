"""The mail itself: templates, composing, the mail server, the archive."""
