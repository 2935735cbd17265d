"""Which process ran which task when: read from the workers' own record, and drawn."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.messages import number, say
from course.notebook.faults import NotebookError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart on white and on dark pages, and by more than their colour.
ENDED, CUT = "#12937f", "#d2691e"
LANE = 0.32  # inches a process takes
PATIENCE = 5.0  # seconds


@dataclass
class Run:
    """One start of a task, as the process that ran it noted it; times in seconds since 1970."""

    task_id: str
    task: str
    worker: str
    process: int
    thread: int
    start: float
    end: float | None = None  # None: it runs, or its process was killed
    state: str | None = None

    @property
    def lane(self) -> tuple[str, int, int]:
        """Where it ran: worker, process, thread."""
        return self.worker, self.process, self.thread


def read(record: Path) -> list[Run]:
    """Every start noted so far, with its end if it has one, in the order of the starts."""
    runs: list[Run] = []
    running: dict[tuple[str, int], Run] = {}
    for line in record.read_text(encoding="utf-8").splitlines():
        note = json.loads(line)
        key = note["id"], note["process"]
        if note["what"] == "start":
            where = note["worker"], note["process"], note["thread"]
            running[key] = Run(note["id"], note["task"], *where, note["at"])
            runs.append(running[key])
        elif key in running:
            running[key].end, running[key].state = note["at"], note["what"]
    return sorted(runs, key=lambda run: run.start)


class Timeline(list[Run]):
    """Runs that can be looked at; `_repr_html_` draws them."""

    @property
    def lanes(self) -> list[tuple[str, int, int]]:
        """The processes (and threads) that ran something, in the order of their first start."""
        return list(dict.fromkeys(run.lane for run in self))

    @property
    def start(self) -> float:
        """The first start, in seconds since 1970."""
        return min((run.start for run in self), default=0.0)

    @property
    def seconds(self) -> float:
        """From the first start to the last end."""
        return max((run.end or run.start for run in self), default=0.0) - self.start

    def _repr_html_(self) -> str:
        return str(draw({"": self}))

    def __repr__(self) -> str:
        return in_words({"": self})


class Drawing(str):
    """SVG with its text alternative, as HTML."""

    alternative = ""

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return self.alternative


def draw(timelines: Mapping[str, Timeline]) -> Drawing:
    """Timelines below each other, by title, on the same scale of seconds."""
    words = in_words(timelines)
    svg = _svg(timelines)
    # The picture takes the colour of the page's text, and a name for those who listen to it.
    svg = svg.replace("#000000", "currentColor")
    named = f'<svg role="img" aria-label="{escape(words)}" fill="currentColor" '
    svg = re.sub(r"(?s)^.*?<svg ", named, svg, count=1)
    svg = re.sub(r"font-family: [^;]*", "font-family: sans-serif", svg)
    svg = re.sub(r"(?s)<metadata>.*?</metadata>", "", svg)
    lines = "".join(f"<li>{escape(line)}</li>" for line in words.splitlines())
    summary = say("timeline_in_words")
    drawing = Drawing(
        f'<figure class="timeline">{svg}<details><summary>{summary}</summary>'
        f"<ul>{lines}</ul></details></figure>"
    )
    drawing.alternative = words
    return drawing


def in_words(timelines: Mapping[str, Timeline]) -> str:
    """What the picture shows: a line for each timeline and each process in it."""
    lines = []
    for title, runs in timelines.items():
        before = f"{title}: " if title else ""
        facts = {"tasks": len({run.task_id for run in runs}), "lanes": len(runs.lanes)}
        seconds = number(runs.seconds, 1)
        lines.append(before + say(_kind(runs)[0], seconds=seconds, **facts))
        for index, lane in enumerate(runs.lanes, 1):
            own = [run for run in runs if run.lane == lane]
            cut = sum(run.end is None for run in own)
            busy = sum(run.end - run.start for run in own if run.end)
            words = say(
                "timeline_lane",
                name=_name(index, runs, lane),
                count=len(own),
                busy=number(busy, 1),
                start=number(own[0].start - runs.start, 1),
            )
            lines.append(words + (" " + say("timeline_cut", count=cut) if cut else ""))
    return "\n".join(lines)


def _kind(runs: Timeline) -> tuple[str, str]:
    """What to call the lanes, as keys of messages: threads when one process has several."""
    if len({process for _, process, _ in runs.lanes}) < len(runs.lanes):
        return "timeline_whole_thread", "timeline_thread"
    return "timeline_whole_process", "timeline_process"


def _name(index: int, runs: Timeline, lane: tuple[str, int, int]) -> str:
    name = say(_kind(runs)[1], index=index)
    several = len({worker for worker, *_ in runs.lanes}) > 1
    return f"{lane[0].partition('@')[0]}, {name}" if several else name


def _svg(timelines: Mapping[str, Timeline]) -> str:
    # Half a second to import, and only here. No pyplot: it would keep every figure.
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    counts = [max(len(runs.lanes), 1) for runs in timelines.values()]
    height = LANE * sum(counts) + 0.55 * len(counts) + 0.5
    style: dict[Any, str] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "course",
        "font.family": "sans-serif",
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots(
            len(counts), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": counts}
        )
        longest = max(runs.seconds for runs in timelines.values())
        for axis, (title, runs) in zip(axes[:, 0], timelines.items(), strict=True):
            _lanes(axis, runs, longest)
            axis.set_title(title, loc="left", fontsize=10)
        axes[-1, 0].set_xlabel(say("timeline_axis"))
        axes[-1, 0].xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        axes[-1, 0].xaxis.set_major_formatter(lambda seconds, place: number(seconds, 1))
        text = StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _lanes(axis: "Axes", runs: Timeline, longest: float) -> None:
    for row, lane in enumerate(runs.lanes):
        for run in runs:
            if run.lane != lane:
                continue
            end = run.end or _cut_at(runs, run, runs.start + longest)
            cut: dict[str, Any] = {"color": "none", "edgecolor": CUT, "hatch": "////"}
            axis.barh(
                row,
                end - run.start,
                left=run.start - runs.start,
                height=0.7,
                linewidth=1,
                **({"color": ENDED} if run.end else cut),
            )
    axis.set_yticks(
        range(len(runs.lanes)),
        [_name(index, runs, lane) for index, lane in enumerate(runs.lanes, 1)],
    )
    axis.invert_yaxis()
    axis.set_xlim(0, longest * 1.02 or 1)
    axis.patch.set_alpha(0)
    axis.spines[["top", "right"]].set_visible(False)


def _cut_at(runs: Sequence[Run], cut: Run, latest: float) -> float:
    """When a run without an end cannot have gone on: its task was started again then."""
    again = (run.start for run in runs if run.task_id == cut.task_id and run.start > cut.start)
    return min(again, default=latest)


def complete(record: Path, ids: set[str]) -> Timeline:
    """The runs of these tasks, once the last one of each has ended.

    A process notes an end just after it has stored the result. Raises NotebookError when
    tasks have not ended after `PATIENCE` seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        runs = [run for run in read(record) if run.task_id in ids]
        last = {run.task_id: run for run in runs}
        missing = len(ids) - sum(run.end is not None for run in last.values())
        if not missing:
            return Timeline(runs)
        if time.monotonic() > deadline:
            raise NotebookError(say("timeline_unfinished", count=missing))
        time.sleep(0.02)
