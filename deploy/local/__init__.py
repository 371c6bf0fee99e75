"""The local stack: Kafka, PostgreSQL and an SMTP sink from wheels, the four services beside them."""
