"""`course docs`: build the pages in both languages, serve them, build again after an edit."""

import fcntl
import json
import logging
import multiprocessing
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from course import catalogue, execution, ipynb
from course.messages import LANGUAGES, say
from course.ports import free_port
from course.typography import french

# The theme would announce at every build that it is in maintenance.
os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")

from mkdocs import exceptions
from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config
from mkdocs.livereload import LiveReloadServer

PORT = 8080
SERVED = catalogue.STATE / "site"
DOCS = catalogue.ROOT / "docs"
# So many characters of a section are searched: a phone on a workshop's network loads them all.
LONGEST = 720
# How the theme's search reads French; it is added to.
SEARCH = "assets/javascripts/lunr/min/lunr.fr.min.js"
# What both languages are made of, besides their own folder.
SHARED = [DOCS / name for name in ("theme", "images", "diagrams")]
SHARED += [DOCS / name for name in ("mkdocs.yml", "root.html", "fold.js")]
SHARED += [catalogue.ROOT / name for name in ("lessons", "recipes")]
# Each holds a folder of its own for each language.
BY_LANGUAGE = [DOCS, ipynb.FOLDER, execution.KEPT]
# Changes between two builds, but not while the site is served.
MACHINERY = [catalogue.ROOT / "course", catalogue.ROOT / "requirements" / "course.txt"]


class SiteError(Exception):
    """The site could not be built. The message is for the author."""


def build(site: Path, languages: Iterable[str] = LANGUAGES, strict: bool = True) -> None:
    """Build the pages into `site`/en and `site`/fr.

    strict: a warning (a link that leads nowhere) is an error. A language that
    fails leaves what was there before. Raises SiteError, OSError.
    """
    site = site.resolve()  # MkDocs takes relative ones from its configuration's folder
    site.mkdir(parents=True, exist_ok=True)
    shutil.copy(DOCS / "root.html", site / "index.html")
    # A process for each, kept ready for the next build; threads would wait for one another.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["course.site"])
    with ProcessPoolExecutor(len(LANGUAGES), processes) as pool:
        halves = [pool.submit(_build_one, language, site, strict) for language in languages]
        for half in halves:
            half.result()


def build_complete(site: Path) -> None:
    """Run the notebooks that have no results, then build everything; a warning is an error.

    Raises ExecutionError, SiteError, OSError.
    """
    execution.execute()
    build(site)


def refresh(site: Path, strict: bool = False) -> list[str]:
    """Build the languages that have changed since they were built; returns which.

    One process at a time does so in a folder. Raises SiteError, OSError.
    """
    site.mkdir(parents=True, exist_ok=True)
    with open(site / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = _changed(site)
        build(site, changed, strict)
        return changed


def _build_one(language: str, site: Path, strict: bool) -> None:
    state = _state(language)
    folder = site / f".{language}"
    try:
        with _warnings_shown():
            config = load_config(str(DOCS / f"{language}.yml"), site_dir=str(folder), strict=strict)
            if language == "fr":
                config.site_name = french(config.site_name)
            mkdocs_build(config)
    except (exceptions.MkDocsException, exceptions.Abort, ValueError) as error:
        raise SiteError(say("site_failed", language=language, why=error)) from None
    _lighten(folder / "search" / "search_index.json")
    if language == "fr":
        with (folder / SEARCH).open("a") as script:
            script.write((DOCS / "fold.js").read_text())
    shutil.rmtree(site / language, ignore_errors=True)
    folder.rename(site / language)
    (site / f".{language}.json").write_text(json.dumps(state))


def _lighten(index: Path) -> None:
    """Leave out of the search index what no search is for: tags, and the end of long sections."""
    contents = json.loads(index.read_text(encoding="utf-8"))
    for section in contents["docs"]:
        text = re.sub(r"</?\w[^>]*>", "", section["text"])
        if section["location"].startswith("notebooks/0"):
            text = ""  # found by its headings; what it says, its lesson says too
        # At a space: never inside an entity.
        section["text"] = text if len(text) <= LONGEST else text[:LONGEST].rpartition(" ")[0]
    lighter = json.dumps(contents, separators=(",", ":"), ensure_ascii=False)
    index.write_text(lighter, encoding="utf-8")


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """While inside, MkDocs's warnings go to standard error."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.getLogger("mkdocs").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("mkdocs").removeHandler(handler)


def _run_notebooks() -> None:
    try:
        for name, language in execution.execute():
            click.echo(say("site_notebook_run", name=name, language=language))
    except (execution.ExecutionError, OSError) as error:
        click.echo(say("error", what=error), err=True)


class _Server(LiveReloadServer):
    """Serves both languages, each with its own page for an address that leads nowhere."""

    def __init__(self, site: Path, host: str, port: int, run_notebooks: bool) -> None:
        # Requests wait while it builds; an edit is looked for five times a second.
        super().__init__(self._build_changed, host, port, str(site), polling_interval=0.2)
        self._site = site
        self._building = threading.Lock()
        self._run_notebooks = run_notebooks
        self._runner = threading.Thread()
        self._built = False
        self._asked = threading.local()
        self.error_handler = self._not_found
        for path in [*BY_LANGUAGE, *SHARED]:
            if path.is_dir():
                self.watch(str(path))

    def _build_changed(self) -> None:
        try:
            for language in refresh(self._site):
                click.echo(say("site_rebuilt", language=language))
        except (SiteError, OSError) as error:
            # The site stays as it was; the next edit has another chance.
            click.echo(say("error", what=error), err=True)
        self.run_notebooks()

    def run_notebooks(self) -> None:
        """Run what has no results, beside the serving; the pages are built again after it."""
        if self._run_notebooks and not self._runner.is_alive():
            self._runner = threading.Thread(target=_run_notebooks, daemon=True)
            self._runner.start()

    def serve_request(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._building:
            if not self._built:  # nothing was built before the first page was asked for
                self._build_changed()
                self._built = True
        self._asked.path = environ["PATH_INFO"]
        return super().serve_request(environ, start_response)

    def _not_found(self, code: int) -> bytes | None:
        language = self._asked.path.strip("/").partition("/")[0]
        page = self._site / (language if language in LANGUAGES else LANGUAGES[0]) / "404.html"
        return page.read_bytes() if page.is_file() else None


def _changed(site: Path) -> list[str]:
    """The languages whose sources are not those that `site` was built from."""
    changed = []
    for language in LANGUAGES:
        try:
            built = json.loads((site / f".{language}.json").read_text())
        except (FileNotFoundError, ValueError):
            built = None
        if built != _state(language):
            changed.append(language)
    return changed


def _state(language: str) -> dict[str, list[int]]:
    """The sources of a language, each with its time and size."""
    state = {}
    own = [folder / language for folder in BY_LANGUAGE]
    for source in [*own, DOCS / f"{language}.yml", *SHARED, *MACHINERY]:
        for path in [source, *source.rglob("*")]:
            if path.is_file() and path.parent.name != "__pycache__":
                stat = path.stat()
                state[str(path)] = [stat.st_mtime_ns, stat.st_size]
    return state


def serve(site: Path, host: str, port: int | None, on_demand: bool = False) -> int:
    """Build both languages, serve them until Ctrl-C or TERM; returns the exit status.

    port: None for 8080, or the next free one. on_demand: build no sooner than a page is asked
    for, and run no notebook. After an edit to a page, a snapshot or a notebook, what changed is
    built again and open pages reload. Raises SiteError if the first build fails, OSError.
    """
    execution.KEPT.mkdir(parents=True, exist_ok=True)  # or it could not be watched
    if not on_demand:
        click.echo(say("site_building"))
        refresh(site)
    chosen = port or free_port(PORT)
    if not port and chosen != PORT:
        click.echo(say("port_busy", busy=PORT, port=chosen))
    server = _Server(site, host, chosen, run_notebooks=not on_demand and execution.possible())
    server.run_notebooks()
    click.secho(say("site_ready", url=f"http://{host}:{chosen}/"), bold=True)
    try:
        server.serve()  # type: ignore[no-untyped-call]
    except KeyboardInterrupt:
        click.echo(say("ending_at_once"))
    finally:
        server.shutdown()
    return 0
