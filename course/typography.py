"""French spaces: authors type plain ones, this puts the right ones in."""

import re

NO_BREAK = "\u00a0"
NARROW = "\u202f"

# Left as they are: code, addresses, {placeholders}, times of day.
_KEPT = re.compile(r"```.*?```|`[^`]*`|https?://\S+|\{[^}]*\}|\b\d{1,2}:\d{2}\b", re.DOTALL)

_RULES = [
    (re.compile(r"[ \u00a0\u202f]*([;!?])(?=\s|$|[»)\"*_])"), NARROW + r"\1"),
    (re.compile(r"[ \u00a0\u202f]+([:%])"), NO_BREAK + r"\1"),
    (re.compile(r"«[ \u00a0\u202f]*"), "«" + NO_BREAK),
    (re.compile(r"[ \u00a0\u202f]*»"), NO_BREAK + "»"),
    (re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d{3}\b)"), NARROW),
    (re.compile(r"(?<=\d) (?=(?:s|ms|min|h|Ko|Mo|Go|octets|secondes|minutes|heures)\b)"), NO_BREAK),
]


def french(text: str) -> str:
    """`text` with French no-break spaces; code, addresses and {placeholders} untouched.

    Applying it twice changes nothing more.
    """
    parts = []
    position = 0
    for kept in _KEPT.finditer(text):
        parts += [_spaced(text[position : kept.start()]), kept.group()]
        position = kept.end()
    return "".join([*parts, _spaced(text[position:])])


def _spaced(text: str) -> str:
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
