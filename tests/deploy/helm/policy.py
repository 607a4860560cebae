"""What a network that enforces policies does with them, as networking.k8s.io/v1 says it.

A pod that no policy selects is open. One that is selected takes (or sends) what at least one policy allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Literal

Direction = Literal["Ingress", "Egress"]


@dataclass(frozen=True, slots=True)
class Place:
    """A pod, or without a namespace an address outside the cluster."""

    address: str = "10.1.0.1"
    namespace: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Network:
    """The policies of a cluster."""

    policies: list[dict[str, Any]]

    def lets(self, source: Place, target: Place, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection comes about: its sender may ask, and its receiver takes it."""
        return self._allows("Egress", source, target, port, protocol) and self._allows(
            "Ingress", target, source, port, protocol
        )

    def _allows(self, direction: Direction, mine: Place, other: Place, port: int, protocol: str) -> bool:
        about = [
            policy
            for policy in self.policies
            if policy["metadata"]["namespace"] == mine.namespace
            and selects(policy["spec"]["podSelector"], mine.labels)
            and direction in policy["spec"]["policyTypes"]
        ]
        return not about or any(
            _fits_port(rule, port, protocol) and _fits_peer(policy, rule, direction, other)
            for policy in about
            for rule in policy["spec"].get(direction.lower()) or []
        )


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a selector means what carries these labels; an empty one means all."""
    assert set(selector) <= {"matchLabels"}, "the charts select by labels alone"
    return all(labels.get(name) == value for name, value in (selector.get("matchLabels") or {}).items())


def _fits_port(rule: dict[str, Any], port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(one["port"] == port and one["protocol"] == protocol for one in ports)


def _fits_peer(policy: dict[str, Any], rule: dict[str, Any], direction: Direction, other: Place) -> bool:
    peers = rule.get("from" if direction == "Ingress" else "to")
    if not peers:  # no list, or an empty one: everybody
        return True
    return any(_is(peer, policy["metadata"]["namespace"], other) for peer in peers)


def _is(peer: dict[str, Any], own: str, other: Place) -> bool:
    if "ipBlock" in peer:
        return ip_address(other.address) in ip_network(peer["ipBlock"]["cidr"])
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        at_home = selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        at_home = other.namespace == own
    return at_home and selects(peer.get("podSelector") or {}, other.labels)
