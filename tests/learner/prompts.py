"""The prompts of a terminal, and the lines between them."""

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

SHELL, MORE_SHELL, PYTHON, MORE_PYTHON = "$", ">", ">>>", "..."


@dataclass
class Prompt:
    """The prompt that ended a command's output."""

    kind: str
    status: int


@dataclass
class Marks:
    """The prompts of a terminal: nothing that a command prints can be taken for one."""

    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"\x1e{self.token}:(\d+):(\$|>>>|>|\.\.\.)\x1e")

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The files that bash and Python's shell read when they start."""
        bash, python = folder / "bashrc", folder / "pythonrc.py"
        bash.write_text(
            f"PS1='\\036{self.token}:$?:$\\036'\nPS2='\\036{self.token}:0:>\\036'\n"
            # A "!" is a character like others.
            "set +H\nunset HISTFILE\n"
        )
        python.write_text(
            "import sys\n"
            f"sys.ps1 = '\\x1e{self.token}:0:>>>\\x1e'\n"
            f"sys.ps2 = '\\x1e{self.token}:0:...\\x1e'\n"
            "del sys\n"
        )
        return bash, python


def status(prompt: Prompt) -> str:
    """How messages tell an exit status; nothing where it is 0."""
    return f" (exit status {prompt.status})" if prompt.status else ""


def plain(text: str) -> list[str]:
    """The lines of what a terminal got, as they are seen: no colours, nothing overwritten.

    The last one is empty if the text ends with the end of a line.
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    return [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
