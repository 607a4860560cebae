"""Builds Kubernetes' own programs, Helm and kwok out of Go's module proxy, once, into ``.cache/kubernetes/``.

A quarter of an hour of one core's time at first, where Go's own caches are empty too; nothing afterwards. Etcd comes as Debian's package, unpacked.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.services.fetching import alone, debian
from tests.services.kubernetes.fetching import CACHE, downloaded, go

KUBERNETES = "v1.36.3"
KWOK = "v0.8.0"
HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0"
STAGES = ("node/fast/node-initialize", "node/heartbeat/node-heartbeat", "pod/fast/pod-ready",
          "pod/fast/pod-complete", "pod/fast/pod-delete")  # fmt: skip
"""What kwok says in place of machines, out of its own sources: nodes are there, pods start, jobs end, pods go."""
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_HOUR = 3600.0


def programs() -> dict[str, Path]:
    """Where each program lies; what is missing is built.

    Raises:
        CannotBeHadError: Go or Debian's tools are missing, or something cannot be fetched.
    """
    with alone(CACHE):
        missing = [name for name in PROGRAMS if not (CACHE / name).exists()]
        if missing:
            _build(missing)
        for name, module in (("kwok", f"sigs.k8s.io/kwok/cmd/kwok@{KWOK}"), ("helm", HELM)):
            if not (CACHE / name).exists():
                go("install", "-trimpath", module, seconds=_HOUR, GOBIN=str(CACHE))
        return {**{name: CACHE / name for name in (*PROGRAMS, "kwok", "helm")}, "etcd": _etcd()}


def stages() -> Path:
    """The file of what kwok does with nodes and pods.

    Raises:
        CannotBeHadError: it cannot be fetched.
    """
    file = CACHE / f"stages-{KWOK}.yaml"
    with alone(CACHE):
        if not file.exists():
            folder = Path(downloaded(f"sigs.k8s.io/kwok@{KWOK}")["Dir"]) / "kustomize" / "stage"
            texts = [(folder / f"{name}.yaml").read_text("utf-8") for name in STAGES]
            file.write_text("\n---\n".join(texts), "utf-8")
    return file


def _build(names: list[str]) -> None:
    """Kubernetes' parts have versions of their own only outside of its repository: a module of ours says which."""
    folder = CACHE / "build"
    folder.mkdir(exist_ok=True)
    source = Path(downloaded(f"k8s.io/kubernetes@{KUBERNETES}")["GoMod"]).read_text("utf-8")
    parts = re.findall(r"^\s*(k8s\.io/[\w-]+) => \./staging", source, flags=re.MULTILINE)
    version = re.search(r"^go (\S+)$", source, flags=re.MULTILINE)
    assert parts
    assert version is not None
    replaced = "".join(f"\t{part} => {part} v0.{KUBERNETES.removeprefix('v1.')}\n" for part in parts)
    (folder / "go.mod").write_text(
        f"module kubernetes.test/build\n\ngo {version[1]}\n\n"
        f"require k8s.io/kubernetes {KUBERNETES}\n\nreplace (\n{replaced})\n",
        "utf-8",
    )
    wanted = [f"k8s.io/kubernetes/cmd/{name}" for name in names]
    go("build", "-trimpath", "-ldflags=-s -w", "-o", str(CACHE), *wanted, folder=folder, seconds=_HOUR)


def _etcd() -> Path:
    own = shutil.which("etcd")
    if own is not None:
        return Path(own)
    file = CACHE / "debian" / "usr" / "bin" / "etcd"
    if not file.exists():
        debian("etcd-server", CACHE / "debian")
    return file
