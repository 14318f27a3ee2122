"""The colours of entities: one a name, always the same, readable on light and dark.

Colours are made in OKLCH (Ottosson, 2020), where equal lightness looks equal at every hue; so one lightness for
backgrounds and one for text give the contrast, whatever the name. Only the hue differs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

# Names that many data sets share, far apart on the wheel: CoNLL, OntoNotes, WNUT and GMB call the same kinds
# differently.
HUES = {
    **dict.fromkeys(("PER", "PERSON"), 255),
    **dict.fromkeys(("ORG", "ORGANIZATION", "CORPORATION"), 60),
    **dict.fromkeys(("LOC", "LOCATION"), 150),
    **dict.fromkeys(("GPE", "GEO"), 190),
    **dict.fromkeys(("MISC",), 320),
    **dict.fromkeys(("DATE", "TIM", "TIME"), 100),
    **dict.fromkeys(("PRODUCT", "ART", "WORK_OF_ART", "CREATIVE-WORK"), 25),
    **dict.fromkeys(("EVENT", "EVE"), 350),
    **dict.fromkeys(("NORP", "GROUP"), 290),
    **dict.fromkeys(("FAC", "FACILITY"), 170),
    **dict.fromkeys(("MONEY",), 130),
    **dict.fromkeys(("LANGUAGE",), 220),
    **dict.fromkeys(("LAW",), 5),
    # Of texts, and of answers to tests.
    **dict.fromkeys(("POSITIVE",), 150),
    **dict.fromkeys(("NEGATIVE",), 330),
    **dict.fromkeys(("WRONG",), 25),
    **dict.fromkeys(("UNSURE",), 85),
}
PLACES = "BIESLU"
# Prime to 360, and near the golden angle: names with neighbouring sums get hues far apart.
STEP = 137


class Colors(NamedTuple):
    """Colours of one kind of entity, as ``#rrggbb``.

    Attributes:
        light, light_name: backgrounds of its text (black) and of its name (white) on a light page.
        dark, dark_name: backgrounds of its text (white) and of its name (black) on a dark page.
    """

    light: str
    light_name: str
    dark: str
    dark_name: str


# Text on those backgrounds.
ON_LIGHT, ON_LIGHT_NAME = "#111111", "#ffffff"
ON_DARK, ON_DARK_NAME = "#ffffff", "#111111"


def kind_of(label: str) -> str:
    """The kind without its place: ``B-PER`` and ``I-PER`` have the colour of ``PER``."""
    place, hyphen, kind = label.partition("-")
    return kind if hyphen and kind and len(place) == 1 and place in PLACES else label


def hue_of(label: str) -> int:
    """The hue of a label in degrees, the same in every output."""
    kind = kind_of(label).upper()
    return HUES.get(kind, crc32(kind.encode("utf-8")) * STEP % 360)


@lru_cache(maxsize=1024)
def colors_of(label: str) -> Colors:
    """The colours of a label."""
    hue = hue_of(label)
    return Colors(oklch(0.90, 0.075, hue), oklch(0.46, 0.12, hue), oklch(0.40, 0.085, hue), oklch(0.84, 0.10, hue))


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """An OKLCH colour as ``#rrggbb``; where sRGB has no such colour, the most vivid one of this lightness and hue.

    Example:
        >>> oklch(1.0, 0.0, 0), oklch(0.62796, 0.25768, 29.234)
        ('#ffffff', '#ff0000')
    """
    angle = math.radians(hue)
    while True:
        a, b = chroma * math.cos(angle), chroma * math.sin(angle)
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        # Half a step of 8 bits is rounding; more is a colour that a screen cannot show.
        if all(-0.0005 <= value <= 1.0005 for value in linear) or chroma == 0:
            return "#" + "".join(f"{_eight_bits(value):02x}" for value in linear)
        chroma = max(0.0, chroma - 0.005)


def _eight_bits(linear: float) -> int:
    value = min(1.0, max(0.0, linear))
    return round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055))
