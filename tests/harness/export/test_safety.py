"""Nothing in a session becomes a part of the page's own: no element, attribute, script or address."""

import json
import re
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pi.harness.export.writing import script_json
from tests.harness.export.talks import PNG, Elements, Script, call

ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "</template></pre></details><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://evil.example/p.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "<https://evil.example/?a=b&c=<d>>",
    '[x](https://a.example/"onclick="alert(1) "t\\" onclick=\\"alert(1)")',
    "```html onload=x\n<b onclick=x>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "{{ 7 * 7 }}{% raw %}",
    "\u2028\u2029\x00\x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
    "| a |\n| :-: |\n| <b> |",
    "<style>*{display:none}</style><base href=//evil.example><meta http-equiv=refresh content=0>",
    '<file name="a.py" onclick="x">\n<b>\n</file>',
    "&lt;script&gt;&#60;script&#62;",
)


def words(text: str) -> set[str]:
    return set(text.split())


TEXTS = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=40),
    st.lists(st.one_of(st.sampled_from(ATTACKS), st.text(max_size=8)), max_size=4).map(" ".join),
)
TAGS = words(
    """html head meta title style body header button svg path a div input output nav b span main section h1 p
    time dl dt dd table caption tr th td article details summary pre code mark img template script"""
)
PROSE = words("h2 h3 h4 h5 h6 ul ol li blockquote hr br em strong s thead tbody")
ATTRIBUTES = words(
    """lang charset name content http-equiv type id class title aria-label aria-controls aria-expanded
    aria-hidden aria-pressed href dir role placeholder autocomplete spellcheck for hidden viewbox d datetime
    scope data-answers data-stub open src alt loading target rel start"""
)
FREE = {"class": r"[a-z0-9 ]*", "id": r"[a-z]+|e\d+", "start": r"\d+", "datetime": r"[\dTZ:-]+"}
FREE |= {"data-answers": r"s\d+-\d+", "data-stub": r"s\d+-\d+", "hidden": "", "open": ""}


def hostile(text: str) -> Script:
    """A session that has this text wherever a text can stand."""
    script = Script(cwd=text, id=text)
    at = script.entry("session_info", None, name=text)
    at = script.entry("model_change", at, provider=text, modelId=text)
    at = script.entry("thinking_level_change", at, thinkingLevel=text)
    at = script.message(at, "system", content=text, sections={text: text}, toolsAdded=[tool(text)])
    at = script.user(at, text, {"type": "image", "data": text, "mimeType": text})
    thinking = {"type": "thinking", "thinking": text}
    calls = [call("1", "bash", command=text), call("2", text, **{text: text, "list": [text]})]
    calls += [call("3", "write", path=text, content=text), call("4", "edit", path=text, edits=[pair(text)])]
    calls += [call("5", "read", path=text), call("6", "edit", path=text, edits=[pair(text)])]
    fields: dict[str, Any] = {"provider": text, "model": text, "thinkingLevel": text, "errorMessage": text}
    fork = at = script.answer(at, thinking, text, *calls, **fields)
    at = script.result(at, "1", text, text)
    at = script.result(at, "2", text, text, isError=True)
    at = script.result(at, "3", "write", text)
    at = script.result(at, "4", "edit", text, details={"diff": f"-1 {text}\n+1 {text}{text}\n{text}"})
    at = script.result(at, "5", "read", text)
    at = script.entry("compaction", at, summary=text, firstKeptEntryId=text, tokensBefore=1)
    at = script.entry("branch_summary", at, summary=f"a{text}", fromId=text)
    at = script.entry("custom_message", at, customType=text, content=text, display=True)
    at = script.entry("label", at, targetId=fork, label=text)
    script.user(fork, text)
    ran = {"command": text, "output": text, "cancelled": False, "truncated": True, "exitCode": 1}
    script.message(at, "bashExecution", **ran)
    script.entry(text, at)
    return script


def tool(text: str) -> dict[str, Any]:
    return {"name": text, "description": text, "parameters": {}}


def pair(text: str) -> dict[str, str]:
    return {"oldText": text, "newText": f"{text}x"}


def require_safe(elements: Elements, page: str) -> None:
    assert {tag for tag, _ in elements.found} <= TAGS | PROSE
    for tag, attributes in elements.found:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        for name, value in attributes.items():
            assert name not in FREE or re.fullmatch(FREE[name], value or ""), (tag, name, value)
    scripts = list(elements.named("script"))
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert len(list(elements.named("style"))) == len(list(elements.named("template"))) == 1
    templates = files("pi.harness.export") / "templates"
    script = (templates / "page.js").read_text(encoding="utf-8")
    assert page.endswith(f"<script>{script}</script>\n</body>\n</html>")
    data = json.loads("".join(elements.code).removesuffix(script).rpartition("\n")[2])
    assert sorted(data) == ["leaf", "parents"]
    for attributes in elements.named("a"):
        outside = re.fullmatch(r"#top|#e\d+", attributes["href"] or "") is None
        assert not outside or re.match(r"(?i)https?://|mailto:", attributes["href"] or "")
        assert not outside or attributes["rel"] == "noopener noreferrer"
    for attributes in elements.named("img"):
        assert re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,[\w+/=]*", attributes["src"] or "")
    assert not list(elements.named("link"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_no_text_becomes_an_element_an_attribute_or_a_script(text: str) -> None:
    with TemporaryDirectory() as folder:
        page = hostile(text).page(Path(folder))
    require_safe(Elements(page), page)


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_stays_text(text: str, tmp_path: Path) -> None:
    page = hostile(text).page(tmp_path)
    require_safe(Elements(page), page)
    assert "\x00" not in page and "\x1b" not in page


def test_the_policy_of_the_page_allows_its_own_script_style_and_inner_images_alone(tmp_path: Path) -> None:
    script = Script()
    script.user(None, "x", {"type": "image", "data": PNG, "mimeType": "image/png"})
    page = script.page(tmp_path)
    (policy,) = [found["content"] for found in Elements(page).named("meta") if "http-equiv" in found]

    hashed = r"'sha256-[\w+/]{43}='"
    wanted = rf"default-src 'none'; style-src {hashed}; script-src {hashed}; img-src data:; "
    assert re.fullmatch(wanted + "base-uri 'none'; form-action 'none'", policy or "")


def test_data_for_a_script_can_not_end_it() -> None:
    value = {"</script>": "<!-- & \u2028\u2029"}
    text = script_json(value)
    assert text == r'{"\u003c/script\u003e":"\u003c!-- \u0026 \u2028\u2029"}'
    assert json.loads(text) == value


def test_lone_surrogates_and_broken_lines_do_not_stop_a_page(tmp_path: Path) -> None:
    script = Script()
    script.user(None, "half \ud83d here")
    path = script.write(tmp_path / "talk.jsonl")
    path.write_bytes(path.read_bytes() + b'{"type":"message","id":"z","parentId":null}\n{torn')
    assert "half ? here" in script.page(tmp_path)
