"""Colours of theme files mean what their authors see elsewhere."""

import pytest

from pi.modes.tui.theme.colors import appearance_of, contrast, indexed, resolve, to_hex, to_rgb
from pi.modes.tui.theme.oklab import from_okhsl, to_okhsl, to_oklch
from pi.platform.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("#0af", "#00aaff"),
        ("#00AAFF", "#00aaff"),
        ("", ""),
        (0, 0),
        (255, 255),
        ("okhsl(29.2339 100% 56.8085%)", "#ff0000"),
        ("okhsl(0 0% 53.57%)", "#808080"),
        ("okhsl(250 60% 0%)", "#000000"),
        ("okhsl(250 60% 100%)", "#ffffff"),
        ("oklch(62.7955% 0.2577 29.234)", "#ff0000"),
        ("oklch(0.5 0 0)", "#636363"),
        ("oklch(50% 0% 0)", "#636363"),
        ("one", "#112233"),
    ],
)
def test_a_colour_is_read_in_each_of_its_forms(written: str | int, meant: str | int):
    variables = {"one": "two", "two": "#123"}
    assert resolve(written, variables, "x") == meant


def test_a_colour_that_the_screen_lacks_keeps_lightness_and_hue():
    found = to_oklch(to_rgb(str(resolve("oklch(62% 0.4 200)", {}, "x"))))
    assert found[0] == pytest.approx(0.62, abs=0.005)
    assert found[2] == pytest.approx(200, abs=1.5)
    assert found[1] < 0.2


@pytest.mark.parametrize("color", ["#336699", "#ff0000", "#ffff00", "#808080", "#15171c", "#fbf1c7"])
def test_okhsl_goes_there_and_back(color: str):
    assert to_hex(from_okhsl(*to_okhsl(to_rgb(color)))) == color


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("#12345", "three or six hexadecimal digits"),
        (256, "Use 0 to 255"),
        (True, "can't be True"),
        ("oklch(1 2)", "can't read"),
        ("nobody", "neither a colour nor in vars"),
        ("a", "in a circle: a → b → a"),
    ],
)
def test_what_is_no_colour_is_said(written: str | int, complaint: str):
    with pytest.raises(ConfigError, match=f"^file: .*{complaint}"):
        resolve(written, {"a": "b", "b": "a"}, "file")


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
    assert contrast("#ff0000", "#ff0000") == 1


def test_indices_are_those_of_xterm():
    assert [indexed(n) for n in (1, 16, 67, 231, 232, 255)] == [
        *("#cd0000", "#000000", "#5f87af", "#ffffff", "#080808", "#eeeeee")
    ]


def test_a_terminals_own_text_says_whether_it_is_dark():
    assert appearance_of("#1e1e2e", "#cdd6f4") == "dark"
    assert appearance_of("#fdf6e3", "#657b83") == "light"
    assert appearance_of("#fdf6e3") == "light"
