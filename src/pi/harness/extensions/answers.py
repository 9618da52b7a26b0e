"""What extensions may answer to events; None always means: no opinion."""

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from pi.harness.compaction.extension import OwnCompaction
from pi.harness.storage.entries import Replacement
from pi.llm.messages import Image, Text, Usage


class Trust(Struct, frozen=True):
    """Whether the project is trusted; `remember` writes it down for the next time."""

    trusted: bool
    remember: bool = False


class Resources(Struct, frozen=True):
    """More files and folders with skills, prompt templates and themes; relative ones count from `cwd`."""

    skills: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()


class Note(Struct, frozen=True):
    """A message of the extension to the model; `display` shows it to people, `details` (JSON) isn't sent."""

    custom_type: str
    content: str | tuple[Text | Image, ...]
    display: bool = True
    details: Any = None


class Data(Struct, frozen=True):
    """An entry of the extension in the session file (JSON); the model never sees it."""

    custom_type: str
    data: Any = None


class Edit(Struct, frozen=True):
    """The model sees `replacement` in the place of an entry's content, or nothing where it is None."""

    target_id: str
    replacement: Replacement | None = None


class OwnSummary(Struct, frozen=True):
    """A summary by the extension for the branch that is left."""

    summary: str
    details: Any = None
    usage: Usage | None = None


class SummaryOptions(Struct, frozen=True):
    """Other instructions for the summary of a branch, another label for it."""

    instructions: str | None = None
    replace_instructions: bool = False
    label: str | None = None


class Sections(Struct, frozen=True):
    """A change of the system prompt for this run: texts by section; None leaves a section out."""

    texts: dict[str, str | None]


class SystemPrompt(Struct, frozen=True):
    """Another system prompt altogether for this run; it costs the provider's prompt cache."""

    text: str


class Boundary(Struct, frozen=True):
    """Entries to append now, all or none; `go_on` asks the model once more though it had stopped."""

    entries: tuple[Note | Data | Edit | OwnCompaction, ...] = ()
    go_on: bool = False


class RunAs(Struct, frozen=True):
    """Run the user's command as this one instead: its words, or a text for the shell."""

    command: str | tuple[str, ...]
    cwd: Path | None = None
    env: dict[str, str] | None = None


class BashDone(Struct, frozen=True):
    """The user's command has been run already: its output."""

    output: str
    exit_code: int | None = 0


class CacheWarming(Struct, frozen=True):
    """Whether to keep the provider's prompt cache warm while nobody types."""

    action: Literal["warm", "stop"]


Draft = Note | Data | Edit | OwnCompaction
