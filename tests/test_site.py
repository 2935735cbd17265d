"""The built site in a real browser: for every reader, with nothing from elsewhere."""

import functools
import gzip
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect
from reuse import PASSED, REUSED, fingerprint

from course import execution
from course.catalogue import ROOT
from course.i18n import PAGES, pages
from course.messages import LANGUAGES
from course.ports import free_port, is_free
from course.stack import Stack

EVERY_PAGE = [f"{language}/{page}" for page in pages() for language in LANGUAGES]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *words: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the built site is served."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def built(site: Path, page: str) -> Path:
    """The HTML of "en/lessons/05_views.md"."""
    path = site / page.removesuffix(".md")
    return path.with_suffix(".html") if path.name == "index" else path / "index.html"


def url(page: str) -> str:
    """Its address below the site's."""
    path = page.removesuffix(".md")
    return path.removesuffix("index") if path.endswith("index") else f"{path}/"


def look(browser: Browser, address: str, page: str, **context: object) -> tuple[Page, list[str]]:
    """Open a page; what went wrong while it loaded, and what it asked of other addresses."""
    faults: list[str] = []
    tab = browser.new_context(**context).new_page()
    tab.on("request", lambda r: r.url.startswith((address, "data:")) or faults.append(r.url))
    tab.on("response", lambda r: r.ok or faults.append(f"{r.status} {r.url}"))
    tab.on("console", lambda m: m.type in ("error", "warning") and faults.append(m.text))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.goto(address + url(page))
    return tab, faults


@functools.cache
def assets(site: Path, language: str) -> bytes:
    """Everything besides its own HTML that a page looks and works by."""
    files = sorted((site / language / "assets").rglob("*"))
    return b"".join(path.read_bytes() for path in files if path.is_file())


@pytest.fixture
def proof(page: str, site: Path, request: pytest.FixtureRequest) -> Path:
    """The file that says that the test has passed on the page as it is built now."""
    folder = built(site, page).parent
    pictures = b"".join(path.read_bytes() for path in sorted((ROOT / "docs/images").iterdir()))
    parts = [built(site, page).read_bytes(), assets(site, page[:2]), pictures]
    name = f"{request.node.originalname} {folder.relative_to(site)}".encode()
    PASSED.mkdir(parents=True, exist_ok=True)
    return PASSED / fingerprint(name, *parts, Path(__file__).read_bytes())


def record_reuse(proof: Path, record_property) -> bool:
    """Whether the test has passed before on the same content; counted in the summary."""
    if proof.exists():
        record_property(REUSED, True)
    return proof.exists()


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_is_for_everyone_and_asks_nothing_of_others(
    page: str, proof: Path, address: str, browser: Browser, record_property
) -> None:
    if record_reuse(proof, record_property):
        return
    for scheme, palette in (("light", "default"), ("dark", "slate")):
        tab, faults = look(browser, address, page, color_scheme=scheme, reduced_motion="reduce")
        expect(tab.locator("body")).to_have_attribute("data-md-color-scheme", palette)
        for width in (390, 1400):
            tab.set_viewport_size({"width": width, "height": 900})
            results = Axe().run(tab, options={"resultTypes": ["violations"]})
            found = [
                f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
                for violation in results.response["violations"]
                for node in violation["nodes"]
            ]
            assert not found, f"{scheme}, {width}: " + "\n".join(found)
            inner = tab.evaluate("document.documentElement.scrollWidth")
            assert inner <= width, f"{width}: the page is {inner} pixels wide"
        assert not faults, scheme
        tab.context.close()
    proof.touch()


def links(site: Path, page: str) -> list[str]:
    soup = BeautifulSoup(built(site, page).read_text(encoding="utf-8"), "html.parser")
    return [str(tag["href"]) for tag in soup.find_all(["a", "link"], href=True)]


@functools.cache
def ids(path: Path) -> set[str]:
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return {str(tag["id"]) for tag in soup.find_all(id=True)}


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_link_and_anchor_leads_somewhere(page: str, site: Path) -> None:
    base = "/" + url(page)
    for link in links(site, page):
        target = urllib.parse.urlsplit(urllib.parse.urljoin(base, link))
        if target.scheme in ("http", "https", "mailto"):
            continue
        path = site / urllib.parse.unquote(target.path).lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        assert path.is_file(), f"{link} leads nowhere"
        if target.fragment and path.suffix == ".html":
            assert urllib.parse.unquote(target.fragment) in ids(path), f"{link}: no such anchor"


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_is_light(page: str, site: Path) -> None:
    html = built(site, page)
    soup = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")
    named = [tag["href"] for tag in soup.select("link[rel=stylesheet]")]
    named += [tag["src"] for tag in soup.select("script[src]")]
    # What the search loads besides its index, which has a limit of its own.
    scripts = site / page[:2] / "assets/javascripts"
    searching = [*scripts.glob("workers/search.*.js")]
    if page.startswith("fr"):
        searching += [
            scripts / f"lunr/min/lunr.{name}.min.js" for name in ("stemmer.support", "fr")
        ]
    code = [html, *((html.parent / str(name)).resolve() for name in named), *searching]
    pictures = [(html.parent / str(tag["src"])).resolve() for tag in soup.select("img[src]")]

    assert len(code) >= 6
    assert sum(map(packed, code)) <= 140_000
    assert sum(path.stat().st_size for path in pictures) <= 250_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_search_index_is_light(language: str, site: Path) -> None:
    assert packed(site / language / "search" / "search_index.json") <= 60_000


def search(tab: Page, words: str) -> list[str]:
    """What the search shows: text and address of each result."""
    box = tab.locator("[data-md-component=search-query]")
    box.click()
    box.press_sequentially(words, delay=20)
    results = tab.locator("a.md-search-result__link")
    expect(results.first).to_be_visible(timeout=60_000)
    return [
        f"{one.inner_text()} {one.get_attribute('href')}"
        for one in results.all()
        if one.is_visible()
    ]


def test_a_french_search_needs_no_accents_and_finds_french_alone(
    address: str, browser: Browser
) -> None:
    tab, _ = look(browser, address, "fr/index.md", viewport={"width": 1400, "height": 900})

    found = search(tab, "tache")

    assert any("tâche" in result for result in found)
    assert all("/fr/" in result for result in found)
    tab.context.close()


def test_an_english_search_finds_english_alone(address: str, browser: Browser) -> None:
    tab, _ = look(browser, address, "en/index.md", viewport={"width": 1400, "height": 900})

    found = search(tab, "worker")

    assert all("/en/" in result for result in found)
    tab.context.close()


@pytest.mark.parametrize("language, other", [("en", "fr"), ("fr", "en")])
def test_the_language_switch_keeps_page_and_heading(
    language: str, other: str, address: str, browser: Browser
) -> None:
    tab, _ = look(browser, address, f"{language}/lessons/05_views.md")
    tab.goto(f"{tab.url}#break")
    tab.locator(".language a").click()
    tab.wait_for_url(f"{address}{other}/lessons/05_views/#break")

    assert tab.locator("html").get_attribute("lang") == other
    tab.context.close()


@pytest.mark.parametrize("locale, language", [("fr-CH", "fr"), ("en-GB", "en"), ("de", "en")])
def test_the_root_picks_the_readers_language(
    locale: str, language: str, address: str, browser: Browser
) -> None:
    tab = browser.new_context(locale=locale).new_page()
    tab.goto(address)
    tab.wait_for_url(f"{address}{language}/")
    tab.context.close()


def copied(tab: Page, block: str) -> str:
    """What is on the clipboard after the copy button of a block was pressed."""
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    place = tab.locator(block).first
    place.scroll_into_view_if_needed()
    place.hover()
    place.locator("[data-clipboard-target], .md-code__button[data-md-type=copy]").first.click()
    expect(tab.locator(".md-dialog")).to_be_visible()
    return tab.evaluate("navigator.clipboard.readText()")


def test_a_change_is_copied_without_its_signs(address: str, browser: Browser) -> None:
    tab, _ = look(browser, address, "en/lessons/03_settings.md")

    text = copied(tab, ".language-diff")

    assert "CELERY_BROKER_URL = 'redis://localhost:6379/0'\n" in text
    assert not any(line.startswith(("+", "-", "@@")) for line in text.splitlines())
    tab.context.close()


def test_a_terminal_is_copied_without_prompts_and_output(address: str, browser: Browser) -> None:
    tab, _ = look(browser, address, "en/lessons/02_celery_instance.md")
    block = tab.locator(".language-console:has-text('. .venv/bin/activate')").first
    shown = block.inner_text()

    text = copied(tab, ".language-console:has-text('. .venv/bin/activate')")

    assert "$ . .venv/bin/activate" in shown
    assert ". .venv/bin/activate" in text.splitlines()
    assert "$" not in text
    tab.context.close()


def test_the_whole_file_beside_a_change_is_copied_as_it_is(address: str, browser: Browser) -> None:
    tab, _ = look(browser, address, "en/lessons/05_views.md")
    tabs = tab.locator(".tabbed-set:has(.shown .filename:text-is('myapp/views.py'))").first
    tabs.locator(".tabbed-labels label").nth(1).click()

    text = copied(tab, ".shown:has(.filename:text-is('myapp/views.py')):visible")

    assert text + "\n" == (ROOT / "lessons/05_views/myapp/views.py").read_text()
    tab.context.close()


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_prints_all_of_its_text_and_nothing_else(
    page: str, proof: Path, address: str, browser: Browser, record_property
) -> None:
    if record_reuse(proof, record_property):
        return
    tab, _ = look(browser, address, page, viewport={"width": 720, "height": 1000})
    tab.emulate_media(media="print")
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")

    assert not tab.locator(".md-header, .md-sidebar, .md-footer").locator("visible=true").count()
    for closed in tab.locator("article details").all():
        assert closed.locator("> *").last.is_visible()
    for block in tab.locator("article pre > code:visible").all():
        wide, seen = block.evaluate("code => [code.scrollWidth, code.clientWidth]")
        assert wide <= seen + 1, block.inner_text()[:80]
    tab.context.close()
    proof.touch()


def free_of_everything_else(folder: Path) -> Path:
    """A checkout of one's own, whose pages can be edited."""
    for name in ("course", "docs", "lessons", "notebooks", "requirements"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    return folder


def notebooks_run(folder: Path) -> Path:
    """A state folder in which the notebooks have been run, as they have for `site`."""
    shutil.copytree(execution.KEPT, folder / "state/cache/notebooks")
    return folder / "state"


def test_an_edit_of_a_page_or_a_snapshot_is_shown_by_make_docs_at_once(
    tmp_path: Path, site: Path, stack: Stack, browser: Browser
) -> None:
    checkout = free_of_everything_else(tmp_path / "checkout")
    port = free_port()
    command = [sys.executable, "-m", "course", "docs", "--port", str(port)]
    env = {"PYTHONPATH": str(checkout), "COURSE_STATE": str(notebooks_run(tmp_path))}
    stack.start("docs", command, checkout, lambda service: not is_free(port), env)
    stack.wait("docs")
    tab, _ = look(browser, f"http://127.0.0.1:{port}/", "fr/lessons/05_views.md")

    page = checkout / "docs/fr/lessons/05_views.md"
    page.write_text(page.read_text() + "\nUn mot tout neuf !\n")
    expect(tab.get_by_text("Un mot tout neuf\u202f!")).to_be_visible(timeout=60_000)

    view = checkout / "lessons/05_views/myapp/views.py"
    view.write_text(view.read_text() + "\n# A line that is quite new\n")
    expect(tab.get_by_text("# A line that is quite new").first).to_be_attached(timeout=60_000)
    log = (stack.folder / "docs.log").read_text()
    # The French page's edit built French alone; the snapshot's, both.
    assert (log.count("Built again: fr."), log.count("Built again: en.")) == (2, 1)
    tab.context.close()


@pytest.mark.parametrize("language, words", [("en", "No such page"), ("fr", "Page introuvable")])
def test_an_address_that_leads_nowhere_is_told_in_the_language_asked_for(
    language: str, words: str, tmp_path: Path, site: Path, stack: Stack, browser: Browser
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "course", "docs", "--port", str(port), str(site)]
    stack.start("docs", command, ROOT, lambda service: not is_free(port))
    stack.wait("docs")
    tab = browser.new_page()
    answer = tab.goto(f"http://127.0.0.1:{port}/{language}/lessons/nowhere/")

    assert answer and answer.status == 404
    expect(tab.get_by_role("heading", name=words)).to_be_visible()
    expect(tab.locator(".md-header")).to_be_visible()
    tab.close()


def answers(host: str, port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0


@pytest.mark.parametrize("host, other", [(None, "127.0.0.2"), ("127.0.0.2", "127.0.0.1")])
def test_the_pages_are_served_on_the_address_asked_for_alone(
    host: str | None, other: str, site: Path, stack: Stack
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "course", "docs", "--port", str(port), str(site)]
    command += ["--host", host] if host else []
    # On Linux all of 127.x.x.x is this machine.
    stack.start("docs", command, ROOT, lambda service: answers(host or "127.0.0.1", port))
    stack.wait("docs")

    assert not answers(other, port)


def test_a_page_that_cannot_be_followed_fails_the_build(tmp_path: Path, site: Path) -> None:
    checkout = free_of_everything_else(tmp_path / "checkout")
    page = checkout / "docs/en/lessons/05_views.md"
    page.write_text(page.read_text() + "\n```python\nnobody_knows()\n```\n")

    ended = subprocess.run(
        [sys.executable, "-m", "course", "docs", "--build", str(tmp_path / "site")],
        cwd=checkout,
        env={
            "PYTHONPATH": str(checkout),
            "PATH": "/usr/bin:/bin",
            "COURSE_STATE": str(notebooks_run(tmp_path)),
        },
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 2
    assert "lessons/05_views.md" in ended.stderr
    assert "a block of no kind" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_every_page_is_in_the_navigation(site: Path) -> None:
    index = json.loads((site / "en/search/search_index.json").read_text())
    places = {entry["location"].partition("#")[0] for entry in index["docs"]}

    assert places == {url(f"en/{page}").removeprefix("en/") for page in pages(PAGES)}
