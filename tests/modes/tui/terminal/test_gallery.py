from base64 import b64encode
from io import BytesIO

from PIL import Image

from pi.modes.tui.lines import width_of
from pi.modes.tui.terminal.gallery import Gallery


def picture(width=40, height=20):
    out = BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return b64encode(out.getvalue()).decode()


def test_a_picture_is_sent_once_and_shown_by_its_cells():
    sent = []
    gallery = Gallery(sent.append)
    lines = gallery.lines(picture(), 20, 10)
    assert lines is not None and [width_of(line) for line in lines] == [20] * len(lines)
    assert gallery.lines(picture(), 20, 10) == lines
    assert len(sent) == 1 and sent[0].startswith("\x1b_Ga=T,U=1,f=100") and sent[0].endswith("\x1b\\")


def test_what_is_no_picture_is_not_sent():
    sent = []
    assert Gallery(sent.append).lines(b64encode(b"nothing").decode(), 20, 10) is None
    assert sent == []
