"""Short ways to say things: `?question` asks for a brief answer, `time` is answered without the model.

    pi -e examples/extensions/input_transform.py

The words put before a `?question` are the setting `brief`, in settings.json:
`{"extensionSettings": {"input_transform": {"brief": "Answer in one sentence:"}}}`
"""

from datetime import datetime

from pi.ext import Ctx, ExtensionAPI, Handled, Input


def extension(pi: ExtensionAPI) -> None:
    brief = pi.setting("brief", "Answer in one or two sentences:", "What stands before a ?question")

    @pi.on("input")
    def shorten(event: Input, ctx: Ctx) -> str | Handled | None:
        if event.source == "extension":
            return None  # what other extensions say is meant literally
        text = event.text.strip()
        if text == "?":
            ctx.ui.notify("Write a question behind the ?", "warning")
            return Handled()
        if text.startswith("?"):
            return f"{brief.get()} {text[1:].strip()}"
        if text.lower() == "time" and ctx.ui.available:  # a script (`pi -p time`) wants it on stdout
            ctx.ui.notify(f"{datetime.now():%A, %d %B %Y, %H:%M}")
            return Handled()
        return None
