"""The HTTP doors of progress."""
