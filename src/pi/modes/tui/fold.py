"""The fold: each event of the session becomes a change of the transcript, the status or the footer."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pi.agent import events as agent
from pi.harness import events as told
from pi.harness.storage.entries import CustomMessage, CustomMessageEntry
from pi.llm.events import BlockDelta, BlockEnd, BlockStart
from pi.llm.messages import AssistantMessage, ToolCall, ToolResultMessage, UserMessage
from pi.modes.tui.arguments import PartialArguments
from pi.modes.tui.blocks.assistant import AssistantBlock
from pi.modes.tui.blocks.bash import BashBlock
from pi.modes.tui.blocks.block import Block
from pi.modes.tui.blocks.build import blocks_of, user_block
from pi.modes.tui.blocks.custom import CustomBlock, RenderedBlock
from pi.modes.tui.blocks.summary import CompactionBlock
from pi.modes.tui.blocks.tool import ToolBlock
from pi.modes.tui.header import HeaderBlock
from pi.modes.tui.loaded import loaded

if TYPE_CHECKING:
    from pi.modes.tui.interface import Interface


class Fold:
    """What is on the screen follows from the session's entries, then from its events."""

    def __init__(self, interface: "Interface"):
        self._interface = interface
        self._answer: AssistantBlock | None = None
        self._tools: dict[str, ToolBlock] = {}  # of the run that goes on, by the call's id
        self._writing: dict[int, PartialArguments] = {}  # calls that are being written, by their place
        self._shells: list[BashBlock] = []

    def rebuild(self) -> None:
        """The transcript of the session as it is now, behind the header."""
        interface = self._interface
        self._answer, self._tools, self._writing = None, {}, {}
        blocks: list[Block] = list(self._header())
        blocks += blocks_of(interface.session.store.branch(), self._dress)
        interface.transcript.replace(blocks)
        interface.editor.history.seed([block.text() for block in blocks if block.kind == "user"])
        interface.retitle()

    def apply(self, event: Any) -> None:
        """One event."""
        interface, status = self._interface, self._interface.status
        match event:
            case agent.MessageUpdate(assistant_message_event=piece):
                self._grow(piece)
            case agent.ToolExecutionUpdate(tool_call_id=id, partial_result=result):
                if id in self._tools:
                    self._tools[id].update(result)
            case agent.MessageStart(message):
                self._begin(message)
            case agent.MessageEnd(message):
                self._end(message)
            case agent.ToolExecutionStart(tool_call_id=id, tool_name=name, args=args):
                block = self._tool(id, name)
                block.arguments(args, False)
                block.start()
            case (
                agent.ToolExecutionEnd(tool_call_id=id, tool_name=name, result=result, is_error=failed) as end
            ):
                duration = end.duration_ms if isinstance(end.duration_ms, int) else None
                self._tool(id, name).end(result, failed, duration)
            case agent.AgentStart():
                status.begin("run", "Working")
                interface.started()
            case agent.TurnEnd():
                interface.footer.update()
            case told.AgentSettled():
                status.end("run", "retry")
                interface.footer.update()
                interface.settled()
            case told.QueueUpdate(steering=steering, follow_up=following):
                status.steering, status.following = steering, following
            case _:
                self._apply_rest(event)
        interface.display.wake()

    def _apply_rest(self, event: Any) -> None:
        interface, status = self._interface, self._interface.status
        match event:
            case told.AutoRetryStart(attempt=attempt, max_attempts=most, delay_ms=delay, error_message=error):
                status.begin("retry", f"{_first_line(error)}: try {attempt} of {most}", seconds=delay / 1000)
            case told.AutoRetryEnd():
                status.end("retry")
            case told.CompactionStart(reason=reason):
                label = "Compacting" if reason == "manual" else "The context is full: compacting"
                status.begin("compaction", label, hint="to cancel")
            case told.CompactionEnd() as end:
                status.end("compaction", "summary")
                self._compacted(end)
            case (
                told.SummarizationRetryScheduled(attempt=attempt, max_attempts=most, delay_ms=delay) as retry
            ):
                label = f"{_first_line(retry.error_message)}: try {attempt} of {most}"
                status.begin("summary", label, seconds=delay / 1000)
            case told.SummarizationRetryAttemptStart() | told.SummarizationRetryFinished():
                status.end("summary")
            case told.ModelFailover() | told.CacheMiss() | told.SessionWarning() | told.ExtensionFailed():
                from pi.modes.tui.notices import notice_of

                interface.notify(*notice_of(event))
                if isinstance(event, told.SessionWarning) and event.message in interface.session.warnings:
                    interface.session.warnings.remove(event.message)  # it is told
                interface.footer.update()
            case told.ThinkingLevelChanged() | told.EntryAppended():
                self.model_changed()
            case told.SessionInfoChanged():
                interface.retitle()
            case told.BashExecutionUpdate(delta=delta, id=id):
                for block in self._shells:
                    if block.entry_id == id:
                        block.output(delta)
            case _:
                pass

    @contextmanager
    def shell(self, command: str, *, excluded: bool) -> Generator[BashBlock]:
        """The block of a command of the user, for as long as it runs."""
        block = BashBlock(command, excluded)
        block.entry_id = f"shell-{id(block)}"
        self._shells.append(block)
        self._interface.show(block)
        self._interface.status.begin("shell", "Running", hint="to cancel")
        try:
            yield block
        finally:
            self._shells.remove(block)
            if not self._shells:
                self._interface.status.end("shell")

    def hint(self, text: str) -> None:
        """A few words that go away by themselves."""
        self._interface.flash(text)

    def show_held(self) -> None:
        """What waits until a summary is made stands with what waits for the agent."""
        waiting, held = self._interface.session.queue.waiting, self._interface.held
        self._interface.status.steering = (*waiting.steering, *(text for text, steer in held if steer))
        self._interface.status.following = (*waiting.follow_up, *(text for text, steer in held if not steer))

    def model_changed(self) -> None:
        """Another model, level or branch: the footer tells it."""
        self._interface.footer.update()

    def _begin(self, message: Any) -> None:
        match message:
            case UserMessage():
                self._interface.show(user_block(message.content))
            case AssistantMessage():
                self._answer = AssistantBlock()
                self._answer.begin(message)
                self._writing = {}
                self._interface.transcript.add(self._answer)
            case CustomMessage(display=True):
                plain = CustomBlock(message.custom_type, message.content)
                self._interface.show(self._dress(plain, message))
            case _:
                pass

    def _grow(self, piece: BlockStart | BlockDelta | BlockEnd) -> None:
        answer, index = self._answer, piece.content_index
        if answer is None:
            return
        match piece:
            case BlockDelta(type="text_delta", delta=delta):
                answer.add_text(index, delta)
            case BlockDelta(type="thinking_delta", delta=delta):
                answer.add_thinking(index, delta)
            case BlockDelta(delta=delta):
                if index in self._writing:
                    self._writing[index].add(delta)
            case BlockStart(type="toolcall_start", id=str() as id, tool_name=str() as name):
                self._writing[index] = PartialArguments(self._tool(id, name), self._interface.clock)
            case BlockEnd(type="toolcall_end", tool_call=ToolCall(id=id, name=name, arguments=arguments)):
                self._tool(id, name).arguments(arguments, False)
                self._writing.pop(index, None)
            case _:
                pass

    def _end(self, message: Any) -> None:
        if isinstance(message, AssistantMessage) and self._answer is not None:
            self._answer.end(message)
            self._answer = None
            if message.stop_reason in ("error", "aborted"):
                for call in message.tool_calls:
                    if call.id in self._tools:
                        self._tools[call.id].cancel()
        elif isinstance(message, ToolResultMessage):
            self._tools.pop(message.tool_call_id, None)

    def _tool(self, id: str, name: str) -> ToolBlock:
        block = self._tools.get(id)
        if block is None:
            block = self._tools[id] = ToolBlock(name, id)
            self._interface.transcript.add(self._dress(block, ToolCall(id, name, {})))
        return block

    def _compacted(self, end: told.CompactionEnd) -> None:
        interface = self._interface
        if isinstance(end.result, told.CompactionResult):
            interface.show(CompactionBlock(end.result.summary, end.result.tokens_before))
        elif end.aborted:
            interface.notify("Compaction cancelled; nothing has changed.")
        elif isinstance(end.error_message, str):
            interface.notify(end.error_message, "error")
        interface.footer.update()
        interface.release_held()

    def _header(self) -> Generator[HeaderBlock]:
        quiet = self._interface.session.setup.settings.get("quietStartup")
        if quiet is not True:
            session = self._interface.session
            from pi.version import __version__

            names = () if quiet == "header" else loaded(session, self._interface.themes)
            yield HeaderBlock(self._interface.keymap, __version__, names)

    def _dress(self, block: Block, shown: object) -> Block:
        """The block, or one of an extension that shows such things in its own way."""
        on_screen = self._interface.on_screen
        match shown:
            case ToolCall(name=name) if isinstance(block, ToolBlock) and on_screen.renders("tool", name):
                return RenderedBlock(
                    lambda width, look: (
                        on_screen.render("tool", name, block.result) if block.result else None
                    ),
                    block,
                )
            case CustomMessage(custom_type=name) | CustomMessageEntry(custom_type=name) if on_screen.renders(
                "message", name
            ):
                return RenderedBlock(lambda width, look: on_screen.render("message", name, shown), block)
            case _:
                return block


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 80 else line[:79] + "…"
