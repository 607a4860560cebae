"""The shape of the file a user writes, and how it is read: all mistakes at once, each with its place."""

from streamgauge.config.load import load
from streamgauge.config.mistakes import ConfigErrors, Mistake
from streamgauge.config.models import Config

__all__ = ["Config", "ConfigErrors", "Mistake", "load"]
