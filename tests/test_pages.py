"""The pages keep in step: with the snapshots, and English with French."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup, NavigableString, Tag
from click.testing import CliRunner
from markdown import Markdown

from course import execution, i18n, ipynb
from course.catalogue import ROOT, Snapshot, snapshots
from course.cli import course
from course.fences import PageError, pieces
from course.i18n import PAGES, behind, pages
from course.messages import texts
from course.pages import kind
from course.shown import patched_files
from course.typography import NARROW, NO_BREAK, french

LESSONS = [snapshot for snapshot in snapshots() if snapshot.path.parent.name == "lessons"]
SECTIONS = ["result", "break", "check", "learnt", "exercise"]


@cache
def article(site: Path, language: str, page: str) -> Tag:
    """The built text of a page."""
    path = site / language / page.removesuffix(".md")
    built = path.with_suffix(".html") if path.name == "index" else path / "index.html"
    found = BeautifulSoup(built.read_text(encoding="utf-8"), "html.parser").find("article")
    assert isinstance(found, Tag)
    return found


def without_results(text: Tag) -> Tag:
    """A page without what came of running its notebook: times and ids differ from run to run."""
    copy = BeautifulSoup(str(text), "html.parser")
    for result in copy.select(".output"):
        result.decompose()
    return copy


def headings(text: Tag) -> list[tuple[str, object]]:
    return [(one.name, one.get("id")) for one in text.find_all(re.compile("h[1-6]"))]


def classes(tag: Tag) -> list[str]:
    return sorted(tag.get_attribute_list("class"))


def blocks(text: Tag) -> list[tuple[list[str], str, str]]:
    """Kind, title and contents of each block of code; the tabs' labels aside."""
    found = []
    for block in text.select("div.highlight"):
        title = block.select_one(".filename")
        named = title.get_text() if title and "browser" not in classes(block) else ""
        code = block.select_one("pre")
        found.append((classes(block), named, code.get_text() if code else ""))
    return found


def links(text: Tag) -> list[str]:
    return sorted(str(one["href"]) for one in text.select("a[href]:not(.headerlink)"))


def boxes(text: Tag) -> list[tuple[str, list[str]]]:
    found = text.select("div.admonition, details, div.break")
    return [(one.name, classes(one)) for one in found]


def images(text: Tag) -> list[str]:
    return [str(one["src"]) for one in text.select("img")]


def tables(text: Tag) -> list[list[int]]:
    """Of each table, how many cells each row has."""
    return [
        [len(row.find_all(["td", "th"])) for row in table.find_all("tr")]
        for table in text.find_all("table")
    ]


def diagrams(text: Tag) -> int:
    return len(text.select("figure.diagram svg"))


@pytest.mark.parametrize(
    "parts",
    [headings, blocks, links, boxes, images, tables, diagrams],
    ids=lambda one: one.__name__,
)
@pytest.mark.parametrize("page", pages())
def test_both_languages_have_the_same(page: str, parts, site: Path) -> None:
    french, english = (without_results(article(site, one, page)) for one in ("fr", "en"))
    assert parts(french) == parts(english)


@pytest.mark.parametrize("page", pages())
def test_each_language_has_words_of_its_own(page: str, site: Path) -> None:
    for selector in ("p", "h1, h2, h3", "img[alt]", "figure.diagram desc"):
        words = {
            language: [one.get("alt") or one.get_text() for one in found]
            for language in ("en", "fr")
            if (found := article(site, language, page).select(selector))
        }
        if words:
            # A heading may be the same in both, such as the name of a setting; not all are.
            assert words["en"] != words["fr"] or selector == "h1, h2, h3"
    for language in ("en", "fr"):
        text = (PAGES / language / page).read_text(encoding="utf-8")
        assert yaml.safe_load(text.split("---\n")[1])["description"]


@pytest.mark.parametrize("page", pages())
def test_every_heading_has_an_id_of_its_own_choosing(page: str) -> None:
    text = re.sub(r"```.*?```", "", (PAGES / "en" / page).read_text("utf-8"), flags=re.DOTALL)
    bare = re.findall(r"^ *##+ (?!.*\{#[a-z0-9-]+\}$).*$", text, re.MULTILINE)
    assert bare == []


def test_every_french_page_is_for_the_present_english_page() -> None:
    assert behind() == [], "make i18n lists them; PAGES=all acknowledges"


def test_the_navigation_is_the_same_in_both_languages_with_labels_of_its_own() -> None:
    def read(language: str) -> tuple[list[object], list[str]]:
        text = (PAGES / f"{language}.yml").read_text("utf-8").replace("!ENV", "")
        entries = yaml.safe_load(text)["nav"]
        labels = [label for one in entries if isinstance(one, dict) for label in one]
        return [list(one.values()) if isinstance(one, dict) else one for one in entries], labels

    (english, en), (other, fr) = read("en"), read("fr")

    assert english == other
    assert len(en) == len(fr) and not set(en) & set(fr)


def test_the_theme_speaks_french_on_french_pages(site: Path) -> None:
    page = (site / "fr" / "lessons" / "05_views" / "index.html").read_text("utf-8")
    soup = BeautifulSoup(page, "html.parser")
    english = (site / "en" / "lessons" / "05_views" / "index.html").read_text("utf-8")

    def spoken(html: BeautifulSoup) -> set[str]:
        labels = {str(tag["aria-label"]) for tag in html.select("[aria-label]")}
        titles = {str(tag["title"]) for tag in html.select("[title]:not(article [title])")}
        return {words.strip() for words in labels | titles if words}

    assert {"Recherche", "En-tête", "Effacer"} <= spoken(soup), spoken(soup)
    common = spoken(soup) & spoken(BeautifulSoup(english, "html.parser"))
    assert common <= {"Navigation", "Flower", "Celery"}, common


# --- French


CODE = ["code", "pre", "script", "style", "kbd"]


def prose(text: Tag, but: list[str] = CODE) -> list[str]:
    """The pieces of text of a page that are not code."""
    return [
        str(piece)
        for piece in text.find_all(string=True)
        if type(piece) is NavigableString
        and piece.strip()
        and not piece.find_parent(but)
        and not piece.find_parent(class_="filename")
    ]


@pytest.mark.parametrize("page", pages())
def test_french_spaces_are_right_in_the_built_page_and_not_in_code(page: str, site: Path) -> None:
    text = article(site, "fr", page)

    for piece in prose(text):
        assert not re.search(r"(?<=\w)[ ](?=[:;!?»](\s|$))|« |\d %", piece), piece
        assert not re.search(r"\w[;!?](\s|$)", piece), piece
        assert french("x" + piece)[1:] == piece
    for code in text.select("code"):
        assert NO_BREAK not in code.get_text() and NARROW not in code.get_text()


# FRENCH.md, "Never"; and the English words that the glossary has French ones for.
NEVER = re.compile(r"\blibrairie|\bdigita(?:l|ux)|\bfai\w+ du sens|\bmonitor", re.IGNORECASE)


def translated_terms(site: Path) -> dict[str, str]:
    """From the glossary: the English word of each term that has a French one."""
    found = {}
    for heading in article(site, "fr", "glossary.md").select("h2, h3"):
        if (english := heading.find("em")) and english.get_text() != "":
            found[english.get_text().lower()] = heading.get_text().split(" (")[0]
    return found


def test_the_glossary_says_which_english_words_have_french_ones(site: Path) -> None:
    terms = translated_terms(site)
    assert {"task", "queue", "retry", "timeout", "settings"} <= terms.keys()


@pytest.mark.parametrize("page", [page for page in pages() if page != "glossary.md"])
def test_the_french_page_uses_the_words_of_the_glossary(page: str, site: Path) -> None:
    text = article(site, "fr", page)
    terms = translated_terms(site)
    words = "|".join(sorted(map(re.escape, terms), key=len, reverse=True))
    for piece in prose(text, but=[*CODE, "em", "strong"]):  # bold: names of buttons
        assert not NEVER.search(piece), piece
        found = re.search(rf"(?<![\w`-])(?:{words})s?(?![\w-])", piece, re.IGNORECASE)
        same = found and (
            found[0].lower() in {term.lower() for term in terms.values()}
            or found[0].isupper()  # a state: RETRY
        )
        assert not found or same, f"{found[0]!r} has a French word: {piece}"


# --- Lessons


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda one: one.path.name)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_lessons_page_has_its_title_and_every_section(
    lesson: Snapshot, language: str, site: Path
) -> None:
    text = article(site, language, f"{lesson.name}.md")
    title = f"{int(lesson.path.name[:2])}. {lesson.about['title'][language]}"
    named = [str(one.get("id")) for one in text.find_all("h2")]

    assert text.h1 and text.h1.find(string=True) == (french(title) if language == "fr" else title)
    assert [one for one in named if one in SECTIONS] == SECTIONS
    assert text.select_one("img"), "a picture of what one will have"
    assert text.select_one("div.break")
    assert text.select_one("details.exercise div.highlight")
    assert 3 <= len(text.select("details.question")) <= 6


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda one: one.path.name)
def test_every_patch_of_a_step_is_shown_and_changes_something(lesson: Snapshot) -> None:
    page = (PAGES / "en" / f"{lesson.name}.md").read_text("utf-8")
    for patch in (lesson.path / "steps").glob("*"):
        assert f"::: patch {lesson.path.name[:2]} {patch.stem}" in page
        assert patched_files(patch.read_text("utf-8"))


def step(snapshot: Snapshot) -> set[str]:
    """The learner's files in which a snapshot differs from its base."""
    now, before = states(snapshot), states(snapshot.base)
    return {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}


def states(snapshot: Snapshot | None) -> dict[str, tuple[bytes, int]]:
    if snapshot is None:
        return {}
    paths = {str(path): snapshot.path / path for path in snapshot.learners_files()}
    return {name: (path.read_bytes(), path.stat().st_mode & 0o111) for name, path in paths.items()}


@pytest.mark.parametrize("snapshot", snapshots(), ids=lambda one: one.name)
def test_the_page_shows_every_file_that_the_step_changes_and_no_other(snapshot: Snapshot) -> None:
    page = (PAGES / "en" / f"{snapshot.name}.md").read_text("utf-8")
    shown = re.findall(r"^ *::: change \d+ (\S+)$", page, re.MULTILINE)

    assert len(shown) == len(set(shown)), "each file once"
    changed = step(snapshot)
    assert set(shown) <= changed
    if snapshot.base:
        # What makemigrations writes, and empty files, are typed.
        typed = {path for path in changed if "/migrations/" in path or path.endswith("__init__.py")}
        assert changed - set(shown) <= typed


# --- The extension


def expand(text: str, language: str = "en") -> str:
    """A page's text as the extension has it built."""
    extensions = yaml.safe_load((PAGES / "mkdocs.yml").read_text("utf-8"))["markdown_extensions"]
    names = [*extensions, "course.pages"]
    return Markdown(
        extensions=names,
        extension_configs={**extensions, "course.pages": {"language": language}},
    ).convert(text)


def test_a_changed_file_is_a_diff_with_the_whole_file_beside_it() -> None:
    soup = BeautifulSoup(expand("::: change 03 myproject/settings.py"), "html.parser")
    change, whole = soup.select("div.highlight")

    assert kind(classes(change), "myproject/settings.py") == "change"
    assert kind(classes(whole), "myproject/settings.py") == "shown"
    written = (ROOT / "lessons/03_settings/myproject/settings.py").read_text()
    assert whole.pre and whole.pre.get_text().strip() == written.strip()
    marked = "".join(line.get_text() for line in whole.select(".hll"))
    added = "".join(line.get_text()[1:] + "\n" for line in change.select(".gi"))
    assert marked == added and "CELERY_BROKER_URL" in marked


def test_a_new_file_is_shown_whole() -> None:
    soup = BeautifulSoup(expand("::: change 04 myapp/tasks.py"), "html.parser")
    [block] = soup.select("div.highlight")

    assert kind(classes(block), "myapp/tasks.py") == "file"
    written = (ROOT / "lessons/04_tasks/myapp/tasks.py").read_text()
    assert block.pre and block.pre.get_text() == written


def test_a_function_is_shown_with_its_decorators_and_nothing_else() -> None:
    soup = BeautifulSoup(expand("::: show 06 myapp/views.py task_status"), "html.parser")
    [block] = soup.select("div.highlight")
    text = block.pre.get_text() if block.pre else ""

    assert kind(classes(block), "myapp/views.py") == "shown"
    assert text.startswith("@require_GET\n@never_cache\ndef task_status(")
    assert text.endswith("return JsonResponse(answer)\n")


def test_what_is_shown_can_be_inside_a_list_or_a_hidden_part() -> None:
    html = expand('??? exercise "Solution"\n\n    ::: change 04 myapp/tasks.py\n')
    assert BeautifulSoup(html, "html.parser").select("details.exercise div.highlight")


@pytest.mark.parametrize(
    "text, why",
    [
        ("::: change 99 myapp/tasks.py", "99"),
        ("::: change 04 myapp/nothing.py", "nothing.py"),
        ("::: change 05 manage.py", "does not change"),
        ("::: show 04 myapp/tasks.py subtract", "has no subtract"),
        ("::: patch 04 nothing", "nothing.patch"),
        ("::: chnage 04 myapp/tasks.py", "no such directive"),
        ("::: change 04", "no such directive"),
        ("::: notebook 01_install", "make ipynb"),
        ("```python\nx = 1\n```", "no kind"),
        ("    indented code", "no kind"),
        ("```\nplain\n```", "no kind"),
        ("```mermaid\nflowchart LR\n  nobody --> drew\n```", "make diagrams"),
    ],
)
def test_what_cannot_be_shown_or_followed_is_an_error(text: str, why: str) -> None:
    with pytest.raises(PageError, match=re.escape(why)):
        expand(f"# Title\n\n{text}\n")


def test_french_text_gets_its_spaces_and_code_does_not() -> None:
    html = expand("Un « mot » : `a ; b` ; fin !\n\n``` {.text .shown}\nnon ;\n```", "fr")

    assert f"Un «{NO_BREAK}mot{NO_BREAK}»{NO_BREAK}:" in html
    assert f"<code>a ; b</code>{NARROW}; fin{NARROW}!" in html
    assert "non ;" in html


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", ipynb.written())
def test_a_notebooks_page_has_results(name: str, language: str, site: Path) -> None:
    page = article(site, language, f"notebooks/{name}.md")
    assert page.select(".output")
    assert texts(language)["page_not_run"] not in page.get_text()


def test_a_notebook_is_shown_with_what_came_of_running_it(site: Path) -> None:
    page = article(site, "fr", "notebooks/04_tasks.md")
    cells = [one for one in ipynb.load("04_tasks", "fr")["cells"] if one["cell_type"] == "code"]
    shown = [one.get_text().strip() for one in page.select("div.cell pre")]

    assert shown == [cell["source"].strip() for cell in cells]
    assert len(page.select(".output")) >= len(cells) / 2
    assert page.select(".output figure.timeline svg[role=img][aria-label]")
    assert texts("fr")["turn_right"] in page.select_one("details.exercise .output").get_text()


def test_a_notebook_that_has_not_been_run_says_so_and_shows_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "KEPT", tmp_path)
    page = BeautifulSoup(expand("::: notebook 04_tasks"), "html.parser")

    assert page.select("div.cell") and not page.select(".output")
    assert "make docs" in page.select("div.admonition")[0].get_text()


def test_a_link_of_a_notebook_stays_inside_the_pages() -> None:
    page = BeautifulSoup(expand("::: notebook 04_tasks"), "html.parser")
    links = [str(one["href"]) for one in page.select("a[href]:not(.headerlink)")]
    assert links and [one for one in links if "127.0.0.1" in one] == []


def test_a_timetable_is_summed_from_the_lessons() -> None:
    soup = BeautifulSoup(expand("::: schedule 09:00 01 pause=15 02"), "html.parser")
    rows = [row.find_all("td") for row in soup.select("tbody tr")]
    first, second = (lesson.about["minutes"] for lesson in LESSONS[:2])

    assert [row[0].get_text() for row in rows] == ["09:00", "09:30", "09:45", "10:05"]
    assert f"{first + second}" in rows[-1][1].get_text()


def test_a_block_without_an_end_is_an_error() -> None:
    with pytest.raises(PageError, match="a block without an end: ```python"):
        list(pieces(["Text", "```python", "1"]))


# --- i18n


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages of one's own: one in step, one behind, one without French."""
    for language in ("en", "fr"):
        (tmp_path / language / "lessons").mkdir(parents=True)
    (tmp_path / "en/a.md").write_text("---\ndescription: A\n---\n# A\n")
    (tmp_path / "fr/a.md").write_text("---\ndescription: A\nenglish: 123\n---\n# A\n")
    (tmp_path / "en/lessons/b.md").write_text("---\ndescription: B\n---\n# B\n")
    monkeypatch.setattr(i18n, "PAGES", tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(course, ["i18n", *words])
    return result.exit_code, result.output


def test_i18n_lists_what_is_behind_and_says_so_by_its_status(docs: Path) -> None:
    status, told = run()

    assert status == 1
    assert "a.md: the English has changed since." in told
    assert "lessons/b.md: there is no French page." in told


def test_an_acknowledged_page_is_behind_again_after_the_next_edit(docs: Path) -> None:
    (docs / "en/lessons/b.md").unlink()
    assert run("a")[0] == 0
    assert run()[0] == 0
    assert "# A\n" in (docs / "fr/a.md").read_text()

    (docs / "en/a.md").write_text("---\ndescription: A\n---\n# Another\n")

    assert run()[0] == 1


def test_i18n_refuses_a_page_that_is_not_there(docs: Path) -> None:
    status, told = run("nothing")
    assert status == 2
    assert "nothing is not a page" in told
