"""The DAGs of ``integrations/airflow``, by Airflow itself in its own environment, on real servers."""
