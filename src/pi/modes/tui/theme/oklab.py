"""The perceptual colour spaces OKLab, OKLCH and OKHSL, to and from sRGB.

After Björn Ottosson, "A perceptual color space for image processing" (2020) and "Okhsv and Okhsl"
(2021), whose matrices and coefficients these are. Channels of RGB, lightness, saturation and chroma are 0-1,
hues are degrees.
"""

from collections.abc import Callable
from functools import lru_cache
from math import atan2, cos, degrees, hypot, radians, sin

Three = tuple[float, float, float]

_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_K1, _K2 = 0.206, 0.03  # of the lightness that looks even on a screen
_K3 = (1 + _K1) / (1 + _K2)
_MID = 0.8  # the saturation at which OKHSL changes from one curve to the other
_INSIDE = 1e-4  # what rounding may put outside of the gamut


def linear(channel: float) -> float:
    """A channel of sRGB as an amount of light."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _encoded(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _times(matrix: tuple[Three, Three, Three], value: Three) -> Three:
    a, b, c = value
    rows = [x * a + y * b + z * c for x, y, z in matrix]
    return rows[0], rows[1], rows[2]


def to_oklch(rgb: Three) -> Three:
    """Lightness, chroma and hue of an sRGB colour."""
    light = _times(_TO_LMS, (linear(rgb[0]), linear(rgb[1]), linear(rgb[2])))
    lightness, a, b = _times(_TO_LAB, (light[0] ** (1 / 3), light[1] ** (1 / 3), light[2] ** (1 / 3)))
    return lightness, hypot(a, b), degrees(atan2(b, a)) % 360


def _light(lightness: float, a: float, b: float) -> Three:
    """Linear RGB of OKLab; outside of 0-1 it is no colour of the screen."""
    return _times(
        _TO_RGB,
        (
            (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
            (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
            (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3,
        ),
    )


def _srgb(light: Three) -> Three:
    r, g, b = (_encoded(min(1.0, max(0.0, channel))) for channel in light)
    return r, g, b


def from_oklch(lightness: float, chroma: float, hue: float) -> Three:
    """sRGB of OKLCH; with less chroma where the screen can't show as much, at the same lightness and hue."""
    if lightness <= 0:
        return 0.0, 0.0, 0.0
    if lightness >= 1:
        return 1.0, 1.0, 1.0
    a, b = cos(radians(hue)), sin(radians(hue))

    def fits(amount: float) -> bool:
        return all(-_INSIDE <= x <= 1 + _INSIDE for x in _light(lightness, amount * a, amount * b))

    if not fits(chroma):
        chroma = _most(fits, 0.0, chroma)
    return _srgb(_light(lightness, chroma * a, chroma * b))


def _most(fits: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def from_okhsl(hue: float, saturation: float, lightness: float) -> Three:
    """sRGB of OKHSL: every saturation of 0-1 is a colour of the screen."""
    if lightness <= 0:
        return 0.0, 0.0, 0.0
    if lightness >= 1:
        return 1.0, 1.0, 1.0
    a, b = cos(radians(hue)), sin(radians(hue))
    inner = inner_lightness(lightness)
    chroma = _chroma(inner, a, b, saturation)
    return _srgb(_light(inner, chroma * a, chroma * b))


def to_okhsl(rgb: Three) -> Three:
    """Hue, saturation and lightness of an sRGB colour."""
    inner, chroma, hue = to_oklch(rgb)
    lightness = even_lightness(inner)
    if chroma < _INSIDE or not 0 < inner < 1 - _INSIDE:
        return hue, 0.0, lightness
    a, b = cos(radians(hue)), sin(radians(hue))
    low, middle, high = _chromas(inner, a, b)
    if chroma < middle:
        slope = _MID * low
        saturation = _MID * chroma / (slope + (1 - slope / middle) * chroma)
    else:
        slope = (1 - _MID) * (middle / _MID) ** 2 / low
        over = chroma - middle
        saturation = _MID + (1 - _MID) * over / (slope + (1 - slope / max(high - middle, 1e-9)) * over)
    return hue, min(1.0, max(0.0, saturation)), lightness


def even_lightness(inner: float) -> float:
    """The lightness of OKHSL for that of OKLab."""
    x = _K3 * inner - _K1
    return (x + (x * x + 4 * _K2 * _K3 * inner) ** 0.5) / 2


def inner_lightness(even: float) -> float:
    """The lightness of OKLab for that of OKHSL."""
    return (even * even + _K1 * even) / (_K3 * (even + _K2))


def _chroma(lightness: float, a: float, b: float, saturation: float) -> float:
    low, middle, high = _chromas(lightness, a, b)
    if saturation < _MID:
        t, slope = saturation / _MID, _MID * low
        return t * slope / (1 - (1 - slope / middle) * t)
    t, slope = (saturation - _MID) / (1 - _MID), (1 - _MID) * (middle / _MID) ** 2 / low
    return middle + t * slope / (1 - (1 - slope / max(high - middle, 1e-9)) * t)


def _chromas(lightness: float, a: float, b: float) -> Three:
    """The chromas where OKHSL's curve begins, turns and ends at this lightness and hue."""
    cusp_l, cusp_c = _cusp(a, b)
    high = _edge(lightness, a, b, cusp_l)
    scale = high / min(lightness * cusp_c / cusp_l, (1 - lightness) * cusp_c / (1 - cusp_l))
    s, t = _middle(a, b)
    x, y = lightness * s, (1 - lightness) * t
    middle = 0.9 * scale * (1 / (1 / x**4 + 1 / y**4)) ** 0.25
    x, y = lightness * 0.4, (1 - lightness) * 0.8
    return (1 / (1 / x**2 + 1 / y**2)) ** 0.5, middle, high


def _edge(lightness: float, a: float, b: float, cusp_l: float) -> float:
    """The most chroma of the screen at this lightness and hue."""

    def fits(chroma: float) -> bool:
        light = _light(lightness, chroma * a, chroma * b)
        return max(light) <= 1 if lightness > cusp_l else min(light) >= 0

    return _most(fits, 0.0, 0.5)


@lru_cache(256)
def _cusp(a: float, b: float) -> tuple[float, float]:
    """Lightness and chroma of the most colourful colour of a hue."""

    def fits(saturation: float) -> bool:
        return min(_light(1.0, saturation * a, saturation * b)) >= 0

    saturation = _most(fits, 0.0, 2.0)
    lightness = (1 / max(_light(1.0, saturation * a, saturation * b))) ** (1 / 3)
    return lightness, lightness * saturation


def _middle(a: float, b: float) -> tuple[float, float]:
    """A smooth stand-in for the cusp's chroma by its lightness, and by what is missing to white."""
    s = 7.44778970 + 4.15901240 * b
    s += a * (
        -2.19557347
        + 1.75198401 * b
        + a * (-2.13704948 - 10.02301043 * b + a * (-4.24894561 + 5.38770819 * b + 4.69891013 * a))
    )
    t = 1.61320320 - 0.68124379 * b
    t += a * (
        0.40370612
        + 0.90148123 * b
        + a * (-0.27087943 + 0.61223990 * b + a * (0.00299215 - 0.45399568 * b - 0.14661872 * a))
    )
    return 0.11516993 + 1 / s, 0.11239642 + 1 / t
