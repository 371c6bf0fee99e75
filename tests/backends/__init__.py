"""Real Kafka and PostgreSQL for the tests, from wheels or from containers."""
