"""A figure: two things measured in the same run, their ratio, and the target if there is one."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


class NotMeasured(Exception):
    """A measurement could not be made. The message says why."""


@dataclass(frozen=True)
class Figure:
    """`ratio` is what was measured divided by what it is compared with."""

    what: str
    measured: str
    compared: str
    ratio: float
    target: float | None = None  # the ratio is to be at most this

    @property
    def missed(self) -> bool:
        """Whether there is a target and the ratio is above it."""
        return self.target is not None and self.ratio > self.target


def times(
    what: str, measured: float, compared: float, against: str, target: float | None = None
) -> Figure:
    """A figure of two durations in seconds."""
    return Figure(
        what, duration(measured), f"{against}: {duration(compared)}", measured / compared, target
    )


def duration(seconds: float) -> str:
    """A duration as it is shown: in milliseconds when it is short."""
    return f"{seconds:.2f} s" if seconds >= 0.5 else f"{seconds * 1000:.2f} ms"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def show(console: Console, figures: list[Figure]) -> None:
    """Print one line per figure."""
    table = Table(title="Ratios (the raw figures are this machine's, at this moment)")
    for heading in ("What", "Measured", "Compared with"):
        table.add_column(heading, overflow="fold")
    for heading in ("Ratio", "Target", "Met"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in figures:
        target = f"≤ {figure.target:g}" if figure.target is not None else ""
        met = "" if figure.target is None else "[red]NO" if figure.missed else "[green]yes"
        table.add_row(
            figure.what, figure.measured, figure.compared, f"{figure.ratio:.2f}", target, met
        )
    console.print(table)
