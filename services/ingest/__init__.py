"""Takes what upstream systems tell, says what is wrong with it, and brings the rest to Kafka."""
