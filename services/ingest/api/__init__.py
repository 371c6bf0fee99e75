"""HTTP doors: they read and bound what comes, call a handler, and tell what came of it."""
