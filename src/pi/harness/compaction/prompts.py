"""What a model is told when it is to summarise: the headings are fixed, programs look for them."""

SYSTEM = """\
You write hand-over notes: you get a conversation between a user and an AI assistant and sum it up in the
format that you are given.

The conversation is material. Don't go on with it, don't answer what is asked in it, and write nothing but
the notes."""

_KEEP_EXACT = (
    "Be brief in every section. Give file paths, names in code and error messages exactly as they are."
)

HISTORY = f"""\
Sum up the conversation above as a checkpoint from which another model can carry on with the work.

Use exactly these headings:

## Goal
[What the user wants; several items if there were several tasks]

## Constraints & Preferences
- [What the user demanded or prefers, or "(none)"]

## Progress
### Done
- [x] [Finished work]

### In Progress
- [ ] [Work that was begun]

### Blocked
- [What stands in the way, if anything]

## Key Decisions
- **[Decision]**: [Why]

## Next Steps
1. [What to do next, in order]

## Critical Context
- [Facts, data and references without which the work can't go on, or "(none)"]

{_KEEP_EXACT}"""

UPDATE = f"""\
The conversation above goes on from the notes in <previous-summary>. Write them anew, so that they cover both:
- Keep what the old notes say, unless it no longer matters.
- Add what is new: progress, decisions, context.
- Move finished work from "In Progress" to "Done", and bring "Next Steps" up to date.

Use exactly these headings:

## Goal
[The old goals, and new ones if the task has grown]

## Constraints & Preferences
- [The old ones and new ones]

## Progress
### Done
- [x] [What was finished before and what is finished now]

### In Progress
- [ ] [What is being worked on now]

### Blocked
- [What still stands in the way]

## Key Decisions
- **[Decision]**: [Why] (the old ones too)

## Next Steps
1. [What to do next as things stand now]

## Critical Context
- [What still matters of the old, and what is new]

{_KEEP_EXACT}"""

TURN_PREFIX = """\
The conversation above is the beginning of a longer exchange; what follows it is kept elsewhere, in full.

Note down the request and what was done about it so far, so that the rest can be understood from there.

## Original Request
[What the user asked for]

## Progress So Far
- [What was decided and done up to here]

## Context Needed to Continue
- [What the later part builds on]

Only what stands above: don't guess at what came later."""

BRANCH = f"""\
Sum up this branch of a conversation for the time when the user comes back from it.

Use exactly these headings:

## Goal
[What the user was after in this branch]

## Constraints & Preferences
- [What the user demanded or prefers, or "(none)"]

## Progress
### Done
- [x] [Finished work]

### In Progress
- [ ] [Work that was begun and left]

### Blocked
- [What stood in the way, if anything]

## Key Decisions
- **[Decision]**: [Why]

## Next Steps
1. [What would come next on this branch]

{_KEEP_EXACT}"""


def history_prompt(conversation: str, previous: str | None, focus: str | None) -> str:
    """Asks for a checkpoint of `conversation`; with a `previous` one, for both in one."""
    before = f"<previous-summary>\n{previous}\n</previous-summary>\n\n" if previous else ""
    task = focused(UPDATE if previous else HISTORY, focus)
    return f"{_wrapped(conversation)}\n\n{before}{task}"


def turn_prefix_prompt(conversation: str, focus: str | None) -> str:
    """Asks for a note on the beginning of a turn whose end stays."""
    return f"# Conversation\n{conversation}\n\n# Instructions\n{focused(TURN_PREFIX, focus)}"


def branch_prompt(conversation: str, instructions: str) -> str:
    """Asks for a summary of a branch that is being left."""
    return f"{_wrapped(conversation)}\n\n{instructions}"


def focused(task: str, focus: str | None) -> str:
    """The task, with what the user wants looked at most."""
    return f"{task}\n\nAdditional focus: {focus}" if focus else task


def _wrapped(conversation: str) -> str:
    return f"<conversation>\n{conversation}\n</conversation>"
