"""A real browser for the pages' tests: Debian's Chromium, driven by Playwright."""

from tests.services.chromium.browser import Chromium

__all__ = ["Chromium"]
