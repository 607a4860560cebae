"""A real Kubernetes without machines: API server, etcd, controllers, scheduler, and kwok in place of nodes.

::

    with Cluster() as cluster:
        cluster.kubectl("get", "nodes")
"""

from tests.services.kubernetes.cluster import Cluster

__all__ = ["Cluster"]
