"""Pure decisions: what to send to whom, what an answer means, when to try again."""
