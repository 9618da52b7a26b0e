"""Pictures of the Kitty graphics protocol as text: cells that stand for parts of a picture.

https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

from functools import cache

from pi.modes.tui.lines import Line

_CELL = "\U0010eeee"
_CHUNK = 4096  # characters of base64 in one escape sequence
# The marks that number rows and columns, in the protocol's order: first and last of each run.
_MARKS = """
305 30D-30E 310 312 33D-33F 346 34A-34C 350-352 357 35B 363-36F 483-487 592-595 597-599 59C-5A1
5A8-5A9 5AB-5AC 5AF 5C4 610-617 657-65B 65D-65E 6D6-6DC 6DF-6E2 6E4 6E7-6E8 6EB-6EC 730 732-733
735-736 73A 73D 73F-741 743 745 747 749-74A 7EB-7F1 7F3 816-819 81B-823 825-827 829-82D 951 953-954
F82-F83 F86-F87 135D-135F 17DD 193A 1A17 1A75-1A7C 1B6B 1B6D-1B73 1CD0-1CD2 1CDA-1CDB 1CE0 1DC0-1DC1
1DC3-1DC9 1DCB-1DCC 1DD1-1DE6 1DFE 20D0-20D1 20D4-20D7 20DB-20DC 20E1 20E7 20E9 20F0 2CEF-2CF1
2DE0-2DFF
A66F A67C-A67D A6F0-A6F1 A8E0-A8F1 AAB0 AAB2-AAB3 AAB7-AAB8 AABE-AABF AAC1 FE20-FE26 10A0F 10A38
1D185-1D189 1D1AA-1D1AD 1D242-1D244
"""


@cache
def _marks() -> str:
    found: list[str] = []
    for run in _MARKS.split():
        first, _, last = run.partition("-")
        found += map(chr, range(int(first, 16), int(last or first, 16) + 1))
    return "".join(found)


def most_cells() -> int:
    """How many columns or rows can be numbered."""
    return len(_marks())


def placeholder_lines(image: int, cols: int, rows: int) -> list[Line]:
    """The cells of an uploaded picture; its number (1 to 0xFFFFFF) is their colour."""
    marks = _marks()
    cols, rows = min(cols, len(marks)), min(rows, len(marks))
    style = f"fg:#{image:06x}"
    return [
        (("".join([f"{_CELL}{marks[row]}{marks[col]}" for col in range(cols)]), style),)
        for row in range(rows)
    ]


def upload(png: bytes, image: int, cols: int, rows: int) -> str:
    """What gives the terminal a PNG to show in `cols` x `rows` cells; it doesn't answer."""
    from base64 import b64encode

    text = b64encode(png).decode("ascii")
    chunks = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)] or [""]
    out: list[str] = []
    for number, chunk in enumerate(chunks):
        first = f"a=T,U=1,f=100,t=d,q=2,i={image},c={cols},r={rows}," if number == 0 else "q=2,"
        out.append(f"\x1b_G{first}m={int(number < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(out)


def forget(image: int) -> str:
    """The escape sequence that takes a picture out of the terminal's memory."""
    return f"\x1b_Ga=d,d=I,i={image},q=2\x1b\\"
