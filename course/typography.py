"""French spaces: authors type plain ones, this puts the right ones in."""

import re
import sys
from functools import partial
from pathlib import Path

NO_BREAK = "\u00a0"
NARROW = "\u202f"

_SPACE = r"[ \u00a0\u202f]"

# Left as they are: code, addresses, {placeholders}, tags, entities, times of day.
_KEPT = (
    r"(?P<kept>```.*?```|`[^`]*`|https?://\S+|\{[^}]*\}"
    r"|</?[a-zA-Z][^>]*>|&\w+;|\b\d{1,2}:\d{2}\b)"
)
# Where a mark ends a word: not at a line's start ("!!! note"), not in "a;b".
_BEFORE = r"(?<![\n \u00a0\u202f;!?])(?!^)"
_AFTER = r"(?=\s|$|[»)\"*_<])"
_UNIT = r"(?:s|ms|min|h|Ko|Mo|Go|octets|secondes|minutes|heures)\b"

_RULES = [
    (re.compile(f"{_KEPT}|{rule}", re.DOTALL | re.MULTILINE), replacement)
    for rule, replacement in [
        (rf"{_BEFORE}{_SPACE}*(?P<mark>[;!?]+){_AFTER}", NARROW + r"\g<mark>"),
        (rf"{_BEFORE}{_SPACE}+:{_AFTER}", NO_BREAK + ":"),
        (rf"(?<=[\d}}]){_SPACE}+%(?!\w)", NO_BREAK + "%"),
        (rf"«{_SPACE}*", "«" + NO_BREAK),
        (rf"{_SPACE}*»", NO_BREAK + "»"),
        (rf"(?<=\d){_SPACE}(?=\d{{3}}\b)", NARROW),
        (rf"(?<=[\d}}]){_SPACE}(?={_UNIT})", NO_BREAK),
    ]
]


def french(text: str) -> str:
    """`text` with French no-break spaces; code, addresses and {placeholders} untouched.

    Applying it twice changes nothing more.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(partial(_spaced, replacement), text)
    return text


def _spaced(replacement: str, found: re.Match[str]) -> str:
    return found["kept"] or found.expand(replacement)


if __name__ == "__main__":
    # `python -m course.typography FILE …` rewrites French files with the right spaces.
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(french(path.read_text(encoding="utf-8")), encoding="utf-8")
