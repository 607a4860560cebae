"""A real schema registry (Apicurio, with Confluent's API) from Maven Central: up in a few seconds.

::

    with Registry() as registry:
        number = registry.register("payments-value", schema)
"""

from tests.services.registry.server import Registry

__all__ = ["Registry"]
