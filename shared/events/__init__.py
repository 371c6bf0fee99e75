"""The language between services: record models, event payloads and the envelope."""
