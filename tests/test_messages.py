"""What the course says: the same in both languages, in good French, in the reader's language."""

import ast
import re
import string
from pathlib import Path

import pytest
from click.testing import CliRunner

from course import messages
from course.catalogue import ROOT
from course.cli import course
from course.messages import language, texts
from course.typography import french

NO_BREAK, NARROW = "\u00a0", "\u202f"
SOURCES = [path for path in (ROOT / "course").rglob("*.py") if "__pycache__" not in path.parts]
GROUPS = re.compile(r"(?:begin|git|forward|doctor|setup|audit|broker)_[a-z_]+")

# FRENCH.md, "Never".
NEVER = re.compile(r"\blibrairie|\bdigita(?:l|ux)|\bfai\w+ du sens|\bmonitor", re.IGNORECASE)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def calls() -> list[tuple[str, str, set[str]]]:
    """Where, which key and which values: each call of say() that names its key."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("say"), args=[ast.Constant(str(key))]):
                    values = {keyword.arg or "**" for keyword in node.keywords}
                    found.append((f"{path.name}:{node.lineno}", key, values))
    return found


def constants(sources: list[Path] = SOURCES) -> set[str]:
    """Every string in the sources: a key may reach say() through a variable."""
    nodes = (node for path in sources for node in ast.walk(ast.parse(path.read_text())))
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_both_languages_say_the_same_things():
    assert texts("en").keys() == texts("fr").keys()


@pytest.mark.parametrize("key", texts("en"))
def test_both_languages_fill_in_the_same_values(key: str):
    assert placeholders(texts("fr")[key]) == placeholders(texts("en")[key])


def test_every_message_asked_for_exists_and_gets_its_values():
    for where, key, values in calls():
        assert key in texts("en"), where
        assert values == placeholders(texts("en")[key]), f"{where}: {key}"
    # `check` has texts of its own, and names Celery's settings.
    others = [path for path in SOURCES if "check" not in path.parts]
    asked = {text for text in constants(others) if GROUPS.fullmatch(text)}
    assert asked - texts("en").keys() == set()


def test_every_message_is_used():
    assert texts("en").keys() - constants() == set()


def test_no_message_is_left_in_english():
    same = [text for key, text in texts("fr").items() if text == texts("en")[key]]
    # What is nothing but values and marks may be the same.
    assert [text for text in same if re.search("[a-z]{3}", re.sub(r"{.*?}", "", text))] == []


@pytest.mark.parametrize("key", texts("fr"))
def test_no_word_that_the_french_guide_bans(key: str):
    assert not NEVER.search(texts("fr")[key])


@pytest.mark.parametrize("key", texts("fr"))
def test_authors_type_plain_spaces(key: str):
    written = (ROOT / "course/messages/fr.toml").read_text(encoding="utf-8")
    line = next(line for line in written.splitlines() if line.startswith(f"{key} ="))
    assert not re.search(f"[{NO_BREAK}{NARROW}]", line)


# As typed, and as it must come out with ~ for the no-break space, ^ for the narrow one.
TYPED = {
    "10 000 tâches": "10^000 tâches",
    "1 000 000 de tâches": "1^000^000 de tâches",
    "« x »": "«~x~»",
    "«x»": "«~x~»",
    "« `x` »": "«~`x`~»",
    "a : b": "a~: b",
    "Erreur : {what}": "Erreur~: {what}",
    "{file} : {lines}": "{file}~: {lines}",
    "c ; d ! e ?": "c^; d^! e^?",
    "Déjà?": "Déjà^?",
    "Quoi ?!": "Quoi^?!",
    "**Attention !** (oui ?)": "**Attention^!** (oui^?)",
    "« Prêt ? » dit-il": "«~Prêt^?~» dit-il",
    "`a` ; `b` : c": "`a`^; `b`~: c",
    "50 %": "50~%",
    "{part} % de {count}": "{part}~% de {count}",
    "avec %s et 2 %d": "avec %s et 2 %d",
    "# Titre { : .note }": "# Titre { : .note }",
    "10 s ; 1,5 s ; 3 min": "10~s^; 1,5~s^; 3~min",
    "{pause} s": "{pause}~s",
    "`a : b ; c ! d ?`": "`a : b ; c ! d ?`",
    "```\na : b ;\n``` : non": "```\na : b ;\n```~: non",
    "https://example.org/a?b=c;d": "https://example.org/a?b=c;d",
    "https://example.org/cherche? va": "https://example.org/cherche? va",
    "voir http://localhost:8000/ : oui": "voir http://localhost:8000/~: oui",
    "à 12:30 ou 9:05": "à 12:30 ou 9:05",
    "{name!r} : {size:>10}": "{name!r}~: {size:>10}",
    '<a title="b ; c">d ;</a>': '<a title="b ; c">d^;</a>',
    "a&nbsp;b &amp; c": "a&nbsp;b &amp; c",
    "!!! note\n\n??? danger": "!!! note\n\n??? danger",
    "terme\n:   définition": "terme\n:   définition",
    "myapp.tasks:add": "myapp.tasks:add",
}


@pytest.mark.parametrize("typed", TYPED)
def test_french_spaces(typed: str):
    assert french(typed) == TYPED[typed].replace("~", NO_BREAK).replace("^", NARROW)


@pytest.mark.parametrize("text", [*TYPED, *texts("fr").values()])
def test_french_spaces_put_in_twice_are_as_put_in_once(text: str):
    assert french(french(text)) == french(text)


@pytest.mark.parametrize(
    ("variables", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_CA@euro"}, "fr"),
        ({"LANG": "FR_be"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "frr_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "fr_FR.UTF-8"}, "fr"),
        ({"LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "fr_FR.UTF-8"}, "fr"),
        ({"LC_ALL": "fr_FR.UTF-8", "LANGUAGE": "en"}, "en"),
        ({"LC_ALL": "", "LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANGUAGE": "br:fr:en", "LANG": "br_FR.UTF-8"}, "fr"),
        ({"LANGUAGE": "en:fr"}, "en"),
    ],
    ids=str,
)
def test_the_language_is_the_locales(monkeypatch, variables: dict[str, str], spoken: str):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == spoken


@pytest.mark.parametrize(("lang", "locale"), [("fr", "en_US.UTF-8"), ("en", "fr_FR.UTF-8")])
@pytest.mark.parametrize("lang_first", [True, False])
def test_lang_is_stronger_than_the_locale(monkeypatch, lang: str, locale: str, lang_first: bool):
    monkeypatch.setenv("LANG", locale)
    arguments = ["--lang", lang, "nowhere"] if lang_first else ["nowhere", "--lang", lang]
    ended = CliRunner().invoke(course, ["diff", *arguments])
    assert ended.exit_code == 2
    beginning = {"fr": f"Erreur{NO_BREAK}: Aucune leçon", "en": "Error: There is no lesson"}
    assert ended.stderr.startswith(beginning[lang])
    assert messages.language() == lang


def test_a_language_it_does_not_speak_is_refused():
    assert CliRunner().invoke(course, ["diff", "5", "--lang", "de"]).exit_code == 2
