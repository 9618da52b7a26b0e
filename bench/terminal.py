"""A terminal for measuring: a program in a pty, its output with times, and a screen that tells what is shown.

A thread only reads and stamps; the screen is fed later, so that its work moves no time. It keeps characters
and no colours, answers what programs ask a terminal at start, and knows no Kitty protocol. For Linux.
"""

import codecs
import ctypes
import fcntl
import os
import pty
import queue
import re
import signal
import struct
import sys
import termios
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

COLUMNS, ROWS = 120, 40
SWITCH = 0.0002  # seconds that the reading thread waits at most for another one of this process
STRING = r"\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, APC, PM, SOS
CSI = r"\x1b\[([<-?]?)([0-9;:]*)([ -/]*)([@-~])"
PART = re.compile(
    rf"([^\x00-\x1f\x7f]+)|{CSI}|({STRING})|\x1b[ -/]*([0-OQ-WYZ\\`-~])|([\x00-\x1a\x1c-\x1f\x7f])"
)
LONGEST = 1_000_000  # characters; a sequence that is still open then is dropped
MOUSE_MODES, ALTERNATE_MODES, SYNC_MODE = {1000, 1002, 1003}, {47, 1047, 1049}, 2026


class Screen:
    """What a terminal of this size shows. `answer` is given what the terminal says to the program."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], None]) -> None:
        self.columns, self.rows, self.answer = columns, rows, answer
        self.decoder, self.open = codecs.getincrementaldecoder("utf-8")("replace"), ""
        self.cells, self.hidden = self.blank(rows), self.blank(rows)
        self.row = self.column = 0
        self.saved = (0, 0)
        self.top, self.bottom = 0, rows - 1
        self.modes: set[int] = {7}

    @property
    def drawing(self) -> bool:
        """In a synchronized update: a real terminal would still show what was there before it."""
        return SYNC_MODE in self.modes

    def text(self) -> str:
        return "\n".join(map("".join, self.cells))

    def blank(self, rows: int) -> list[list[str]]:
        return [[" "] * self.columns for _ in range(rows)]

    def feed(self, data: bytes) -> None:
        text, at = self.open + self.decoder.decode(data), 0
        while at < len(text):
            match = PART.match(text, at)
            if match is None:
                if len(text) - at < LONGEST:
                    break
                at += 1
                continue
            at = match.end()
            plain, mark, numbers, between, final, string, escape, control = match.groups()
            if plain:
                self.put(plain)
            elif final:
                self.sequence(mark, numbers, between, final)
            elif control:
                self.control(control)
            elif escape:
                self.escape(escape)
            elif string.startswith(("\x1b]10;?", "\x1b]11;?")):
                level = "dddd" if string[3] == "0" else "1111"
                self.answer(f"{string[:4]};rgb:{level}/{level}/{level}\x1b\\")
        self.open = text[at:]

    def put(self, text: str) -> None:
        cells = list(text) if text.isascii() else [cell for char in text for cell in spread(char)]
        while cells:
            if self.column >= self.columns and 7 in self.modes:
                self.column = 0
                self.line_feed()
            start = min(self.column, self.columns - 1)
            fitting = cells[: self.columns - start]
            self.cells[self.row][start : start + len(fitting)] = fitting
            self.column = start + len(fitting)
            del cells[: len(fitting)]

    def line_feed(self) -> None:
        if self.row == self.bottom:
            self.shift(self.top, 1)
        else:
            self.row = min(self.row + 1, self.rows - 1)

    def shift(self, top: int, lines: int) -> None:
        """The lines from `top` to the scrolling region's end move up; down when `lines` is negative."""
        region = self.cells[top : self.bottom + 1]
        count = min(abs(lines), len(region))
        rest = region[count:] + self.blank(count) if lines > 0 else self.blank(count) + region[:-count]
        self.cells[top : self.bottom + 1] = rest

    def control(self, char: str) -> None:
        match char:
            case "\r":
                self.column = 0
            case "\n" | "\v" | "\f":
                self.line_feed()
            case "\b":
                self.column = max(0, min(self.column, self.columns - 1) - 1)
            case "\t":
                self.column = min(self.columns - 1, (self.column // 8 + 1) * 8)
            case _:
                pass

    def escape(self, final: str) -> None:
        match final:
            case "7":
                self.saved = self.row, self.column
            case "8":
                self.row, self.column = self.saved
            case "D" | "E":
                self.line_feed()
                self.column = 0 if final == "E" else self.column
            case "M" if self.row == self.top:
                self.shift(self.top, -1)
            case "M":
                self.row = max(0, self.row - 1)
            case _:
                pass

    def sequence(self, mark: str, numbers: str, between: str, final: str) -> None:
        given = [int(number.split(":")[0] or 0) for number in numbers.split(";")]
        if mark or between:
            self.private(mark + between, given, final)
        elif final in "ABCDEFGHadef`":
            self.move(given, final)
        elif final in "JKXP@LMST":
            self.change(given[0], final)
        else:
            self.rest(given, final)

    def private(self, kind: str, given: list[int], final: str) -> None:
        if kind == "?" and final in "hl":
            if ALTERNATE_MODES.intersection(given) and (final == "h") != bool(self.modes & ALTERNATE_MODES):
                self.cells, self.hidden = (self.blank(self.rows) if final == "h" else self.hidden), self.cells
            self.modes = self.modes.union(given) if final == "h" else self.modes.difference(given)
        elif kind == "?$" and final == "p":
            known = given[0] in {SYNC_MODE, 7, *MOUSE_MODES, *ALTERNATE_MODES}
            self.answer(f"\x1b[?{given[0]};{(1 if given[0] in self.modes else 2) if known else 0}$y")
        elif kind == ">" and final == "c":
            self.answer("\x1b[>0;10;0c")

    def move(self, given: list[int], final: str) -> None:
        steps, column = max(1, given[0]), min(self.column, self.columns - 1)
        row = self.row
        match final:
            case "A" | "F":
                row -= steps
            case "B" | "E" | "e":
                row += steps
            case "C" | "a":
                column += steps
            case "D":
                column -= steps
            case "G" | "`":
                column = steps - 1
            case "d":
                row = steps - 1
            case _:  # H, f
                row, column = steps - 1, (given[1] if len(given) > 1 else 1) - 1
        self.row = min(max(row, 0), self.rows - 1)
        self.column = 0 if final in "EF" else min(max(column, 0), self.columns - 1)

    def change(self, number: int, final: str) -> None:
        count, line, column = max(1, number), self.cells[self.row], min(self.column, self.columns - 1)
        match final:
            case "J" if number == 0:
                self.erase(self.row, column, self.columns)
                self.cells[self.row + 1 :] = self.blank(self.rows - self.row - 1)
            case "J" if number == 1:
                self.cells[: self.row] = self.blank(self.row)
                self.erase(self.row, 0, column + 1)
            case "J" if number == 2:
                self.cells = self.blank(self.rows)
            case "K":
                start, end = (0, column + 1) if number == 1 else (0 if number else column, self.columns)
                self.erase(self.row, start, end)
            case "X":
                self.erase(self.row, column, min(self.columns, column + count))
            case "P":
                line[column:] = (line[column + count :] + [" "] * self.columns)[: self.columns - column]
            case "@":
                line[column:] = ([" "] * count + line[column:])[: self.columns - column]
            case "L" | "M" if self.top <= self.row <= self.bottom:
                self.shift(self.row, count if final == "M" else -count)
            case "S" | "T":
                self.shift(self.top, count if final == "S" else -count)
            case _:
                pass

    def erase(self, row: int, start: int, end: int) -> None:
        self.cells[row][start:end] = [" "] * (end - start)

    def rest(self, given: list[int], final: str) -> None:
        match final:
            case "r":
                last = given[1] if len(given) > 1 and given[1] else self.rows
                self.top, self.bottom = max(1, given[0]) - 1, min(last, self.rows) - 1
                self.row = self.column = 0
            case "s":
                self.saved = self.row, self.column
            case "u":
                self.row, self.column = self.saved
            case "c":
                self.answer("\x1b[?62;22c")
            case "n":
                at = f"\x1b[{self.row + 1};{min(self.column, self.columns - 1) + 1}R"
                self.answer(at if given[0] == 6 else "\x1b[0n")
            case _:  # colours and whatever else shows no other character
                pass


def spread(char: str) -> tuple[str, ...]:
    """The cells of a character; the second of a wide one is empty."""
    if unicodedata.combining(char) or char in "\u200b\u200d\ufe0e\ufe0f":
        return ()
    return (char, "") if unicodedata.east_asian_width(char) in "WF" else (char,)


class Terminal:
    """A program in a pty of its own. All times are monotonic seconds; `started` is just before the fork."""

    def __init__(self, command: Sequence[str], work: Path, env: dict[str, str]) -> None:
        sys.setswitchinterval(SWITCH)
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
                os.chdir(work)
                os.execve(command[0], list(command), env)
            finally:
                os._exit(127)
        self.screen = Screen(COLUMNS, ROWS, self.write)
        self.chunks: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self.bytes, self.last, self.ended = 0, self.started, False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc: object) -> None:
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.waitpid(self.pid, 0)
        self.thread.join()
        os.close(self.fd)

    def read(self) -> None:
        data = b"-"
        while data:
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                data = b""
            self.chunks.put((time.monotonic(), data))

    def write(self, text: str) -> None:
        try:
            os.write(self.fd, text.encode())
        except OSError:
            pass  # it has ended, which the next wait tells

    def press(self, keys: str) -> float:
        """Send keys as typed; tells when."""
        at = time.monotonic()
        self.write(keys)
        return at

    def step(self, seconds: float) -> bool:
        """Let the screen have the next piece of output, if one comes in time."""
        try:
            stamp, data = self.chunks.get(timeout=max(0, seconds))
        except queue.Empty:
            return False
        if not data:
            self.ended = True
            return False
        self.bytes += len(data)
        self.last = stamp
        self.screen.feed(data)
        return True

    def when(self, shown: Callable[[str], object], seconds: float) -> float | None:
        """When the screen first was so, outside of a synchronized update; None if it never was in time."""
        end = time.monotonic() + seconds
        while self.screen.drawing or not shown(self.screen.text()):
            left = end - time.monotonic()
            if self.ended or (not self.step(left) and left <= 0):
                return None
        return self.last

    def pause(self, seconds: float) -> None:
        """Take in output for so long, as one does who types."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.ended:
            self.step(left)

    def quiet(self, silence: float, seconds: float) -> float:
        """Take in output until none has come for so long; tells when the last came."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.step(silence):
            pass
        return self.last

    def processes(self) -> Iterator[int]:
        """The program and its descendants."""
        parents: dict[int, list[int]] = {}
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(file.read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it ended meanwhile
            parents.setdefault(parent, []).append(int(file.parent.name))
        found = [self.pid]
        for pid in found:
            found += parents.get(pid, [])
        return iter(found)

    def cpu(self) -> float:
        """Seconds that the processes which are alive have used."""
        return sum(map(cpu_of, self.processes()))

    def memory(self) -> float:
        """Resident MiB of the processes together."""
        return sum(map(resident, self.processes())) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_of(pid: int) -> float:
    clock = ctypes.c_int()
    if ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        return 0
    try:
        return time.clock_gettime(clock.value)
    except OSError:
        return 0


def resident(pid: int) -> int:
    """In pages."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
