"""A theme: what its colours are, by the role each has on the screen."""

from typing import Literal

from msgspec import Struct

Appearance = Literal["dark", "light"]


class Theme(Struct, frozen=True):
    """All colours of a theme, also those it leaves out: "#rrggbb", 0-255, or "" for the terminal's own."""

    name: str
    appearance: Appearance
    colors: dict[str, str | int]
    export: dict[str, str] = {}  # pageBg, cardBg and infoBg of HTML, as far as given: "#rrggbb"
