"""What an exported page shows, as values: facts, the rows of the tree, a card for each entry."""

from typing import ClassVar, Literal

from msgspec import Struct

from pi.harness.export.markup import Html

CardKind = Literal["user", "assistant", "tool", "bash", "summary", "custom", "system", "note"]
State = Literal["", "good", "bad", "open"]


class Prose(Struct, frozen=True):
    """Markdown as HTML."""

    shape: ClassVar[str] = "prose"
    html: Html


class Pre(Struct, frozen=True):
    """Code or output, as it is."""

    shape: ClassVar[str] = "pre"
    html: Html
    output: bool = False


class DiffRow(Struct, frozen=True):
    """A line of a diff; `changed` is the middle part that differs from its neighbour."""

    sign: Literal["+", "-", " "]
    number: str
    before: str
    changed: str = ""
    after: str = ""


class Diff(Struct, frozen=True):
    """Lines that came and went."""

    shape: ClassVar[str] = "diff"
    rows: tuple[DiffRow, ...]


class Picture(Struct, frozen=True):
    """An image within the page; `source` is a data URL."""

    shape: ClassVar[str] = "picture"
    source: str


class Alert(Struct, frozen=True):
    """What went wrong."""

    shape: ClassVar[str] = "alert"
    text: str


class Line(Struct, frozen=True):
    """A few words in between."""

    shape: ClassVar[str] = "line"
    text: str


class Fold(Struct, frozen=True):
    """What can be opened and closed. `kind` is how it looks and which button opens all of it."""

    shape: ClassVar[str] = "fold"
    kind: Literal["tool", "thinking", "more"]
    title: str
    detail: str  # of a call: what it is about
    hint: str  # at the end of the line: how much, how it ended
    parts: "tuple[Part, ...]"
    state: State = ""
    open: bool = False


class Stub(Struct, frozen=True):
    """A call in the message that made it; hidden where its result, which shows it all, is on the branch."""

    shape: ClassVar[str] = "stub"
    index: int  # among the calls of its message
    fold: Fold
    hidden: bool


Part = Prose | Pre | Diff | Picture | Alert | Line | Fold | Stub


class Fork(Struct, frozen=True):
    """Where a card stands among several that follow the same one; the neighbours by number."""

    number: int
    of: int
    before: int | None
    after: int | None


class Card(Struct, frozen=True):
    """One entry. `number` is its place in the file."""

    number: int
    kind: CardKind
    title: str
    parts: tuple[Part, ...]
    moment: int = 0  # ms since 1970
    facts: tuple[str, ...] = ()
    label: str = ""
    fork: Fork | None = None
    answers: str = ""  # the stub that this is the result of


class Row(Struct, frozen=True):
    """One entry in the tree."""

    number: int
    depth: int
    kind: CardKind
    text: str
    label: str
    minor: bool  # shown only when everything is
    active: bool


class Spending(Struct, frozen=True):
    """What one model has cost."""

    model: str
    tokens: str
    cost: str


class Facts(Struct, frozen=True):
    """The top of the page."""

    title: str
    id: str
    cwd: str
    begun: int
    counts: str
    tokens: str
    cost: str
    models: tuple[Spending, ...]
    branches: int


class Colors(Struct, frozen=True):
    """Backgrounds of a theme, "#rrggbb", for pages that are as light or dark as it; "" is the page's own."""

    appearance: Literal["dark", "light"] = "dark"
    page: str = ""
    card: str = ""
    info: str = ""
