"""Which files a summarised conversation read and changed: the summary names them, over all compactions."""

from collections.abc import Iterable
from typing import Any, cast

from msgspec import Struct

from pi.harness.storage.entries import AgentMessage, BranchSummary, CompactionEntry
from pi.llm.messages import AssistantMessage


class FileLists(Struct, frozen=True):
    """Paths as the model wrote them, sorted; what was changed isn't in `read` again."""

    read: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()

    @property
    def details(self) -> dict[str, list[str]]:
        """As an entry's `details` hold them."""
        return {"readFiles": list(self.read), "modifiedFiles": list(self.modified)}

    @property
    def tags(self) -> str:
        """As a summary ends with them; empty when there are none."""
        lists = (("read-files", self.read), ("modified-files", self.modified))
        return "".join(f"\n\n<{tag}>\n{_lines(paths)}\n</{tag}>" for tag, paths in lists if paths)


def file_lists(
    messages: Iterable[AgentMessage], earlier: Iterable[CompactionEntry | BranchSummary] = ()
) -> FileLists:
    """The files of the tool calls in `messages`, and those of earlier summaries that Pi itself made."""
    read: set[str] = set()
    modified: set[str] = set()
    for entry in earlier:
        if not entry.from_hook:  # an extension's details are its own business
            read.update(_listed(entry.details, "readFiles"))
            modified.update(_listed(entry.details, "modifiedFiles"))
    for message in messages:
        if isinstance(message, AssistantMessage):
            for call in message.tool_calls:
                path = call.arguments.get("path")
                if isinstance(path, str) and path and call.name in ("read", "write", "edit"):
                    (read if call.name == "read" else modified).add(path)
    return FileLists(tuple(sorted(read - modified)), tuple(sorted(modified)))


def _listed(details: Any, name: str) -> list[str]:
    paths = cast(dict[str, Any], details).get(name) if isinstance(details, dict) else None
    return (
        [path for path in cast(list[Any], paths) if isinstance(path, str)] if isinstance(paths, list) else []
    )


def _lines(paths: tuple[str, ...]) -> str:
    return "\n".join(paths)
