"""One look: the style sheet of the on-call pages begins with the colours of the app."""

from pathlib import Path

import pytest

from streamgauge.dashboard import theme
from streamgauge.server import pages

SHEET = Path(pages.__file__).parent / "static" / "pages.css"


def test_the_on_call_pages_have_the_same_colours():
    assert SHEET.read_text("utf-8").startswith(theme.style())


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_can_be_told_from_the_ground(scheme):
    ground = luminance(theme.palette(scheme).ground)
    for colour in (*theme.series(scheme), theme.palette(scheme).bad, theme.palette(scheme).quiet):
        dark, bright = sorted((luminance(colour), ground))
        assert (bright + 0.05) / (dark + 0.05) > 3


def test_the_apps_settings_name_both_schemes():
    told = theme.settings()
    assert told["theme.light.backgroundColor"] == theme.LIGHT.ground
    assert told["theme.dark.primaryColor"] == theme.DARK.line
