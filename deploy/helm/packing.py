"""The library chart ``parts``, packed into the ``charts`` folder of each chart that names it.

Helm installs a checkout only if its dependencies lie there already. It can pack them itself (``helm dependency update``),
but writes other bytes each time; here the same text gives the same bytes, so that git keeps them once for all charts.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import yaml

CHARTS = Path(__file__).parent
LIBRARY = CHARTS / "parts"


def vendor() -> None:
    """Pack the library anew, and take away what was packed of it before."""
    version = yaml.safe_load((LIBRARY / "Chart.yaml").read_text("utf-8"))["version"]
    content = packed()
    for chart in users():
        folder = chart / "charts"
        folder.mkdir(exist_ok=True)
        for old in folder.glob(f"{LIBRARY.name}-*.tgz"):
            old.unlink()
        (folder / f"{LIBRARY.name}-{version}.tgz").write_bytes(content)


def users() -> list[Path]:
    """The charts that name the library among their dependencies."""
    charts = {path.parent: yaml.safe_load(path.read_text("utf-8")) for path in CHARTS.glob("*/Chart.yaml")}
    return sorted(
        folder
        for folder, chart in charts.items()
        if LIBRARY.name in [one["name"] for one in chart.get("dependencies", [])]
    )


def files() -> dict[str, bytes]:
    """What is packed, by its name in the archive."""
    paths = sorted(path for path in LIBRARY.rglob("*") if path.is_file())
    return {path.relative_to(CHARTS).as_posix(): path.read_bytes() for path in paths}


def packed() -> bytes:
    """The archive, without the times and owners of files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files().items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)
