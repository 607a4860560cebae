"""The flows of integrations/prefect, run by a real Prefect in its own environment, on a real Kafka."""
