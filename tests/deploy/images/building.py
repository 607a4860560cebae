"""Builds the images of ``deploy/images`` with buildah, layer by layer kept in ``.cache/images/``.

No registry is asked. What stands in ``FROM`` is made here instead, of Debian's packages (``bases/``), and gets that
name: so the steps of our Dockerfiles run as they are, on programs of nearly the same versions.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil

from tests.deploy.compose import ROOT
from tests.services.fetching import alone
from tests.services.kafka.install import jars
from tests.services.missing import CannotBeHadError

BASES = Path(__file__).parent / "bases"
CACHE = ROOT / ".cache" / "images"
DEBIAN = "http://deb.debian.org/debian"
STANDS_IN = {
    "apache/kafka": "kafka",
    "busybox": "busybox",
    "eclipse-temurin": "temurin",
    "maven": "maven",
    "python": "python",
}
"""What is made in place of which repository of images: a file of ``bases/``."""
SHARED = {"kafka": "java", "temurin": "java"}
"""What a stand-in stands on, where that is not Debian itself."""
LENT = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/java/cacerts")
"""Whom this machine trusts; steps that fetch something see it, images do not keep it."""


@dataclass(frozen=True, slots=True)
class Image:
    """One that was built.

    Attributes:
        name: in the store of :data:`CACHE`.
        settings: as Dockerfiles call them: ``User``, ``Env``, ``Entrypoint``, ``Cmd``, ``WorkingDir``, ``Volumes``.
    """

    name: str
    settings: Mapping[str, object]


def built(folder: str, target: str | None = None) -> Image:
    """The image of ``deploy/images/FOLDER``, built of the working tree; what did not change is not built again.

    Raises:
        CannotBeHadError: not root, or a program is missing here.
        RuntimeError: it does not build; the text ends with what buildah says.
    """
    _demand()
    file = ROOT / "deploy" / "images" / folder / "Dockerfile"
    own, others = stands_on(file.read_text("utf-8"), target)
    lent = [word for path in LENT if Path(path).exists() for word in ("--volume", f"{path}:{path}:ro")]
    with alone(CACHE):
        _tidy()
        for base in others:
            _stand_in(base)
        for stage in own:  # by its name it stays, and so do its layers
            _build(file, ROOT, _named(folder, stage), *lent, "--target", stage)
        name = _named(folder, target)
        _build(file, ROOT, name, *lent, *(["--target", target] if target else []))
        told = json.loads(buildah("inspect", "--type", "image", name))
        with suppress(RuntimeError):  # another run may use some of them
            buildah("rmi", "--prune")
    return Image(name, told["OCIv1"]["config"])


def stands_on(text: str, target: str | None = None) -> tuple[list[str], list[str]]:
    """What a Dockerfile, or one stage of it, is made of: its own other stages, and images of others."""
    given = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, flags=re.MULTILINE))
    stages: dict[str, list[str]] = {}
    for stage in re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]:
        named = re.match(r"FROM \S+ AS (\S+)", stage)
        froms = re.findall(r"(?:^FROM |--from=)(\S+)", stage, flags=re.MULTILINE)
        last = named[1] if named else ""
        stages[last] = [given.get(one.strip("${}"), one) for one in froms]
    asked: list[str] = [last if target is None else target]
    own: list[str] = []
    others: list[str] = []
    while asked:
        for one in stages[asked.pop()]:
            if one in stages:
                asked.append(one)
                own.insert(0, one)
            else:
                others.append(one)
    return list(dict.fromkeys(own)), list(dict.fromkeys(others))


def _named(folder: str, stage: str | None) -> str:
    return f"localhost/streamgauge-{folder}-{stage or 'whole'}:test"


@contextmanager
def mounted(image: Image) -> Iterator[Path]:
    """The image's files, as a folder of this machine."""
    container = f"test-{os.getpid()}-{uuid4().hex[:8]}"
    buildah("from", "--pull-never", "--name", container, image.name)
    try:
        yield Path(buildah("mount", container).strip())
    finally:
        buildah("umount", container)
        buildah("rm", container)


def buildah(*arguments: str) -> str:
    """What it prints.

    Raises:
        RuntimeError: it failed.
    """
    stored = [
        "--root",
        str(CACHE / "storage"),
        "--runroot",
        str(CACHE / "running"),
        "--storage-driver",
        _driver(),
    ]
    done = subprocess.run(
        ["buildah", *stored, *arguments], env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"buildah {' '.join(arguments)}:\n{done.stdout[-6000:]}")
    return done.stdout


def _tidy() -> None:
    """Take away what test runs left behind that were killed, and their builds: nobody else builds here now."""
    for name in buildah("containers", "--format", "{{.ContainerName}}").split():
        made_by = re.match(r"test-(\d+)-", name)
        if not made_by or not psutil.pid_exists(int(made_by[1])):
            buildah("umount", name)
            buildah("rm", name)


def _build(file: Path, context: Path, name: str, *more: str) -> None:
    buildah("bud", "--pull-never", "--layers", *more, "-t", name, "-f", str(file), str(context))


def _stand_in(name: str) -> None:
    base = STANDS_IN[name.partition(":")[0]]
    repository = name if "/" in name else f"library/{name}"
    if not _known("docker.io/library/debian:bookworm"):
        _debian()
    if base in SHARED:
        _build(BASES / f"{SHARED[base]}.Dockerfile", BASES, f"localhost/stand-in/{SHARED[base]}:here")
    file, context = BASES / f"{base}.Dockerfile", jars() if base == "kafka" else BASES
    for stage in stands_on(file.read_text("utf-8"))[0]:
        _build(file, context, f"localhost/stand-in/{base}-{stage}:here", "--target", stage)
    _build(file, context, f"docker.io/{repository}")


def _debian() -> None:
    folder = CACHE / "debian"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", "bookworm", str(folder), DEBIAN], text=True, capture_output=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise CannotBeHadError(f"debootstrap could not bring Debian from {DEBIAN}:\n{done.stdout[-1000:]}")
    container = buildah("from", "scratch").strip()
    buildah("add", "-q", container, str(folder), "/")
    buildah("commit", "-q", "--rm", container, "docker.io/library/debian:bookworm")
    shutil.rmtree(folder)


def _known(name: str) -> bool:
    try:
        buildah("inspect", "--type", "image", name)
    except RuntimeError:
        return False
    return True


def _driver() -> str:
    """Layers that share their files, where this machine's file system can do that; whole copies elsewhere."""
    kept = CACHE / "driver"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        probe = [
            "--root",
            str(CACHE / "probe"),
            "--runroot",
            str(CACHE / "probe-running"),
            "--storage-driver",
            "overlay",
        ]
        done = subprocess.run(["buildah", *probe, "info"], capture_output=True, check=False)
        kept.write_text("overlay" if done.returncode == 0 else "vfs")
        shutil.rmtree(CACHE / "probe", ignore_errors=True)
    return kept.read_text()


def _demand() -> None:
    if os.name != "posix" or os.geteuid() != 0:
        raise CannotBeHadError(
            "images are built and started by root here: run it as root, such as in a virtual machine"
        )
    missing = [
        name
        for name in ("buildah", "crun", "debootstrap", "nsenter", "unshare")
        if shutil.which(name) is None
    ]
    if missing:
        raise CannotBeHadError(
            f"{' and '.join(missing)} missing: install, such as `apt-get install buildah crun debootstrap util-linux`"
        )
