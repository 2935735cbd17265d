"""The `course` command: each subcommand is a line or two around a module of its own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from course import catalogue, messages
from course.messages import say


class CourseError(click.ClickException):
    """A fault told in one sentence. Exit status 2: the machine's or the caller's doing."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(say("error", what=self.message), err=True)


class SnapshotName(click.ParamType[catalogue.Snapshot]):
    """A lesson's or recipe's number or name, as an argument."""

    name = "lesson"

    def convert(self, value: Any, param: Any, ctx: Any) -> catalogue.Snapshot:
        if isinstance(value, catalogue.Snapshot):
            return value
        try:
            return catalogue.find(value)
        except catalogue.UnknownSnapshot as error:
            raise CourseError(str(error)) from None


SNAPSHOT = SnapshotName()


def _language(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value:
        messages.choose(value)


def in_language(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--lang`, which changes the language before anything is said."""
    return click.option(
        "--lang",
        type=click.Choice(messages.LANGUAGES),
        is_eager=True,
        expose_value=False,
        callback=_language,
        help=say("help_lang"),
    )(command)


@click.group(help=say("help_course"), context_settings={"help_option_names": ["-h", "--help"]})
def course() -> None:
    pass


@course.command(help=say("help_start"))
@click.argument("snapshot", type=SNAPSHOT, default="lessons/07_flower")
@click.option("--host", default="127.0.0.1", help=say("help_host"))
@in_language
def start(snapshot: catalogue.Snapshot, host: str) -> None:
    from course.start import start

    sys.exit(start(snapshot, host))


@course.command(help=say("help_broker"))
@click.option("--port", type=click.IntRange(1, 65535), default=6379, help=say("help_port"))
@in_language
def broker(port: int) -> None:
    from course.start import broker

    sys.exit(broker(port))


@course.command(help=say("help_begin"))
@click.argument("snapshot", type=SNAPSHOT)
@click.argument("folder", type=click.Path(path_type=Path))
@in_language
def begin(snapshot: catalogue.Snapshot, folder: Path) -> None:
    from course.begin import begin

    sys.exit(begin(snapshot, folder))


@course.command(help=say("help_check"))
@click.argument("snapshot", type=SNAPSHOT, required=False)
@click.option(
    "--project", "folder", type=click.Path(path_type=Path), required=True, help=say("help_project")
)
@click.option("--python", type=click.Path(path_type=Path), help=say("help_python"))
@click.option("--hint", is_flag=True, help=say("help_hint"))
@click.option("--diff", is_flag=True, help=say("help_check_diff"))
@click.option("--watch", is_flag=True, help=say("help_watch"))
@in_language
def check(
    snapshot: catalogue.Snapshot | None,
    folder: Path,
    python: Path | None,
    hint: bool,
    diff: bool,
    watch: bool,
) -> None:
    try:
        if watch:
            from course.check.watch import watch as watch_saves

            sys.exit(watch_saves(folder, snapshot, python))
        from course.check.command import run

        sys.exit(run(folder, snapshot, python, hint, diff))
    except KeyboardInterrupt:  # while all this is imported
        click.echo(say("check_stopped"))
        sys.exit(2)


@course.command(help=say("help_diff"))
@click.argument("snapshot", type=SNAPSHOT)
@in_language
def diff(snapshot: catalogue.Snapshot) -> None:
    from course.diff import diff

    sys.exit(diff(snapshot))


@course.command(help=say("help_forward"))
@click.argument("snapshot", type=SNAPSHOT)
@in_language
def forward(snapshot: catalogue.Snapshot) -> None:
    from course.forward import forward

    sys.exit(forward(snapshot))


@course.command(help=say("help_doctor"))
@in_language
def doctor() -> None:
    from course.doctor import doctor

    sys.exit(doctor())


@course.command(help=say("help_docs"))
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--build", is_flag=True, help=say("help_build"))
@click.option("--on-demand", is_flag=True, help=say("help_on_demand"))
@click.option("--host", default="127.0.0.1", help=say("help_host"))
@click.option("--port", type=click.IntRange(1, 65535), help=say("help_port"))
@in_language
def docs(folder: Path | None, build: bool, on_demand: bool, host: str, port: int | None) -> None:
    from course import execution, site

    try:
        if build:
            site.build_complete(folder or catalogue.ROOT / "site")
        else:
            sys.exit(site.serve(folder or site.SERVED, host, port, on_demand))
    except (site.SiteError, execution.ExecutionError) as error:
        raise CourseError(str(error)) from None


@course.command(help=say("help_notebooks"))
@click.argument("snapshot", type=SNAPSHOT, default="lessons/02_celery_instance")
@in_language
def notebooks(snapshot: catalogue.Snapshot) -> None:
    from course import ipynb
    from course.jupyter import notebooks

    if snapshot.path.name not in ipynb.written():
        raise CourseError(say("notebooks_none", name=snapshot.name))
    sys.exit(notebooks(snapshot.path.name))


@course.command("ipynb", help=say("help_ipynb"))
@in_language
def write_notebooks() -> None:
    from course import ipynb

    sys.exit(ipynb.write())


@course.command(help=say("help_i18n"))
@click.argument("acknowledge", nargs=-1)
@in_language
def i18n(acknowledge: tuple[str, ...]) -> None:
    from course import i18n

    sys.exit(i18n.i18n(acknowledge, i18n.PAGES))


def main() -> None:
    """Run the command line; a fault of the machine is told in one sentence."""
    try:
        course(prog_name="course")
    except OSError as error:
        what = ": ".join(
            str(part)
            for part in (error.filename2 or error.filename, error.strerror or error)
            if part
        )
        click.echo(say("error", what=what), err=True)
        sys.exit(2)
