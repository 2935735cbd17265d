"""The pages' pictures: each is there, is shown, weighs little, and can be taken again."""

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from course import pictures
from course.catalogue import ROOT
from course.messages import LANGUAGES
from course.pictures import IMAGES, PICTURES

DOCS = ROOT / "docs"
PAGES = {
    f"{language}/{path.relative_to(DOCS / language).as_posix()}": path.read_text(encoding="utf-8")
    for language in LANGUAGES
    for path in sorted((DOCS / language).rglob("*.md"))
}
FILES = sorted(path.name for path in IMAGES.iterdir())

A_FILE, A_PAGE = 60_000, 250_000  # bytes


def shown(page: str) -> set[str]:
    """The pictures that a page shows."""
    return set(re.findall(r"!\[[^\]]+\]\((?:\.\./)*images/([^)\s]+)\)", PAGES[page]))


def size(browser: Browser, picture: bytes) -> list[int]:
    """Width and height of a picture, as a browser sees them."""
    page = browser.new_page()
    source = f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
    page.set_content(f'<img src="{source}">')
    found: list[int] = page.evaluate(
        "async () => { const image = document.images[0]; await image.decode();"
        " return [image.naturalWidth, image.naturalHeight]; }"
    )
    page.close()
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if shown(page)])
def test_a_pages_pictures_are_there_and_weigh_little(page: str):
    assert shown(page) <= set(FILES)
    assert sum((IMAGES / name).stat().st_size for name in shown(page)) <= A_PAGE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_on_a_page(language: str):
    pages = [page for page in PAGES if page.startswith(f"{language}/")]
    assert set().union(*map(shown, pages)) == set(FILES)


def test_every_picture_is_one_that_the_script_takes():
    assert [f"{name}.webp" for name in sorted(PICTURES)] == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_picture_is_a_small_webp(browser: Browser, name: str):
    picture = (IMAGES / name).read_bytes()
    assert picture[:4] == b"RIFF" and picture[8:12] == b"WEBP"
    assert len(picture) <= A_FILE
    width, height = size(browser, picture)
    assert width == pictures.PIXELS
    assert 400 <= height <= 950


def test_a_picture_can_be_taken_again(browser: Browser):
    anew = pictures.take("02_app", browser)
    # The same page, so the same size; another machine's letters may be a little higher.
    width, height = size(browser, anew)
    before = size(browser, (IMAGES / "02_app.webp").read_bytes())
    assert width == before[0]
    assert height == pytest.approx(before[1], rel=0.15)


def test_an_unknown_picture_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert pictures.main(["08_moon"], tmp_path) == 2
    told = capsys.readouterr().err
    assert "08_moon" in told and "07_flower_tasks" in told


def test_without_chromium_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("course.doctor.chromium", lambda: None)
    assert pictures.main([], tmp_path) == 2
    assert "Chromium" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
