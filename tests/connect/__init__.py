"""The sinks for Kafka Connect, on a real worker and a real broker."""
