"""Messages that wait for a running agent: steering enters after the turn, follow-ups when it would stop."""

from typing import Any, Literal

QueueMode = Literal["one-at-a-time", "all"]


class MessageQueue:
    """One of the two queues. What `drain` gave still counts as waiting until it is `delivered`."""

    def __init__(self, mode: QueueMode = "one-at-a-time"):
        self.mode: QueueMode = mode
        self._waiting: list[Any] = []
        self._taken: list[Any] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> tuple[Any, ...]:
        """What no transcript holds yet, oldest first."""
        return (*self._taken, *self._waiting)

    def add(self, message: Any) -> None:
        """Put a message at the end."""
        self._waiting.append(message)

    def drain(self) -> list[Any]:
        """Take the oldest message, or all of them in mode "all"."""
        count = len(self._waiting) if self.mode == "all" else 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._taken += taken
        return taken

    def delivered(self, message: object) -> bool:
        """Strike off a message that enters the transcript; False when it isn't one of ours."""
        left = [other for other in self._taken if other is not message]
        found, self._taken = len(left) < len(self._taken), left
        return found

    def clear(self) -> tuple[Any, ...]:
        """Take everything, so that the caller can give it back to its author."""
        waiting, self._waiting, self._taken = self.waiting, [], []
        return waiting
