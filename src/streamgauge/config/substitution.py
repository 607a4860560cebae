"""``${NAME}``, ``${NAME:-default}`` and ``${file:PATH}`` within texts; ``$${`` stands for a plain ``${``.

Substitution happens after YAML is read, so what is put in can never change the file's structure. What came
in counts as a secret from then on, defaults and what is said to be plain excepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_REFERENCE = re.compile(r"\$(?P<escaped>\$)?\{(?P<inner>[^}]*)(?P<end>\})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SubstitutionError(ValueError):
    """A reference that leads nowhere; the text names it, never a value."""


class Substitution:
    """Replaces references, and remembers what they brought.

    Attributes:
        secrets: each text brought in, with the reference that did.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path, plain: frozenset[str] = frozenset()) -> None:
        """``folder`` is where relative paths of secret files start; ``plain`` names variables that are no secrets."""
        self._environ = environ
        self._folder = folder
        self._plain = plain
        self.secrets: dict[str, str] = {}

    def apply(self, text: str) -> str:
        """``text`` with every reference replaced.

        Raises:
            SubstitutionError: a variable that is not set, a file that cannot be read, a broken reference.
        """
        return _REFERENCE.sub(self._replace, text) if "${" in text else text

    def _replace(self, match: re.Match[str]) -> str:
        inner = match["inner"]
        if match["escaped"]:
            return match[0][1:]
        if match["end"] is None:
            raise SubstitutionError("`${` without a closing `}`; write `$${` for a plain `${`")
        if inner.startswith("file:"):
            return self._keep(self._from_file(inner.removeprefix("file:").strip()), f"${{{inner}}}")
        name, divider, default = inner.partition(":-")
        if not _NAME.fullmatch(name):
            raise SubstitutionError(
                f"`${{{' '.join(inner.split())}}}` is not a reference; write ${{NAME}}, ${{NAME:-default}} or ${{file:PATH}}, "
                "and `$${` for a plain `${`"
            )
        if name in self._environ and name in self._plain:
            return self._environ[name]
        if name in self._environ:
            return self._keep(self._environ[name], f"${{{name}}}")
        if divider:
            return default
        raise SubstitutionError(
            f"environment variable `{name}` is not set; set it, or write ${{{name}:-default}}"
        )

    def _from_file(self, name: str) -> str:
        path = self._folder / name
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            reason = "it is not UTF-8 text"
        raise SubstitutionError(f"secret file `{' '.join(name.split())}` cannot be read: {reason}")

    def _keep(self, secret: str, reference: str) -> str:
        for form in {secret, repr(secret)[1:-1], secret.strip()}:
            if form:
                self.secrets.setdefault(form, reference)
        return secret
