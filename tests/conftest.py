"""Fixtures that all tests may use."""

import gc
import importlib
import logging
import os
import signal
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

CACHE = Path(__file__).parent.parent / ".cache"
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE / "numba"))

# Many tests start processes; where bytecode is not kept each of them would compile every library anew.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(CACHE / "bytecode"))
sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]

# Of a run in the background the shell lets Ctrl-C be ignored, and so would every child that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def patient() -> None:
    """Five seconds, which httpx gives requests that say nothing, is little on a machine that does much else."""
    from httpx import _config

    for step in ("connect", "read", "write", "pool"):
        setattr(_config.DEFAULT_TIMEOUT_CONFIG, step, 60.0)


patient()


def certificates_read_once() -> None:
    """To read those of all authorities, as httpx does for each client that names none, takes longer than most requests."""
    default: Any = importlib.import_module("httpx._transports.default")
    make, made = default.create_ssl_context, dict[Any, ssl.SSLContext]()

    def context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            given: ssl.SSLContext = make(verify, cert, trust_env)
            return given
        places = (trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if places not in made:
            made[places] = make(verify, cert, trust_env)
        return made[places]

    default.create_ssl_context = context


certificates_read_once()

# Servers that tests start in this process are nobody's news, least of all that of a verb that runs beside them.
for library in ("werkzeug", "mail.log"):
    logging.getLogger(library).setLevel(logging.WARNING)

# Ten thousand tests and the libraries that they stand on stay to the end. To walk through them again and again would be
# a quarter of a run's time.
gc.set_threshold(100_000, 20, 20)


def pytest_collection_finish() -> None:
    """Set aside what was read."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_log_of_the_last_test() -> Iterator[None]:
    """A verb that runs in this process logs to the error output of its test; the next one begins as a new process does."""
    yield
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if type(handler) is not logging.StreamHandler]
    structlog.reset_defaults()


# How long one example takes says nothing on a machine that others use too. Before a merge the same examples are drawn
# each time: what was not changed cannot fail by luck. Everybody else draws new ones, `make soak` twenty times as many.
settings.register_profile("shared", deadline=None, derandomize="STREAMGAUGE_REQUIRE_SERVICES" in os.environ)
settings.load_profile("shared")

pytest_plugins = ["tests.services.plugin", "tests.thorough", "tests.order", "tests.new_stores"]
