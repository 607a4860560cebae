"""Print the JSON Schema of the configuration file, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write it to this file instead.", show_default=False)
    ] = None,
) -> None:
    """Print the JSON Schema of the configuration file, for editors.

    Editors that know the YAML language server complete and check the file when its first line says
    `# yaml-language-server: $schema=streamgauge.schema.json`.

    Example: streamgauge schema --out streamgauge.schema.json
    """
    from streamgauge.config.schema import schema_text

    text = schema_text()
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
