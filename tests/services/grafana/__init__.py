"""What Grafana publishes of its dashboards' schema: the types of ``@grafana/schema``, and a compiler that holds JSON to them."""

from tests.services.grafana.schema import complaints

__all__ = ["complaints"]
