"""A place to break things in: brokers, copies of the lessons, a worker that many share."""

import socket
import sysconfig
import urllib.error
import urllib.request
import venv
from functools import cached_property
from pathlib import Path
from typing import Self

import redis
from conftest import replace, wait_for

from course import broker, catalogue
from course.ports import free_port
from course.stack import Service, Stack

# Without the proxy that the environment may name.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

PASSWORD = "ada:a-password"
WORKER = "celery -A myproject worker --loglevel=info --without-mingle --concurrency=1"


class Log:
    """What a process writes, or only what it writes from now on."""

    def __init__(self, service: Service, from_now: bool = False) -> None:
        self._path = service.log
        self._start = service.log.stat().st_size if from_now else 0

    def read(self) -> str:
        with self._path.open("rb") as log:
            log.seek(self._start)
            return log.read().decode(errors="replace")


class Lab:
    """What the symptoms share is started when the first of them needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = Stack(folder / "stack")
        self._stack.grace = 0
        self._refusing = socket.socket()
        self._shared: set[str] = set()
        self._count = 0

    def __enter__(self) -> Self:
        self._stack.__enter__()
        # Bound, but nobody listens: it refuses, and nobody else can take the port.
        self._refusing.bind(("127.0.0.1", 0))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)
        self._refusing.close()

    def tidy(self) -> None:
        """End what the last symptom started for itself."""
        services = self._stack.services
        self._stack.end(*(services.keys() - self._shared))
        for name in services.keys() - self._shared:
            del services[name]

    def _number(self) -> int:
        self._count += 1
        return self._count

    # --- projects

    def project(self, lesson: str = "07") -> Path:
        """A copy of a lesson, to be broken."""
        folder = self.folder / f"project-{self._number()}"
        catalogue.copy(catalogue.find(lesson), folder)
        return folder

    def broken(self, lesson: str, path: str, old: str, new: str) -> Path:
        """A copy of a lesson in which one thing is different."""
        project = self.project(lesson)
        replace(project / path, old, new)
        return project

    def migrated(self, project: Path) -> Path:
        """The project, with its tables."""
        told = self.run(project, "python manage.py migrate --verbosity=0")
        assert told == "", told
        return project

    @cached_property
    def playground(self) -> Path:
        """A project with tasks that go wrong, the one of the shared worker."""
        project = self.project()
        mistakes = Path(__file__).with_name("mistakes.py").read_text()
        with (project / "myapp/tasks.py").open("a") as tasks:
            tasks.write(f"\n\n{mistakes}")
        return self.migrated(project)

    # --- processes

    def run(self, project: Path, command: str | list[str], **env: str) -> str:
        """Run a command to its end; returns all that it printed."""
        return self._stack.run(command, project, env).stdout

    def shell(self, project: Path, code: str, **env: str) -> str:
        """What one would type into `manage.py shell`; returns all that it printed."""
        command = ["python", "manage.py", "shell", "--verbosity=0", "--command", code]
        return self.run(project, command, **env)

    def ask(self, code: str) -> str:
        """What one types into the shell of the playground, to which the shared worker listens."""
        assert self.worker.is_up()
        return self.shell(self.playground, f"from myapp.tasks import *\n{code}", **self.names())

    def start(self, project: Path, command: str | list[str], **env: str) -> Service:
        """Start what runs on, until the end of the symptom."""
        name = f"process-{self._number()}"
        return self._stack.start(name, command, project, env=env)

    def _share(self, name: str, project: Path, command: str, says: str, **env: str) -> Service:
        self._shared.add(name)
        service = self._stack.start(name, command, project, lambda it: it.says(says), env)
        self._stack.wait(name)
        return service

    def start_worker(self, project: Path, options: str = "", **env: str) -> Service:
        """Start a worker of the symptom's own, and wait until it is ready."""
        service = self.start(project, f"{WORKER} {options}", **env)
        wait_for(lambda: service.says(" ready."))
        return service

    @cached_property
    def worker(self) -> Service:
        """The shared worker: it reads the shared broker's first database."""
        return self._share("worker", self.playground, WORKER, " ready.", **self.names())

    @cached_property
    def web(self) -> tuple[str, Service]:
        """A web server without tables, whose broker is down, and its address."""
        port = free_port()
        project = self.project()
        command = f"python manage.py runserver --noreload {port}"
        service = self._share("web", project, command, "Quit the server", **names(self.nowhere))
        return f"http://127.0.0.1:{port}", service

    @cached_property
    def flower(self) -> tuple[str, Service]:
        """A Flower without a worker to ask, which came after the first task; and its address."""
        port = free_port()
        project = self.project()
        where = self.names(1)
        told = self.shell(project, "from myapp.tasks import add; add.delay(4, 6)", **where)
        assert told == "", told
        where |= {"FLOWER_PORT": str(port), "FLOWER_BASIC_AUTH": PASSWORD}
        command = "celery -A myproject flower"
        service = self._share("flower", project, command, "Connected to", **where)
        return f"http://127.0.0.1:{port}", service

    # --- brokers

    @cached_property
    def broker(self) -> str:
        """The address of the shared broker, without a database."""
        return self._start_broker("broker")

    def names(self, database: int = 0) -> dict[str, str]:
        """What names the shared broker; 0 is the shared worker's, 1 Flower's database."""
        return names(f"{self.broker}/{database}")

    @property
    def nowhere(self) -> str:
        """The address of a broker that is not there."""
        return f"redis://127.0.0.1:{self._refusing.getsockname()[1]}/0"

    def own_broker(self, **settings: object) -> str:
        """The address of a broker for one symptom alone, with settings that hurt."""
        url = self._start_broker(f"broker-{self._number()}")
        with redis.Redis.from_url(url, retry=None) as client:
            for name, value in settings.items():
                client.config_set(name, value)
        return url

    def _start_broker(self, name: str) -> str:
        port = free_port()
        data = self.folder / name
        data.mkdir()
        if name == "broker":
            self._shared.add(name)
        command = broker.command(port, data)
        self._stack.start(name, command, data, lambda service: broker.answers(port))
        self._stack.wait(name)
        return f"redis://127.0.0.1:{port}"


def names(url: str) -> dict[str, str]:
    """The variables that name a broker and result store."""
    return {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url}


def get(url: str, **headers: str) -> tuple[int, str]:
    """Status and text of an answer."""
    request = urllib.request.Request(url, headers=headers)
    try:
        response = DIRECT.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return response.status, response.read().decode()


def python_without(package: str, folder: Path) -> tuple[str, dict[str, str]]:
    """A Python that has all packages that ours has but one; and the variables it needs."""
    site = folder / "packages"
    site.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and path.name.split("-")[0] != package:
            (site / path.name).symlink_to(path)
    venv.create(folder / "venv", symlinks=True, with_pip=False)
    return str(folder / "venv/bin/python"), {"PYTHONPATH": str(site)}
