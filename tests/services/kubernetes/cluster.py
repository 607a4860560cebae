"""One Kubernetes on loopback ports: everything but machines is real, and kwok says what machines would say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from tests.services.kubernetes.install import programs, stages
from tests.services.missing import CannotBeHadError
from tests.services.process import Server, ServerProcess, free_ports

PATIENCE = 120.0
_TOKEN = "token-of-the-tests"
_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "kwok-1",
        "annotations": {"kwok.x-k8s.io/node": "fake"},
        "labels": {"kubernetes.io/hostname": "kwok-1", "type": "kwok"},
    },
    "status": {"allocatable": {"cpu": "32", "memory": "256Gi", "pods": "110"}, "capacity": {"cpu": "32", "memory": "256Gi", "pods": "110"}},
}  # fmt: skip


class Cluster(Server):
    """An API server with etcd, the controllers, the scheduler, and one node that is kwok's.

    Pods are scheduled, and count as started and ready as far as their objects are right; no container runs, and
    nothing enforces network policies.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-kubernetes-"))
        self._programs: dict[str, Path] = {}
        self._servers: list[ServerProcess] = []
        self._ports = free_ports(5)

    def start(self) -> Self:
        """Bring everything up; a minute on a busy machine.

        Raises:
            CannotBeHadError: something cannot be built or fetched here.
            RuntimeError: something did not come up.
        """
        self._programs = programs()
        if shutil.which("openssl") is None:
            raise CannotBeHadError("openssl is not here: install it, such as `apt-get install openssl`")
        self._write_files()
        etcd, peers, api, manager, scheduler = self._ports
        keys = {"key": self.folder / "accounts.key", "public": self.folder / "accounts.pub"}
        self._run("etcd", [
            "--data-dir", str(self.folder / "etcd"), "--log-level", "error",
            "--listen-client-urls", f"http://127.0.0.1:{etcd}", "--advertise-client-urls", f"http://127.0.0.1:{etcd}",
            "--listen-peer-urls", f"http://127.0.0.1:{peers}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peers}",
            "--initial-cluster", f"default=http://127.0.0.1:{peers}",
        ])  # fmt: skip
        # Debian's etcd cannot stream first lists; who believes that it can is told of changes half a minute later.
        self._run("kube-apiserver", [
            "--etcd-servers", f"http://127.0.0.1:{etcd}", "--bind-address", "127.0.0.1", "--secure-port", str(api),
            "--cert-dir", str(self.folder / "certificates"), "--service-cluster-ip-range", "10.96.0.0/16",
            "--token-auth-file", str(self.folder / "tokens.csv"), "--authorization-mode", "RBAC", "--feature-gates", "WatchList=false",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", str(keys["public"]), "--service-account-signing-key-file", str(keys["key"]),
        ])  # fmt: skip
        self._wait(lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        shared = ["--kubeconfig", str(self.config), "--bind-address", "127.0.0.1", "--leader-elect=false"]
        self._run("kube-controller-manager", [
            *shared, "--secure-port", str(manager), "--service-account-private-key-file", str(keys["key"]),
            "--root-ca-file", str(self.folder / "certificates" / "apiserver.crt"),
            "--horizontal-pod-autoscaler-sync-period", "2s",
        ])  # fmt: skip
        self._run("kube-scheduler", [*shared, "--secure-port", str(scheduler)])
        self._run("kwok", [
            "--kubeconfig", str(self.config), "--config", str(stages()), "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector", "kwok.x-k8s.io/node=fake",
        ])  # fmt: skip
        self.apply(_NODE)
        self.kubectl("wait", "--for=condition=Ready", "node/kwok-1", "--timeout=120s")
        return self

    @property
    def config(self) -> Path:
        """The kubeconfig of somebody who may do everything."""
        return self.folder / "kubeconfig.json"

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """What kubectl prints; without ``check`` also what it complains of."""
        return self._call("kubectl", arguments, given, check=check)

    def helm(self, *arguments: str, check: bool = True) -> str:
        """What helm prints."""
        return self._call("helm", arguments, None, check=check)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Make objects, or change them to this."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(listed))

    def get(self, *arguments: str) -> dict[str, Any]:
        """One object, or a list."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def namespace(self, name: str) -> str:
        """A new one, held to the ``restricted`` standard, in which pods can be made."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self._wait(lambda: "default" in self.kubectl("-n", name, "get", "serviceaccounts", "-o", "name"))
        return name

    def close(self) -> None:
        """End it all, the last started first."""
        for server in reversed(self._servers):
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_files(self) -> None:
        key, public = self.folder / "accounts.key", self.folder / "accounts.pub"
        for command in (
            ["openssl", "genrsa", "-out", str(key), "2048"],
            ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(public)],
        ):
            subprocess.run(command, check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f"{_TOKEN},admin,admin,system:masters\n", "utf-8")
        address = f"https://127.0.0.1:{self._ports[2]}"
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": address, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "u", "user": {"token": _TOKEN}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        self.config.write_text(json.dumps(kubeconfig), "utf-8")

    def _run(self, name: str, arguments: list[str]) -> None:
        command = [str(self._programs[name]), *arguments]
        self._servers.append(ServerProcess(command, self.folder / f"{name}.log"))

    def _call(self, name: str, arguments: tuple[str, ...], given: str | None, *, check: bool) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.config), "HOME": str(self.folder)}
        done = subprocess.run(
            [str(self._programs[name]), *arguments], input=given, env=environment, capture_output=True,
            text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode and check:
            raise RuntimeError(f"{name} {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout if check else (done.stdout + done.stderr).strip()

    def _wait(self, holds: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            ended = [server for server in self._servers if not server.running]
            if ended or time.monotonic() > deadline:
                words = (ended or self._servers)[0].last_words()
                self.close()
                raise RuntimeError(f"Kubernetes did not come up:\n{words}")
            time.sleep(0.1)
