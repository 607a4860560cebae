-- Beside streamgauge's own, made by the image: one per program. Run by PostgreSQL at its first start.
CREATE DATABASE notify;
CREATE DATABASE airflow;
CREATE DATABASE superset;
CREATE DATABASE network;
