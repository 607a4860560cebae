"""Does the schema registry answer, and does it let us in? Where it does not, records with new schemas must wait."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import PATIENCE, Patient

if TYPE_CHECKING:
    import httpx

    from streamgauge.formats.schema_registry import RegistryConfig

NAME = "schema registry"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per stream with a registry; records that need one which is away are not looked at."""
    for name, stream in patient.watched():
        registry = getattr(stream.format, "registry", None)
        if registry is None:
            continue
        finding = _ask(registry, f"streams.{name}.format")
        if finding.grade is not Grade.FINE:
            patient.kafka.pop(name, None)
        yield finding


def _ask(config: RegistryConfig, about: str) -> Finding:
    import httpx

    headers = {} if config.token is None else {"Authorization": f"Bearer {config.token}"}
    login = None if config.username is None else (config.username, config.password or "")
    try:
        answer = httpx.get(
            f"{config.url[0].rstrip('/')}/subjects",
            auth=login,
            headers=headers,
            timeout=PATIENCE,
            verify=ssl.create_default_context(cafile=config.ca),
        )
    except (httpx.HTTPError, OSError) as error:
        return Finding(
            NAME, about, Grade.MISSING, f"the registry at {config.shown} does not answer ({error})",
            "start it, correct `registry:`, or let this machine through to it; known schemas go on meanwhile",
        )  # fmt: skip
    return _answered(config, about, answer)


def _answered(config: RegistryConfig, about: str, answer: httpx.Response) -> Finding:
    if answer.status_code in (401, 403):
        return Finding(
            NAME, about, Grade.WRONG, f"the registry at {config.shown} refused the login ({answer.status_code})",
            "check `username`, `password` or `token` under `registry:`",
        )  # fmt: skip
    try:
        subjects = answer.json()
    except ValueError:
        subjects = None
    if answer.status_code != 200 or not isinstance(subjects, list):
        return Finding(
            NAME, about, Grade.WRONG, f"{config.shown} answers ({answer.status_code}), but not as a schema registry",
            "write the address under which the registry's API begins, such as http://localhost:8085",
        )  # fmt: skip
    return Finding(
        NAME, about, Grade.FINE, f"the registry at {config.shown} answers; {len(subjects)} subjects"
    )
