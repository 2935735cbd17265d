"""What the course says, in the reader's language.

The texts are in `en.toml` and `fr.toml` beside this file, under the same keys.
"""

import os
import re
import tomllib
from functools import cache
from pathlib import Path

from course.typography import french

LANGUAGES = ("en", "fr")

_chosen: str | None = None


def choose(language: str | None) -> None:
    """Speak `language` ("en" or "fr") from now on; None: the locale's language."""
    global _chosen
    _chosen = language


def language() -> str:
    """The language chosen, else the locale's: French where it is French, else English."""
    if _chosen:
        return _chosen
    # The order that gettext documents; the first one that is set counts. LANGUAGE is a list.
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            wanted = [re.split("[_.@-]", entry)[0].lower() for entry in value.split(":")]
            return next((entry for entry in wanted if entry in LANGUAGES), "en")
    return "en"


@cache
def texts(of_language: str) -> dict[str, str]:
    """All texts of a language by key; French ones with French spaces."""
    path = Path(__file__).with_name(f"{of_language}.toml")
    found: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    if of_language == "fr":
        found = {key: french(text) for key, text in found.items()}
    return found


def say(key: str, **values: object) -> str:
    """The text `key` in the reader's language, its {placeholders} filled in.

    Raises KeyError for a key or a placeholder that does not exist.
    """
    spoken = {name: _number(value) for name, value in values.items()}
    return texts(language())[key].format(**spoken)


def _number(value: object) -> object:
    """A float as it is written in the reader's language: 0,25 in French."""
    if not isinstance(value, float):
        return value
    return f"{value:g}".replace(".", "," if language() == "fr" else ".")


def number(value: float, digits: int) -> str:
    """A number with so many decimals, as it is written in the reader's language."""
    return f"{value:.{digits}f}".replace(".", "," if language() == "fr" else ".")
