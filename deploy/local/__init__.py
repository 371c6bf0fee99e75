"""The local stack: Kafka, PostgreSQL and an SMTP sink from wheels, and the four services."""
