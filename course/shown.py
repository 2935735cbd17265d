"""What a page shows of the snapshots: the Markdown that each line `::: …` stands for."""

import ast
from collections.abc import Callable
from difflib import SequenceMatcher, unified_diff
from inspect import signature
from pathlib import Path

from course import catalogue, cells, ipynb
from course.fences import PageError, fence, indented
from course.messages import texts

LEXERS = {".py": "python", ".html": "html+django", ".toml": "toml", ".ini": "ini"}


class Expander:
    """Turns the lines `::: …` of a page into Markdown, in the page's language."""

    def __init__(self, language: str, stash: Callable[[str], str]) -> None:
        """stash: puts HTML aside and returns what stands for it in the Markdown."""
        self._language = language
        self._stash = stash
        self._directives: dict[str, Callable[..., list[str]]] = {
            "lesson": self._lesson,
            "change": self._change,
            "show": self._show,
            "patch": self._patch,
            "schedule": self._schedule,
            "notebook": self._notebook,
        }

    def say(self, key: str, **values: object) -> str:
        """The text `key` in the page's language."""
        return texts(self._language)[key].format(**values)

    def expand(self, words: str) -> list[str]:
        """The Markdown lines that a directive stands for. Raises PageError."""
        name, *arguments = words.split()
        directive = self._directives.get(name)
        try:
            if directive is None:
                raise TypeError
            signature(directive).bind(*arguments)
        except TypeError:
            raise PageError(f"no such directive: ::: {words}") from None
        try:
            return directive(*arguments)
        except (catalogue.UnknownSnapshot, OSError, SyntaxError) as error:
            raise PageError(f"::: {words}: {error}") from None

    def _lesson(self, number: str) -> list[str]:
        lesson = catalogue.find(number)
        begin = "page_begin" if lesson.base else "page_begin_first"
        facts = {"number": lesson.path.name[:2], "minutes": lesson.about["minutes"]}
        lines = [self.say("page_minutes", **facts), "", self.say(begin, **facts)]
        if ipynb.path(lesson.path.name, self._language).is_file():
            lines += ["", self.say("page_has_notebook", name=lesson.path.name)]
        return ['!!! note ""', "", *indented(lines, "    "), ""]

    def _change(self, number: str, path: str) -> list[str]:
        snapshot = catalogue.find(number)
        new = _read(snapshot, path)
        if not (snapshot.base and (snapshot.base.path / path).is_file()):
            return fence(f'{{.{_lexer(path)} title="{path}"}}', new)
        old = _read(snapshot.base, path)
        if old == new:
            raise PageError(f"{snapshot.name} does not change {path}")
        changes = list(unified_diff(old, new, lineterm=""))[2:]
        matcher = SequenceMatcher(a=old, b=new, autojunk=False)
        lines = [
            f"{first + 1}-{last}"
            for operation, _, _, first, last in matcher.get_opcodes()
            if operation in ("replace", "insert")
        ]
        marked = f' hl_lines="{" ".join(lines)}"' if lines else ""
        shown = f'{{.{_lexer(path)} .shown title="{path}"{marked}}}'
        return [
            # The "!" begins a new set of tabs.
            *self._tab("===! ", "page_change", fence(f'{{.diff title="{path}"}}', changes)),
            *self._tab("=== ", "page_whole_file", fence(shown, new)),
        ]

    def _tab(self, mark: str, key: str, lines: list[str]) -> list[str]:
        return [f'{mark}"{self.say(key)}"', "", *indented(lines, "    "), ""]

    def _show(self, number: str, path: str, name: str = "") -> list[str]:
        snapshot = catalogue.find(number)
        lines = _read(snapshot, path)
        if name:
            lines = _named(lines, name) or []
        if not lines:
            raise PageError(f"{snapshot.name}/{path} has no {name}")
        return fence(f'{{.{_lexer(path)} .shown title="{path}"}}', lines)

    def _patch(self, number: str, name: str) -> list[str]:
        patch = catalogue.find(number).path / "steps" / f"{name}.patch"
        return [
            line
            for path, hunks in patched_files(patch.read_text(encoding="utf-8"))
            for line in fence(f'{{.diff title="{path}"}}', hunks)
        ]

    def _notebook(self, name: str) -> list[str]:
        return cells.markdown(name, self._language, self._stash)

    def _schedule(self, start: str, *steps: str) -> list[str]:
        hours, minutes = map(int, start.split(":"))
        now, total = hours * 60 + minutes, 0
        lines = [self.say("page_schedule_head"), "|---|---|---|"]
        for step in steps:
            if step.startswith("pause="):
                length, what = int(step.removeprefix("pause=")), self.say("page_pause")
            else:
                lesson = catalogue.find(step)
                length = lesson.about["minutes"]
                total += length
                title = lesson.about["title"][self._language]
                folder = lesson.path
                what = f"[{int(folder.name[:2])}. {title}]({folder.parent.name}/{folder.name}.md)"
            lines.append(f"| {now // 60:02}:{now % 60:02} | {what} | {length} min |")
            now += length
        end = self.say("page_schedule_end", minutes=total)
        return ["", *lines, f"| {now // 60:02}:{now % 60:02} | {end} | |", ""]


def patched_files(patch: str) -> list[tuple[str, list[str]]]:
    """The files that a patch written by `git diff` changes: path and lines of hunks."""
    files: list[tuple[str, list[str]]] = []
    for line in patch.splitlines():
        if line.startswith("+++ "):
            files.append((line.removeprefix("+++ ").removeprefix("b/"), []))
        elif line.startswith("diff --git "):
            files.append(("", []))  # until its +++ line comes
        elif files and files[-1][0]:
            files[-1][1].append(line)
    return [(path, hunks) for path, hunks in files if path]


def _read(snapshot: catalogue.Snapshot, path: str) -> list[str]:
    return (snapshot.path / path).read_text(encoding="utf-8").splitlines()


def _lexer(path: str) -> str:
    return LEXERS.get(Path(path).suffix, "text")


def _named(lines: list[str], name: str) -> list[str] | None:
    """The function, class or assignment called `name` ("Class.method"), its decorators too."""
    body: list[ast.stmt] = ast.parse("\n".join(lines)).body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next((node for node in body if part in _names(node)), None)
        body = getattr(found, "body", [])
    if found is None:
        return None
    decorators = getattr(found, "decorator_list", [])
    first = min(node.lineno for node in [found, *decorators])
    return lines[first - 1 : found.end_lineno]


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [getattr(node, "name", "")]
