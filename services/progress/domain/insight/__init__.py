"""The insight measures: what a person's time is made of (insight rules, section 3)."""
