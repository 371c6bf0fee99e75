"""Kafka: topics, producing, consuming, outbox, dead letters and watermarks."""
