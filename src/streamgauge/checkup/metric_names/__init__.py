"""Does a Prometheus have the metrics that dashboards and rules ask for?"""
