"""One look for the analysis app and the on-call pages: every colour, in light and in dark.

``pages.css`` of the on-call pages begins with :func:`style`; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Literal, TypeAlias

Scheme: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one scheme, as ``#rrggbb`` or ``#rrggbbaa``.

    Attributes:
        ground, raised: behind everything, and of what lies on it.
        text, quiet, rule, link: what is read, what is read second, what separates, what leads on.
        good, bad, warn: how something stands, as text; ``…_ground``: behind such a text.
        line, band: of the series that is looked at, and of what was expected of it.
    """

    ground: str
    raised: str
    text: str
    quiet: str
    rule: str
    link: str
    good: str
    bad: str
    warn: str
    bad_ground: str
    warn_ground: str
    good_ground: str
    line: str
    band: str


LIGHT = Palette(
    ground="#f7f8f9", raised="#ffffff", text="#1b1f24", quiet="#57606a", rule="#d5dae0", link="#0b5fa5",
    good="#176f2c", bad="#b3261e", warn="#8a5300", bad_ground="#fdeceb", warn_ground="#fff3dc",
    good_ground="#e7f5ea", line="#0b7285", band="#0b728533",
)  # fmt: skip
DARK = Palette(
    ground="#14171a", raised="#1d2125", text="#e6e9ec", quiet="#a3adb8", rule="#363d45", link="#7cc0ff",
    good="#7bd88f", bad="#ff9d94", warn="#ffc661", bad_ground="#4a1f1c", warn_ground="#45330f",
    good_ground="#17381f", line="#4fc3d9", band="#4fc3d933",
)  # fmt: skip

SERIES: dict[Scheme, tuple[str, ...]] = {
    "light": ("#0b7285", "#9c4a00", "#5f3dc4", "#a61e4d", "#2b6a30", "#495057", "#1864ab", "#7a5c00"),
    "dark": ("#4fc3d9", "#ffa94d", "#b197fc", "#faa2c1", "#8ce99a", "#ced4da", "#74c0fc", "#ffe066"),
}
"""For several series in one chart; the first is the line's own."""

_LINES = (0, 6, 11, 14)
"""Where lines of the style sheet begin, as it is written."""


def palette(scheme: str | None) -> Palette:
    """Of ``dark``, else the light one."""
    return DARK if scheme == "dark" else LIGHT


def series(scheme: str | None) -> tuple[str, ...]:
    """The colours of several series."""
    return SERIES["dark" if scheme == "dark" else "light"]


def style() -> str:
    """The colours as variables of CSS: what the style sheet of the on-call pages begins with."""
    light, dark = _variables(LIGHT, "  "), _variables(DARK, "    ")
    return f":root {{\n{light}\n}}\n@media (prefers-color-scheme: dark) {{\n  :root {{\n{dark}\n  }}\n}}\n"


def settings() -> dict[str, str]:
    """Streamlit's own settings of the look, by name; the reader's system chooses between the two schemes."""
    found = {
        "theme.font": "system-ui, sans-serif",
        "theme.baseRadius": "0.4rem",
        "theme.headingFontSizes": '["1.6rem", "1.35rem", "1.1rem", "1rem", "1rem", "1rem"]',
    }
    for scheme, colours in (("light", LIGHT), ("dark", DARK)):
        named = {
            "primaryColor": colours.line,
            "backgroundColor": colours.ground,
            "secondaryBackgroundColor": colours.raised,
            "textColor": colours.text,
            "linkColor": colours.link,
            "borderColor": colours.rule,
            "redColor": colours.bad,
            "redTextColor": colours.bad,
            "redBackgroundColor": colours.bad_ground,
            "orangeTextColor": colours.warn,
            "orangeBackgroundColor": colours.warn_ground,
            "yellowTextColor": colours.warn,
            "yellowBackgroundColor": colours.warn_ground,
            "greenTextColor": colours.good,
            "greenBackgroundColor": colours.good_ground,
        }
        found |= {f"theme.{scheme}.{name}": colour for name, colour in named.items()}
    return found


def _variables(colours: Palette, indent: str) -> str:
    each = [f"--{field.name.replace('_', '-')}: {getattr(colours, field.name)};" for field in fields(colours)]
    return "\n".join(indent + " ".join(each[start:end]) for start, end in pairwise(_LINES))
