"""Imports what Markdown and code need before the first answer is there: nobody waits for it then."""


def warm() -> None:
    """Takes some 60 ms, beside whoever waits for the model."""
    from pi.modes.tui.markdown.code import highlight
    from pi.modes.tui.markdown.render import markdown

    markdown("*a*\n\n| a |\n| - |\n| b |\n", 40)
    highlight("a = 1", "python")
