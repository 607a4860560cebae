# ruff: noqa: INP001  a script, not a package
"""Brings the bundle into a running Superset over REST: ``SUPERSET_PASSWORD=… python import_bundle.py --database URL``.

It waits until Superset answers, signs in, imports database, datasets, charts and dashboard, and asks each chart for its
data. Run again it replaces them: the same uuids, nothing twice. What people made beside them stays. Passwords come from the
environment and are shown nowhere. It needs PyYAML alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Any
from uuid import uuid4

from bundle import DATABASE, build, files, place_of

SLUG = "streamgauge"
"""The dashboard's name in addresses."""
_PAUSE = 1.0
_ANSWER = 60.0
"""Seconds for one answer."""


class RefusedError(Exception):
    """Superset does not do what is asked; in words for people."""

    def __init__(self, words: str, *, code: int = 3) -> None:
        super().__init__(words)
        self.code = code
        """The exit code: 1 a check failed, 3 something outside is missing or refuses."""


class Superset:
    """One server, and a session with it.

    Args:
        url: such as ``http://localhost:8088``.
        secrets: what no message may show.
    """

    def __init__(self, url: str, secrets: list[str]) -> None:
        self.url = url.rstrip("/")
        self._secrets = [secret for secret in secrets if secret]
        self._headers: dict[str, str] = {}
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def wait(self, seconds: float) -> None:
        """Return once it answers that it is well.

        Raises:
            RefusedError: it does not within so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self._opener.open(f"{self.url}/health", timeout=10) as answer:
                    if answer.status == 200:
                        return
                    said = f"HTTP {answer.status}"
            except OSError as error:
                said = str(getattr(error, "reason", error))
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"{self.url} did not answer within {seconds:g} s: {said}; is Superset running there?"
                )
            time.sleep(_PAUSE)

    def sign_in(self, user: str, password: str) -> None:
        """Get a token, and what a form must show.

        Raises:
            RefusedError: it refuses the user.
        """
        body = {"username": user, "password": password, "provider": "db", "refresh": False}
        try:
            token = self.ask("/api/v1/security/login", json.dumps(body).encode(), "application/json")[
                "access_token"
            ]
        except RefusedError as error:
            raise RefusedError(
                f"{self.url} refuses the user {user}: {error}; see SUPERSET_USER, SUPERSET_PASSWORD"
            ) from None
        self._headers["Authorization"] = f"Bearer {token}"
        self._headers["X-CSRFToken"] = self.ask("/api/v1/security/csrf_token/")["result"]
        self._headers["Referer"] = self.url

    def ask(self, path: str, body: bytes | None = None, kind: str | None = None) -> Any:
        """What it answers, as plain data; with a body it is a POST.

        Raises:
            RefusedError: it answers with an error, with something that is no JSON, or not at all.
        """
        headers = {**self._headers, "Accept": "application/json"} | (
            {} if kind is None else {"Content-Type": kind}
        )
        asked = urllib.request.Request(f"{self.url}{path}", body, headers)  # noqa: S310  the address is the caller's own
        try:
            with self._opener.open(asked, timeout=_ANSWER) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = self._hidden(_words(error.read().decode(errors="replace")))
            raise RefusedError(f"HTTP {error.code}: {said}") from None
        except (OSError, ValueError) as error:
            raise RefusedError(f"{self.url}{path}: {self._hidden(str(error))}") from None

    def send(self, path: str, fields: Mapping[str, str], name: str, content: bytes) -> Any:
        """A form with one file."""
        border = uuid4().hex
        parts = [
            f'--{border}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in fields.items()
        ]
        head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="bundle.zip"\r\n'
        parts += [
            f"{head}Content-Type: application/zip\r\n\r\n".encode(),
            content,
            f"\r\n--{border}--\r\n".encode(),
        ]
        return self.ask(path, b"".join(parts), f"multipart/form-data; boundary={border}")

    def _hidden(self, words: str) -> str:
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return words


def import_bundle(superset: Superset, url: str, password: str | None) -> None:
    """Import everything, in place of what was imported before.

    Raises:
        RefusedError: Superset refuses it.
        ValueError: the database's address is none.
    """
    place = place_of(url, password)
    secrets = {} if place.password is None else {DATABASE: place.password}
    superset.send(
        "/api/v1/assets/import/", {"passwords": json.dumps(secrets)}, "bundle", build(place.address)
    )


def rows_by_chart(superset: Superset) -> dict[str, int | str]:
    """How many rows each chart of the bundle has, or why it has no answer."""
    found: dict[str, int | str] = {}
    there = {
        one["slice_name"]: one["id"] for one in superset.ask(f"/api/v1/dashboard/{SLUG}/charts")["result"]
    }
    for name, content in files():
        if not name.startswith("charts/"):
            continue
        title = content["slice_name"]
        try:
            answer = superset.ask(f"/api/v1/chart/{there[title]}/data/?force=true")
            found[title] = answer["result"][0]["rowcount"]
        except (RefusedError, KeyError) as error:
            found[title] = str(error)
    return found


def _words(body: str) -> str:
    """What an error says, of the forms that Superset has for it."""
    try:
        answer = json.loads(body)
    except ValueError:
        return " ".join(body.split())[:300]
    if not isinstance(answer, dict):
        return str(answer)
    told = [str(one.get("message", one)) for one in answer.get("errors", ())]
    extra = [json.dumps(one["extra"]) for one in answer.get("errors", ()) if one.get("extra")]
    return "; ".join([*told, *extra]) or str(answer.get("message", answer))


def main() -> int:
    """Import and tell; 0, 1 where a chart has no answer, 2 for wrong usage, 3 where Superset is away or refuses."""
    parser = argparse.ArgumentParser(description="Brings the bundle into a running Superset.")
    parser.add_argument(
        "--url", default=os.environ.get("SUPERSET_URL", "http://localhost:8088"), help="SUPERSET_URL"
    )
    parser.add_argument(
        "--user", default=os.environ.get("SUPERSET_USER", "admin"), help="SUPERSET_USER, else admin"
    )
    parser.add_argument(
        "--database",
        default=os.environ.get("STREAMGAUGE_DATABASE"),
        metavar="URL",
        help="postgresql://USER@HOST/DATABASE as Superset reaches it; default: STREAMGAUGE_DATABASE. Password: PGPASSWORD",
    )
    parser.add_argument(
        "--wait", type=float, default=300.0, metavar="SECONDS", help="how long Superset may take (300)"
    )
    words = parser.parse_args()
    password, database_password = os.environ.get("SUPERSET_PASSWORD"), os.environ.get("PGPASSWORD")
    if password is None or words.database is None:
        missing = "SUPERSET_PASSWORD" if password is None else "STREAMGAUGE_DATABASE (or --database URL)"
        print(f"import_bundle.py: set {missing}", file=sys.stderr)  # noqa: T201
        return 2
    try:
        place = place_of(words.database, database_password)
        superset = Superset(words.url, [password, place.password or ""])
        superset.wait(words.wait)
        superset.sign_in(words.user, password)
        import_bundle(superset, words.database, database_password)
        return _told(superset, rows_by_chart(superset))
    except ValueError as error:
        print(f"import_bundle.py: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except RefusedError as error:
        print(f"import_bundle.py: {error}", file=sys.stderr)  # noqa: T201
        return error.code


def _told(superset: Superset, found: Mapping[str, int | str]) -> int:
    for title, rows in found.items():
        print(f"{title}: {rows if isinstance(rows, str) else f'{rows:,} rows'}")  # noqa: T201
    print(f"{superset.url}/superset/dashboard/{SLUG}/")  # noqa: T201
    return int(any(isinstance(rows, str) for rows in found.values()))


if __name__ == "__main__":
    sys.exit(main())
