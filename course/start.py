"""`course start` and `course broker`: a stack in the foreground, until Ctrl-C."""

import http.client
import os
import secrets
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from honcho.environ import parse_procfile

from course import broker as brokers
from course.catalogue import MANIFEST, ROOT, STATE, Snapshot, copy
from course.messages import language, say
from course.ports import free_port, is_free
from course.stack import Stack, StackError

# Says for which copy the database is ready.
MIGRATED = "migrated"

COLOURS = {"web": "green", "worker": "blue", "flower": "magenta"}

# Without the proxy that the environment may name.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# When make or the terminal's shell is killed, nobody is left to tell us to end.
_PARENT = os.getppid()

# The port a Procfile's process answers on, and the variable that tells it.
PORTS = {"web": ("PORT", 8000), "flower": ("FLOWER_PORT", 5555)}
SITE_PORT = 8080


class Terminal:
    """What is shown: our own sentences, and each process's output behind its name."""

    def __init__(self) -> None:
        self._read: dict[Path, int] = {}
        self.closed = False

    def tell(self, text: str, colour: str | None = None, bold: bool = False) -> None:
        """Print one of our sentences. A terminal that is gone is remembered as `closed`."""
        try:
            click.secho(text, fg=colour, bold=bold)
        except OSError:
            self.closed = True

    def follow(self, stack: Stack) -> None:
        """Print the whole lines that the services have written since the last call.

        Not the broker's, which are for its own administrators.
        """
        for service in stack.services.values():
            if service.name == "broker":
                continue
            start = self._read.get(service.log, 0)
            with service.log.open("rb") as log:
                log.seek(start)
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[service.log] = start + len(whole)
            for line in whole.decode(errors="replace").splitlines():
                self.tell(f"{service.name:<7}| {line}", COLOURS.get(service.name))


@contextmanager
def stoppable(stack: Stack) -> Iterator[None]:
    """Let Ctrl-C, TERM and a closed terminal end the stack; a second time: at once."""

    def receive(number: int, frame: object) -> None:
        (stack.hurry if stack.stop.is_set() else stack.stop).set()

    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    former = [signal.signal(number, receive) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, former, strict=True):
            signal.signal(number, handler)


def start(snapshot: Snapshot, host: str = "127.0.0.1") -> int:
    """Start what a snapshot's Procfile names, on a copy, and the pages; returns the exit status.

    host: the address that the pages, and they alone, are served on.

    0: it was asked to end, and has. 2: it could not start; the reason is told.
    """
    procfile = snapshot.path / "Procfile"
    if not procfile.exists():
        return refuse(say("nothing_to_start", name=snapshot.name))
    commands: dict[str, str] = parse_procfile(procfile.read_text()).processes
    project = STATE / snapshot.name / "project"
    terminal = Terminal()
    try:
        # Signals count until the last process has ended, so they are the outer context.
        stack = Stack(STATE / snapshot.name, terminal.tell)
        with stoppable(stack), stack:
            terminal.tell(say("starting", name=snapshot.name))
            copy(snapshot, project)
            _choose_broker(stack, terminal)
            new = "broker" in stack.services and not (stack.folder / MIGRATED).exists()
            if new and "worker" in commands:
                # The first time nothing can be queued: the worker need not wait for tables.
                _start_process(stack, terminal, "worker", commands["worker"], project)
            _migrate(stack, project)
            addresses = []
            if "broker" in stack.services:  # another's address may hold a password
                addresses += [f"  broker  {stack.broker_url}"]
            first = [name for name in ("web", "worker") if name in commands]
            # Flower, which only watches, would slow the others down: it goes last.
            for name in sorted(commands, key=lambda name: name == "flower"):
                if name == "flower":
                    stack.wait(*first, meanwhile=lambda: terminal.follow(stack))
                if name not in stack.services:
                    addresses += _start_process(stack, terminal, name, commands[name], project)
            addresses += start_site(stack, terminal, host)
            stack.wait(*commands, "site", meanwhile=lambda: terminal.follow(stack))
            terminal.follow(stack)
            if not stack.stop.is_set():
                terminal.tell("\n".join([say("ready"), *addresses]), bold=True)
            until_asked_to_end(stack, terminal)
    except (StackError, brokers.BrokerError) as error:
        return refuse(str(error))
    return 0


def broker(port: int) -> int:
    """Run the broker alone on `port`, in the foreground; returns the exit status.

    The learner's settings name the port, so a busy one is an error here (2).
    """
    if not is_free(port):
        key = "broker_there" if brokers.answers(port) else "broker_port_busy"
        return refuse(say(key, port=port))
    terminal = Terminal()
    try:
        stack = Stack(STATE / f"broker-{port}", terminal.tell)
        with stoppable(stack), stack:
            stack.start_broker(port)
            terminal.tell(say("broker_ready", url=stack.broker_url), bold=True)
            until_asked_to_end(stack, terminal, "ending_at_once")
    except (StackError, brokers.BrokerError) as error:
        return refuse(str(error))
    return 0


def refuse(sentence: str) -> int:
    """Say why a command cannot do what it is for; returns the exit status."""
    click.echo(say("error", what=sentence), err=True)
    return 2


def _choose_broker(stack: Stack, terminal: Terminal) -> None:
    if address := brokers.external():
        stack.broker_url = address
        terminal.tell(say("broker_external"))
    else:
        stack.start_broker(usual_port(6379, terminal))


def _migrate(stack: Stack, project: Path) -> None:
    # It takes a second, so only where the project has changed since the last time.
    stamp = stack.folder / MIGRATED
    state = (project / MANIFEST).read_text()
    if (project / "db.sqlite3").exists() and stamp.exists() and stamp.read_text() == state:
        return
    migrated = stack.run([sys.executable, "manage.py", "migrate", "--no-input"], project)
    if stack.stop.is_set():
        return
    if migrated.returncode:
        raise StackError(say("not_migrated", output=migrated.stdout.strip()))
    stamp.write_text(state)


def usual_port(usual: int, terminal: Terminal) -> int:
    """This port, or the next free one, which is told."""
    port = free_port(usual)
    if port != usual:
        terminal.tell(say("port_busy", busy=usual, port=port))
    return port


def _start_process(
    stack: Stack, terminal: Terminal, name: str, command: str, project: Path
) -> list[str]:
    """Start one of the Procfile's processes; returns the lines that tell where it answers."""
    if name not in PORTS:
        # Others than workers (beat, say) do not tell when they are ready.
        stack.start(name, command, project, lambda it: name != "worker" or it.says(" ready."))
        return []
    variable, usual = PORTS[name]
    port = usual_port(usual, terminal)
    address = f"http://127.0.0.1:{port}/"
    env = {variable: str(port)}
    line = f"  {name:<7} {address}"
    given = os.environ.get("FLOWER_BASIC_AUTH")
    if name == "flower" and given and ":" not in given:
        raise StackError(say("flower_auth"))
    if name == "flower" and not given:
        password = secrets.token_urlsafe(12)
        env["FLOWER_BASIC_AUTH"] = f"admin:{password}"
        line += "  " + say("flower_password", user="admin", password=password)
    stack.start(name, command, project, lambda service: serves(address), env)
    return [line]


def start_site(stack: Stack, terminal: Terminal, host: str) -> list[str]:
    """Start serving the pages; returns the line that tells where."""
    port = usual_port(SITE_PORT, terminal)
    # Built when somebody reads it: until then, building would slow the others down.
    command = [sys.executable, "-m", "course", "docs", "--on-demand", "--lang", language()]
    command += ["--host", host, "--port", str(port)]
    stack.start("site", command, ROOT, lambda service: not is_free(port))
    return [f"  site    http://{host}:{port}/"]


def serves(address: str) -> bool:
    """Whether an HTTP server answers there, whatever it says."""
    try:
        _DIRECT.open(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True  # Flower asks for a password
    except (OSError, http.client.HTTPException):
        return False
    return True


def until_asked_to_end(
    stack: Stack, terminal: Terminal, key: str = "ending", follow: bool = True
) -> None:
    """Wait for Ctrl-C, TERM or the end of the terminal; follow: show what processes say."""
    while not (terminal.closed or os.getppid() != _PARENT):
        stack.keep_guard()
        if follow:
            terminal.follow(stack)
        if stack.stop.wait(0.1):
            break
    terminal.tell(say(key))
