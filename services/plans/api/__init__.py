"""The doors of the plans service over HTTP: they parse, call a handler, and show what it gives."""
