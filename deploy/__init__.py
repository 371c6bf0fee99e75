"""How Milepost is set up and run: migrations, topics, and the local stack."""
