"""The agent's side of the protocol: what an editor can call, each call handed to its session."""

import asyncio
from collections.abc import Sequence
from typing import Any

from acp import PROTOCOL_VERSION
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    AuthenticateResponse,
    ClientCapabilities,
    CloseSessionResponse,
    ForkSessionResponse,
    Implementation,
    InitializeResponse,
    ListSessionsResponse,
    LoadSessionResponse,
    McpCapabilities,
    NewSessionResponse,
    PromptCapabilities,
    PromptResponse,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionCloseCapabilities,
    SessionForkCapabilities,
    SessionListCapabilities,
    SessionResumeCapabilities,
    SetSessionConfigOptionResponse,
    SetSessionModeResponse,
)

from pi.harness.storage.store import Store
from pi.llm.registry import ModelRegistry
from pi.modes.acp import choices, logins
from pi.modes.acp.asking import Asking
from pi.modes.acp.blocks import Block
from pi.modes.acp.cards import Cards
from pi.modes.acp.conversation import Conversation
from pi.modes.acp.failures import explained
from pi.modes.acp.feed import Feed, Tell
from pi.modes.acp.home import Home, project, unknown
from pi.modes.acp.ui import AcpUI
from pi.platform.terminal import say
from pi.version import __version__


class AcpAgent:
    """See `acp.Agent`: what a method takes is given by name, what more there is (`_meta`) is passed over."""

    def __init__(self, home: Home, tell: Tell):
        self._home = home
        self._tell = tell
        self._client: Client | None = None
        self._abilities: ClientCapabilities | None = None
        self._open: dict[str, Conversation] = {}

    def on_connect(self, conn: Client) -> None:
        self._client = conn

    async def initialize(
        self, protocol_version: int, client_capabilities: ClientCapabilities | None = None, **_: Any
    ) -> InitializeResponse:
        self._abilities = client_capabilities
        return InitializeResponse(
            protocol_version=PROTOCOL_VERSION,
            agent_info=Implementation(name="pi", title="Pi", version=__version__),
            auth_methods=[*logins.methods(client_capabilities)],
            agent_capabilities=AgentCapabilities(
                load_session=True,
                prompt_capabilities=PromptCapabilities(image=True, audio=False, embedded_context=True),
                mcp_capabilities=McpCapabilities(http=False, sse=False),
                session_capabilities=SessionCapabilities(
                    list=SessionListCapabilities(),
                    resume=SessionResumeCapabilities(),
                    fork=SessionForkCapabilities(),
                    close=SessionCloseCapabilities(),
                ),
            ),
        )

    async def authenticate(self, method_id: str, **_: Any) -> AuthenticateResponse:
        with explained():
            usable = bool(ModelRegistry(self._home.agent_dir).available())
            await logins.authenticate(self._home.agent_dir, method_id, usable)
        for conversation in self._open.values():
            conversation.session.setup.registry.reload()
        return AuthenticateResponse()

    async def new_session(
        self, cwd: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> NewSessionResponse:
        with explained():
            opened = await self._make(self._home.new(cwd), mcp_servers)
        session = opened.session
        return NewSessionResponse(
            session_id=session.store.id,
            modes=choices.modes(session),
            config_options=choices.options(session),
        )

    async def load_session(
        self, cwd: str, session_id: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> LoadSessionResponse:
        opened = await self._reopen(session_id, cwd, mcp_servers)
        opened.replay()
        session = opened.session
        return LoadSessionResponse(modes=choices.modes(session), config_options=choices.options(session))

    async def resume_session(
        self, cwd: str, session_id: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> ResumeSessionResponse:
        session = (await self._reopen(session_id, cwd, mcp_servers)).session
        return ResumeSessionResponse(modes=choices.modes(session), config_options=choices.options(session))

    async def fork_session(
        self, cwd: str, session_id: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> ForkSessionResponse:
        """A new session with a copy of another's entries, which goes on by itself."""
        with explained():
            path = project(cwd)
            source = self._home.find(session_id, cwd)
            try:
                copy = source.fork_to(self._home.folder(path).path, cwd=path)
            finally:
                source.close()
            session = (await self._make(copy, mcp_servers)).session
        return ForkSessionResponse(
            session_id=session.store.id,
            modes=choices.modes(session),
            config_options=choices.options(session),
        )

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **_: Any
    ) -> ListSessionsResponse:
        with explained():
            found, following = await asyncio.to_thread(self._home.list, cwd, cursor)
        return ListSessionsResponse(sessions=found, next_cursor=following)

    async def close_session(self, session_id: str, **_: Any) -> CloseSessionResponse:
        conversation = self._named(session_id)
        del self._open[session_id]
        await conversation.close()
        return CloseSessionResponse()

    async def prompt(self, session_id: str, prompt: Sequence[Block], **_: Any) -> PromptResponse:
        with explained():
            return await self._named(session_id).prompt(prompt)

    async def cancel(self, session_id: str, **_: Any) -> None:
        if (conversation := self._open.get(session_id)) is not None:
            await conversation.cancel()

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> SetSessionModeResponse:
        conversation = self._named(session_id)
        with explained():
            await choices.think(conversation.session, mode_id)
        return SetSessionModeResponse()

    async def set_config_option(
        self, session_id: str, config_id: str, value: str | bool, **_: Any
    ) -> SetSessionConfigOptionResponse:
        conversation = self._named(session_id)
        with explained():
            await choices.choose(conversation.session, config_id, value)
        conversation.tell_choices()
        return SetSessionConfigOptionResponse(config_options=choices.options(conversation.session))

    async def close(self) -> None:
        """The editor is gone: end all sessions."""
        closing = [conversation.close() for conversation in self._open.values()]
        self._open.clear()
        await asyncio.gather(*closing)

    async def _reopen(self, session_id: str, cwd: str, mcp_servers: Sequence[Any] | None) -> Conversation:
        """A saved session, or one that is open, as it is."""
        with explained():
            if (there := self._open.get(session_id)) is None:
                return await self._make(self._home.find(session_id, cwd), mcp_servers)
        asyncio.get_running_loop().call_soon(there.begin)
        return there

    async def _make(self, store: Store, mcp_servers: Sequence[Any] | None) -> Conversation:
        if mcp_servers:
            say("Warning: the editor's MCP servers are passed over. Use an extension for MCP.")
        elicitation = self._abilities.elicitation if self._abilities is not None else None
        feed = Feed(store.id, self._tell)
        asking = Asking(
            self._connected, store.id, forms=elicitation is not None and elicitation.form is not None
        )
        ui = AcpUI(feed, asking)
        try:
            session = await self._home.make(store, ui)
        except BaseException:  # whatever it was, nobody holds the file
            store.close()
            raise
        asking.cards = cards = Cards(feed, store.cwd, lambda: session.tools.active)
        conversation = self._open[store.id] = Conversation(session, feed, cards, ui)
        # once the answer with the session's id is on its way
        asyncio.get_running_loop().call_soon(conversation.begin)
        return conversation

    def _connected(self) -> Client:
        assert self._client is not None
        return self._client

    def _named(self, session_id: str) -> Conversation:
        if (conversation := self._open.get(session_id)) is None:
            raise unknown(session_id)
        return conversation
