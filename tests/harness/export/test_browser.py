"""A page in a real browser: it searches, switches branches, and neither loads nor runs anything else."""

import shutil
from pathlib import Path

import pytest

from tests.harness.export.browser import browsing
from tests.harness.export.talks import two_branches

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ATTACK = (
    "<script>window.ran=1</script><img src=http://127.0.0.1:9/x onerror='window.ran=1'> "
    "![x](http://127.0.0.1:9/y.png) [click](javascript:window.ran=1) </template>"
    "</script><script>window.ran=1</script>"
)


def clicked(link: str) -> str:
    """A click on a link within the page, and what the page does then."""
    event = "addEventListener('hashchange', () => done(), {once: true})"
    return f'new Promise((done) => {{ {event}; document.querySelector("{link}").click() }})'


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_page_in_chromium(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    script = two_branches()
    script.answer(script.user(script.rows[-1]["id"], ATTACK), ATTACK)
    script.page(tmp_path)

    with browsing(CHROMIUM, tmp_path / "profile", "--window-size=1280,900") as tab:
        tab.open((tmp_path / "talk.html").as_uri())
        shown = "[...document.querySelectorAll('#cards > article')].map((card) => card.id).join(' ')"
        assert tab.run(shown) == "e0 e1 e2 e3 e4 e7 e8 e9 e10"
        assert tab.run("document.title") == "Why is the sky blue?"

        tool = "document.querySelector('#e3 details')"
        assert tab.run(f"{tool}.open") is False
        assert tab.run("document.querySelector('#e2 .stub').checkVisibility()") is False
        tab.run("document.getElementById('tools').click()")
        assert tab.run(f"{tool}.open") is True
        tab.run("document.getElementById('tools').click()")
        assert tab.run(f"{tool}.open") is False

        # search: what is closed is found and opened, and what other branches have is counted
        tab.run(
            "query.value = 'scattering'; query.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))"
        )
        assert tab.run("found.value") == "1 / 1"
        assert tab.run(f"{tool}.open") is True
        assert tab.run("[...CSS.highlights.get('current')].join()") == "scattering"
        tab.run("query.value = 'dusk'; query.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
        assert tab.run("query.value + found.value") == ""
        tab.run(
            "query.value = 'it is red'; query.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))"
        )
        assert tab.run("found.value + elsewhere.textContent") == "none+1 elsewhere"

        # a click in the tree shows another branch; an arrow beside a message does so, too
        tab.run(clicked("#tree [href='#e5']"))
        assert tab.run(shown) == "e0 e1 e2 e3 e4 e5 e6"
        assert tab.run("document.querySelectorAll('#tree .row.on').length") == 7
        tab.run(clicked("#e5 .fork a"))
        assert tab.run(shown) == "e0 e1 e2 e3 e4 e7 e8 e9 e10"

        before = tab.run("getComputedStyle(document.body).backgroundColor")
        tab.run("document.getElementById('theme').click()")
        assert tab.run("getComputedStyle(document.body).backgroundColor") != before

        assert tab.run("typeof window.ran") == "undefined"
        requested = {
            request["request"]["url"].split(":")[0] for request in tab.told("Network.requestWillBeSent")
        }
        assert requested <= {"file", "data"}
        assert tab.told("Runtime.exceptionThrown") == tab.told("Log.entryAdded") == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_page_fits_a_phone_without_a_script(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    two_branches().page(tmp_path)

    with browsing(CHROMIUM, tmp_path / "profile") as tab:
        tab.send("Emulation.setScriptExecutionDisabled", value=True)
        screen = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
        tab.send("Emulation.setDeviceMetricsOverride", **screen)
        tab.open((tmp_path / "talk.html").as_uri())

        assert tab.run("document.documentElement.scrollWidth") == 390
        text = tab.run("document.body.innerText")
        assert "Short waves scatter." in text and "There dusk is blue." in text
        assert "Then it is red." not in text and "Search" not in text
