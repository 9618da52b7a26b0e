"""For tests of agents, tools and extensions: a scripted model, sessions around it, and what happened."""

from pi.llm.protocols.faux import Asked, Reply
from pi.testing.looped import LoopedSession
from pi.testing.recorder import Recorder
from pi.testing.scripted import ScriptedModel, call
from pi.testing.scripted_ui import Question, ScriptedUI
from pi.testing.sessions import make_session, session_with

__all__ = [
    "Asked",
    "LoopedSession",
    "Question",
    "Recorder",
    "Reply",
    "ScriptedModel",
    "ScriptedUI",
    "call",
    "make_session",
    "session_with",
]
