"""The two README files say the same of the lessons as the lessons themselves."""

import re

import pytest

from course.catalogue import ROOT, Snapshot, snapshots
from course.typography import french

READMES = {"en": ROOT / "README.md", "fr": ROOT / "README.fr.md"}


@pytest.mark.parametrize("language", READMES)
@pytest.mark.parametrize("snapshot", snapshots(), ids=lambda one: one.name)
def test_a_lesson_is_summed_up_as_in_its_lesson_toml(snapshot: Snapshot, language: str) -> None:
    summary = snapshot.about["summary"][language]
    expected = french(summary) if language == "fr" else summary
    row = f"| [{snapshot.path.name}]({snapshot.name}) | {expected} |"
    assert row in READMES[language].read_text(encoding="utf-8")


def test_the_french_readme_has_french_spaces() -> None:
    text = READMES["fr"].read_text(encoding="utf-8")
    assert french(text) == text


def test_both_readmes_show_the_same_commands_and_links() -> None:
    def shown(language: str) -> list[str]:
        text = READMES[language].read_text(encoding="utf-8")
        blocks = re.findall(r"```console\n.*?```|\]\((?!README).*?\)|`make[^`]*`", text, re.DOTALL)
        same = [re.sub("docs/fr/(commands|notebooks)", r"docs/en/\1", block) for block in blocks]
        return sorted(same)

    assert shown("fr") == shown("en")
