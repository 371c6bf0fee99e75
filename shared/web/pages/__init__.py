"""Pages for people: one look, rendered on the server, working without JavaScript where they can."""
