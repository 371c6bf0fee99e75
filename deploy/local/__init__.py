"""The local stack: real Kafka, PostgreSQL and SMTP from wheels, and the four services beside them."""
