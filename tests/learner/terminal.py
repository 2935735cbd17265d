"""A terminal: bash in a pseudo-terminal, what is typed into it, what came back."""

import codecs
import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pexpect

from . import matching
from .prompts import MORE_PYTHON, PYTHON, SHELL, Marks, Prompt, plain, status

PATIENCE = 60.0  # seconds that anything shown may take to come
GRACE = 1.0  # after the last line shown: a command that has it to print ends within
SILENCE = 3.0  # a command that shows nothing and is then interrupted runs at least so long
QUIET = 1.0  # what is still on its way comes within


class Failure(Exception):
    """Something is not as the page shows it. The message says what."""


class Terminal:
    """One terminal. What comes is read by a thread, so that no command ever waits for us."""

    def __init__(self, folder: Path, cwd: Path, environment: dict[str, str]) -> None:
        self._marks = Marks()
        folder.mkdir(parents=True)
        bash, python = self._marks.write(folder)
        self._raw = ""
        self._start = 0  # where what was not yet compared begins
        self._typed_at = 0  # where the output of the last command begins
        self._compared = (0, False)  # where what was compared last begins, and whether it ended
        self._came = threading.Condition()
        self._closed = False
        self.running: str | None = None  # the command that runs on
        self.in_python = False
        self.status = 0
        self._child = pexpect.spawn(
            "bash",
            ["--noprofile", "--rcfile", str(bash), "--noediting", "-i"],
            cwd=str(cwd),
            env={**environment, "PYTHONSTARTUP": str(python)},
            echo=False,
            preexec_fn=_receive_signals,
            # Wide: nothing is folded.
            dimensions=(50, 500),
        )
        threading.Thread(target=self._read, daemon=True).start()
        if not self._wait(lambda: self._view()[1] is not None, 20):
            raise Failure("bash does not start")

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            try:
                data = os.read(self._child.child_fd, 65536)
            except OSError:  # the other end is closed
                data = b""
            with self._came:
                self._raw += decoder.decode(data)
                self._closed = not data
                self._came.notify_all()
            if not data:
                return

    def _wait(self, done: Callable[[], object], seconds: float) -> bool:
        with self._came:
            return bool(self._came.wait_for(lambda: done() or self._closed, max(seconds, 0)))

    def _view(self, start: int | None = None) -> tuple[list[str], Prompt | None, bool]:
        """Lines that came since `start`, the prompt after them, whether the last line is whole."""
        text = self._raw[self._start if start is None else start :]
        prompt = None
        if match := self._marks.pattern.search(text):
            text = text[: match.start()]
            prompt = Prompt(match[2], int(match[1]))
        lines = plain(text)
        whole = lines[-1] == ""
        return (lines[:-1] if whole else lines), prompt, whole

    def output(self) -> list[str]:
        """All that came since the last command was typed."""
        with self._came:
            return self._view(self._typed_at)[0]

    def ended(self) -> bool:
        """Whether what was typed last has ended."""
        with self._came:
            return self._view(self._typed_at)[1] is not None or self._closed

    def type(self, line: str) -> None:
        """Type a line where a prompt is."""
        with self._came:
            self._start = self._typed_at = len(self._raw)
        self._child.setecho(False)  # Django's development server has it on
        self._child.sendline(line)

    def wait_for_silence(self) -> None:
        """Wait until nothing more comes, as one does before pressing Ctrl-C; not for ever."""
        for _ in range(5):
            position = self.position
            if not self._wait(lambda position=position: len(self._raw) > position, QUIET):
                break

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        with self._came:
            self._start = len(self._raw)
        self._child.setecho(False)
        self._child.sendintr()

    def restore_status(self, status: int) -> None:
        """Make `$?` what it was."""
        self.type(f"(exit {status})")
        self._wait(lambda: self._view()[1], 10)
        self.look()

    def until_prompt(self, shown: Sequence[str], seconds: float = PATIENCE) -> Prompt:
        """Wait for a prompt; all that came must be as shown. Raises Failure."""

        def done() -> bool:
            lines, prompt, whole = self._view()
            return bool(prompt) or not _can_come(shown, lines, whole)

        self._wait(done, seconds)
        # What comes together is told together.
        self._wait(lambda: self._view()[1], 1)
        with self._came:
            lines, prompt, _ = self._view()
            self._compared = (self._start, True)
            if prompt:
                self._start = len(self._raw)
        mismatch = matching.matches(trimmed(shown), trimmed(lines))
        if prompt is None:
            if self._closed:
                raise Failure("the terminal has closed")
            if mismatch and not matching.can_begin(trimmed(shown), lines):
                raise Failure(str(mismatch))
            raise Failure(
                f"it did not end within {seconds:.0f} s"
                + (f", and {mismatch}" if mismatch else "")
                + ("" if any(map(matching.is_literal, shown)) else _SAY_READY)
            )
        if mismatch:
            raise Failure(f"{mismatch}{status(prompt)}")
        return prompt

    def until_shown(self, shown: Sequence[str], seconds: float = PATIENCE) -> Prompt | None:
        """Wait until all that is shown has come, or the prompt; the latter is returned.

        If the prompt came, all that came must be as shown. Raises Failure.
        """

        def done() -> bool:
            lines, prompt, whole = self._view()
            complete = _begins(shown, lines, whole) is not None
            return bool(prompt) or complete or not _can_come(shown, lines, whole)

        self._wait(done, seconds)
        with self._came:
            lines, prompt, whole = self._view()
            count = _begins(shown, lines, whole)
            if count is not None and not prompt:
                self._compared = (self._start, False)
                self._start += _length(self._raw[self._start :], count)
                return None
        if prompt:
            return self.until_prompt(shown)
        self._wait(lambda: self._view()[1], 1)
        with self._came:
            lines, prompt, whole = self._view()
        if self._closed:
            raise Failure("the terminal has closed")
        mismatch = matching.matches(trimmed(shown), trimmed(lines))
        late = "" if not _can_come(shown, lines, whole) else f" within {seconds:.0f} s"
        raise Failure(f"{mismatch}{late}{status(prompt) if prompt else ''}")

    def compared(self) -> list[str]:
        """The lines that were held last against what is shown."""
        with self._came:
            return self._view(self._compared[0])[0]

    def would_match(self, shown: Sequence[str]) -> bool:
        """Whether what was compared last would have been taken for this as well."""
        start, ended = self._compared
        with self._came:
            lines, _, whole = self._view(start)
        if ended:
            return matching.matches(trimmed(shown), trimmed(lines)) is None
        return _begins(shown, lines, whole) is not None

    def look(self) -> None:
        """See which prompt what was typed has led to, if any."""
        with self._came:
            prompt = self._view(self._typed_at)[1]
        if prompt:
            self.in_python = prompt.kind in (PYTHON, MORE_PYTHON)
            if prompt.kind == SHELL:
                self.running, self.status = None, prompt.status

    def prompt_within(self, seconds: float) -> Prompt | None:
        """The prompt that ends what was typed last, if it comes in time."""
        self._wait(lambda: self._view(self._typed_at)[1], seconds)
        with self._came:
            return self._view(self._typed_at)[1]

    def compare_from_start(self, shown: Sequence[str]) -> Prompt:
        """Hold all that came since the command was typed against what is shown."""
        with self._came:
            self._start = self._typed_at
        return self.until_prompt(shown, 0)

    def says(self, pattern: str, since: int = 0) -> bool:
        """Whether the running command has printed this, `since` a `position`."""
        with self._came:
            return bool(re.search(pattern, self._raw[max(self._typed_at, since) :]))

    def wait_to_say(self, pattern: str, since: int, seconds: float) -> bool:
        """Wait until it does, or a while."""
        return self._wait(lambda: re.search(pattern, self._raw[since:]), seconds)

    def close(self) -> None:
        """End it, and with it what runs in it."""
        self._child.close(force=True)

    @property
    def position(self) -> int:
        """Where the next output will be."""
        with self._came:
            return len(self._raw)


def _receive_signals() -> None:
    """In a new terminal no signal is ignored, however we were started: Ctrl-C is one."""
    for number in signal.valid_signals():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


_SAY_READY = "; a command that runs on must show the line that tells that it is ready"


def trimmed(lines: Sequence[str]) -> list[str]:
    """Without empty lines at both ends."""
    kept = [index for index, line in enumerate(lines) if line.strip()]
    return list(lines[kept[0] : kept[-1] + 1]) if kept else []


def _without_empty_start(lines: list[str]) -> tuple[list[str], int]:
    empty = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    return lines[empty:], empty


def _begins(shown: Sequence[str], lines: list[str], whole: bool) -> int | None:
    lines, empty = _without_empty_start(lines if whole else lines[:-1])
    count = matching.begins(trimmed(shown), lines)
    return None if count is None else count + empty


def _can_come(shown: Sequence[str], lines: list[str], whole: bool) -> bool:
    lines, _ = _without_empty_start(lines if whole else lines[:-1])
    return matching.can_begin(trimmed(shown), lines)


def _length(text: str, lines: int) -> int:
    """How much of a text its first lines are."""
    end = 0
    for _ in range(lines):
        end = text.index("\n", end) + 1
    return end
