"""Certificates, users and permissions of the secured broker."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.services.missing import CannotBeHadError

USERS: Mapping[str, str] = {"admin": "admin-secret", "reader": "reader-secret"}
"""Name → password. ``admin`` may do everything, ``reader`` nothing until told."""


def make_certificates(folder: Path) -> None:
    """Write ``ca.pem``, ``other-ca.pem`` (of an authority that signed nothing) and ``server.pem`` (key + chain)."""
    if shutil.which("openssl") is None:
        raise CannotBeHadError(
            "the tests of a secured Kafka need openssl; install it, such as `apt-get install openssl`"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ca", "other-ca"):
        _openssl(
            folder,
            *(
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "30",
                "-subj",
                f"/CN=streamgauge {name}",
            ),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", "server.key", "-out", "server.csr"),
    )
    _openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "30", "-extfile", "names", "-out", "server.crt"),
    )
    parts = [(folder / name).read_text() for name in ("server.key", "server.crt", "ca.pem")]
    (folder / "server.pem").write_text("".join(parts))


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def server_properties(certificates: Path) -> list[str]:
    """The broker's settings for SASL over TLS with SCRAM and PLAIN, and for permissions."""
    modules = "org.apache.kafka.common.security"
    plain_users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    admin = f'username="admin" password="{USERS["admin"]}"'
    return [
        "sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN",
        "inter.broker.listener.name=SASL_SSL",
        "sasl.mechanism.inter.broker.protocol=PLAIN",
        f"listener.name.sasl_ssl.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required {admin} {plain_users};",
        f"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={certificates / 'server.pem'}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={certificates / 'ca.pem'}",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:admin;User:ANONYMOUS",  # nobody but the controller's own listener is anonymous
    ]


def scram_arguments() -> list[str]:
    """What the storage tool must be told so that the users exist from the first moment."""
    return [
        word
        for name, password in USERS.items()
        for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
    ]


def client_settings(certificates: Path, user: str, password: str | None, mechanism: str) -> dict[str, str]:
    """librdkafka's settings to log in as ``user``."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": user,
        "sasl.password": USERS[user] if password is None else password,
        "ssl.ca.location": str(certificates / "ca.pem"),
    }
