"""The fold: each event of the session becomes a change of the transcript, the status or the footer."""

from collections.abc import Callable, Generator
from typing import Any, cast

from pi.agent import events as agent
from pi.harness import events as told
from pi.harness.storage.entries import CustomEntry, CustomMessage
from pi.llm.events import BlockDelta, BlockEnd, BlockEvent, BlockStart
from pi.llm.messages import AssistantMessage, ToolCall, ToolResultMessage, UserMessage
from pi.modes.tui.arguments import PartialArguments
from pi.modes.tui.blocks.assistant import AssistantBlock
from pi.modes.tui.blocks.block import Block
from pi.modes.tui.blocks.build import NOTHING, blocks_of, user_block
from pi.modes.tui.blocks.custom import CustomBlock
from pi.modes.tui.blocks.summary import CompactionBlock
from pi.modes.tui.blocks.tool import ToolBlock
from pi.modes.tui.dressing import dress
from pi.modes.tui.header import HeaderBlock
from pi.modes.tui.interface import Interface
from pi.modes.tui.loaded import loaded


class Fold:
    """What is on the screen follows from the session's entries, then from its events."""

    def __init__(self, interface: Interface):
        self._interface = interface
        self._status = interface.status
        self._answer: AssistantBlock | None = None
        self._tools: dict[str, ToolBlock] = {}  # of the run that goes on, by the call's id
        self._writing: dict[int, PartialArguments] = {}  # calls that are being written, by their place
        self._handlers: dict[type, Callable[[Any], None]] = {
            agent.AgentStart: self._run_started,
            agent.MessageStart: self._begin,
            agent.MessageUpdate: self._grow,
            agent.MessageEnd: self._end,
            agent.ToolExecutionStart: self._tool_started,
            agent.ToolExecutionUpdate: self._tool_updated,
            agent.ToolExecutionEnd: self._tool_ended,
            agent.TurnEnd: self._counted,
            told.AgentSettled: self._settled,
            told.QueueUpdate: self._queued,
            told.AutoRetryStart: self._retries,
            told.AutoRetryEnd: self._retried,
            told.CompactionStart: self._compacts,
            told.CompactionEnd: self._compacted,
            told.SummarizationRetryScheduled: self._summary_waits,
            told.SummarizationRetryAttemptStart: self._summary_goes_on,
            told.SummarizationRetryFinished: self._summary_goes_on,
            told.ModelFailover: self._noticed,
            told.CacheMiss: self._noticed,
            told.SessionWarning: self._noticed,
            told.ExtensionFailed: self._noticed,
            told.ThinkingLevelChanged: self._counted,
            told.EntryAppended: self._appended,
            told.SessionInfoChanged: self._named,
            told.BashExecutionUpdate: self._printed,
        }

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
        handle = self._handlers.get(cast(Any, type(event)))
        if handle is not None:
            handle(event)
            self._interface.display.wake(now=isinstance(event, _AT_ONCE))

    def _counted(self, event: Any) -> None:
        """Another model, level or count of tokens: the footer tells it."""
        self._interface.footer.update()

    def _begin(self, event: agent.MessageStart) -> None:
        match event.message:
            case UserMessage(content=content):
                self._interface.show(user_block(content))
            case AssistantMessage() as message:
                self._status.end("retry")  # the wait is over
                self._answer = AssistantBlock()
                self._answer.begin(message)
                self._writing = {}
                self._interface.transcript.add(self._answer)
            case CustomMessage(display=True) as message:
                plain = CustomBlock(message.custom_type, message.content)
                self._interface.show(self._dress(plain, message))
            case _:
                pass

    def _grow(self, event: agent.MessageUpdate) -> None:
        piece: BlockEvent = event.assistant_message_event
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
                self._tool(id, name).arguments(arguments)
                self._writing.pop(index, None)
            case _:
                pass

    def _end(self, event: agent.MessageEnd) -> None:
        message, answer = event.message, self._answer
        if isinstance(message, AssistantMessage) and answer is not None:
            answer.end(message)
            self._interface.transcript.exchange(answer, self._dress(answer, message))
            self._answer = None
            if message.stop_reason in ("error", "aborted"):
                for call in message.tool_calls:
                    if call.id in self._tools:
                        self._tools[call.id].cancel()
        elif isinstance(message, ToolResultMessage):
            self._tools.pop(message.tool_call_id, None)

    def _tool_started(self, event: agent.ToolExecutionStart) -> None:
        block = self._tool(event.tool_call_id, event.tool_name)
        block.arguments(event.args)
        block.start()

    def _tool_updated(self, event: agent.ToolExecutionUpdate) -> None:
        if event.tool_call_id in self._tools:
            self._tools[event.tool_call_id].update(event.partial_result)

    def _tool_ended(self, event: agent.ToolExecutionEnd) -> None:
        duration = event.duration_ms if isinstance(event.duration_ms, int) else None
        self._tool(event.tool_call_id, event.tool_name).end(event.result, event.is_error, duration)

    def _run_started(self, event: Any) -> None:
        self._status.begin("run", "Working")
        self._interface.started()

    def _settled(self, event: Any) -> None:
        self._status.end("run", "retry")
        self._interface.footer.update()
        self._interface.settled()

    def _queued(self, event: Any) -> None:
        self._interface.show_waiting()

    def _retries(self, event: told.AutoRetryStart) -> None:
        label = f"{_first_line(event.error_message)}: try {event.attempt} of {event.max_attempts}"
        self._status.begin("retry", label, seconds=event.delay_ms / 1000)

    def _retried(self, event: told.AutoRetryEnd) -> None:
        self._status.end("retry")

    def _compacts(self, event: told.CompactionStart) -> None:
        label = "Compacting" if event.reason == "manual" else "The context is full: compacting"
        self._status.begin("compaction", label, hint="to cancel")

    def _compacted(self, event: told.CompactionEnd) -> None:
        interface = self._interface
        self._status.end("compaction", "summary")
        if isinstance(event.result, told.CompactionResult):
            interface.show(CompactionBlock(event.result.summary, event.result.tokens_before))
        elif event.aborted:
            interface.notify("Compaction cancelled; nothing has changed.")
        elif isinstance(event.error_message, str) and event.reason != "manual":  # the command tells its own
            interface.notify(event.error_message, "error")
        interface.footer.update()
        interface.release_held()

    def _summary_waits(self, event: told.SummarizationRetryScheduled) -> None:
        label = f"{_first_line(event.error_message)}: try {event.attempt} of {event.max_attempts}"
        self._status.begin("summary", label, seconds=event.delay_ms / 1000)

    def _summary_goes_on(self, event: Any) -> None:
        self._status.end("summary")

    def _noticed(self, event: Any) -> None:
        from pi.modes.tui.notices import notice_of

        self._interface.notify(*notice_of(event))
        if isinstance(event, told.SessionWarning) and event.message in self._interface.session.warnings:
            self._interface.session.warnings.remove(event.message)  # it is told
        if not isinstance(event, told.ExtensionFailed):  # it may have failed in the footer: don't ask again
            self._interface.footer.update()

    def _appended(self, event: told.EntryAppended) -> None:
        if isinstance(event.entry, CustomEntry):
            block = self._dress(NOTHING, event.entry)
            if block is not NOTHING:
                self._interface.show(block)
        self._interface.footer.update()

    def _named(self, event: Any) -> None:
        self._interface.retitle()

    def _printed(self, event: told.BashExecutionUpdate) -> None:
        for block in self._interface.shells:
            if block.entry_id == event.id:
                block.output(event.delta)

    def _tool(self, id: str, name: str) -> ToolBlock:
        block = self._tools.get(id)
        if block is None:
            block = self._tools[id] = ToolBlock(name, id)
            self._interface.transcript.add(self._dress(block, ToolCall(id, name, {})))
        return block

    def _dress(self, block: Block, shown: object) -> Block:
        return dress(self._interface.on_screen, block, shown)

    def _header(self) -> Generator[HeaderBlock]:
        session = self._interface.session
        quiet = session.setup.settings.get("quietStartup")
        if quiet is not True:
            from pi.version import __version__

            names = () if quiet == "header" else loaded(session, self._interface.themes)
            yield HeaderBlock(self._interface.keymap, __version__, names)


_AT_ONCE = (agent.MessageEnd, agent.ToolExecutionEnd, told.AgentSettled)


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 80 else line[:79] + "…"
