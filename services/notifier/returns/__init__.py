"""What comes back: bounces and complaints, and the list of who is not written to any more."""
