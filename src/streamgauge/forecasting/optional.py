"""Models that need a library which is not always there: named here, imported only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from streamgauge.errors import OutsideError
from streamgauge.forecasting.models import CarriedOn

NEEDS: Mapping[str, tuple[str, str]] = {
    "gradient_boosting": ("sklearn", "boosting"),
    "prophet": ("prophet", "prophet"),
}
"""By the model's name, which is its file: the library, and the extra that brings it."""


def needed(model: str) -> None:
    """Say at once that a model's library is not installed.

    Raises:
        OutsideError: with what to install.
    """
    library, extra = NEEDS.get(model, (None, None))
    if library is not None and find_spec(library) is None:
        raise OutsideError(
            f"the model {model} needs {library}, which is not installed: pip install 'streamgauge[{extra}]'"
        )


def optional(model: str) -> CarriedOn:
    """The function of a model.

    Raises:
        OutsideError: its library is not installed.
    """
    needed(model)
    return cast("CarriedOn", import_module(f"streamgauge.forecasting.{model}").carried_on)
