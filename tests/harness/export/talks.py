"""Sessions to export: entries in a few words, and a page's elements as a parser sees them."""

import json
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from pi.harness.export.writing import export_html

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Script:
    """A session that is written entry by entry; each method gives the new entry's id."""

    def __init__(self, **header: Any) -> None:
        self.rows: list[dict[str, Any]] = [
            {
                "type": "session",
                "version": 3,
                "id": "talk",
                "timestamp": "2026-11-23T09:00:00.000Z",
                "cwd": "/w",
                **header,
            }
        ]

    def entry(self, kind: str, parent: str | None, **fields: Any) -> str:
        id = f"{len(self.rows):08x}"
        when = f"2026-11-23T09:{len(self.rows):02d}:00.000Z"
        self.rows.append({"type": kind, "id": id, "parentId": parent, "timestamp": when, **fields})
        return id

    def message(self, parent: str | None, role: str, **fields: Any) -> str:
        return self.entry("message", parent, message={"role": role, "timestamp": 1, **fields})

    def user(self, parent: str | None, text: str, *images: dict[str, Any]) -> str:
        return self.message(parent, "user", content=[{"type": "text", "text": text}, *images])

    def answer(self, parent: str | None, *content: Any, **fields: Any) -> str:
        blocks = [{"type": "text", "text": block} if isinstance(block, str) else block for block in content]
        usage = {"input": 1200, "output": 30, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 1230}
        usage["cost"] = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0.25}
        given = {"api": "x", "provider": "p", "model": "m", "usage": usage, "stopReason": "stop", **fields}
        return self.message(parent, "assistant", content=blocks, **given)

    def result(self, parent: str | None, id: str, name: str, text: str, **fields: Any) -> str:
        content = [{"type": "text", "text": text}]
        given = {"toolCallId": id, "toolName": name, "content": content, "isError": False, **fields}
        return self.message(parent, "toolResult", **given)

    def write(self, path: Path) -> Path:
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        return path

    def data(self) -> bytes:
        return b"".join(json.dumps(row).encode() + b"\n" for row in self.rows)

    def page(self, folder: Path, **options: Any) -> str:
        target = export_html(self.write(folder / "talk.jsonl"), folder / "talk.html", **options)
        return target.read_text(encoding="utf-8")


def call(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "toolCall", "id": id, "name": name, "arguments": arguments}


def two_branches() -> Script:
    """A question with a tool, then two ways to go on; the second is the newest."""
    script = Script()
    at = script.entry("model_change", None, provider="p", modelId="m")
    at = script.user(at, "Why is the **sky** blue?")
    at = script.answer(at, "Let me look.", call("c1", "bash", command="cat sky.txt"), stopReason="toolUse")
    at = script.result(at, "c1", "bash", "scattering\n")
    fork = script.answer(at, {"type": "thinking", "thinking": "Rayleigh, surely."}, "Short waves scatter.")
    script.answer(script.user(fork, "And at dusk?"), "Then it is red.")
    script.answer(script.user(fork, "And on Mars?"), "There dusk is blue.")
    return script


class Elements(HTMLParser):
    """All elements with their attributes, and the text in scripts and styles apart from that in others."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.code: list[str] = []
        self.others: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.code if self._inside in ("script", "style") else self.others).append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(f"<!--{data}-->")

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.found if name == tag)

    @property
    def text(self) -> str:
        return "".join(self.others)
