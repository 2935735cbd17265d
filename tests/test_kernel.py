"""What course.notebook does in a kernel: real kernels, real brokers, real workers."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis
from conftest import command, wait_for
from jupyter_client.manager import KernelManager

from course import jupyter
from course.guard import marked
from course.messages import texts
from course.ports import is_free

pytestmark = pytest.mark.reuse()


class Kernel:
    """A notebook's kernel, as JupyterLab starts it, in the folder of one language."""

    def __init__(self, state: Path, language: str = "en", **env: str) -> None:
        self.state = state
        self.manager = KernelManager(kernel_name="python3")
        folder = state.parent / language
        folder.mkdir(exist_ok=True)
        env = {**os.environ, **jupyter.environment(), "COURSE_STATE": str(state), **env}
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, fine: bool = True) -> str:
        """Run a cell; returns all that it showed as text, an error's words too."""
        said: list[str] = []

        def hear(message: dict[str, object]) -> None:
            content = message["content"]
            assert isinstance(content, dict)
            if "traceback" in content:
                said.extend(content["traceback"])
            elif "data" in content:
                said.append(content["data"]["text/plain"] + "\n")
            elif message["msg_type"] == "stream":
                said.append(content["text"])

        reply = self.client.execute_interactive(code, output_hook=hear, timeout=90)
        assert (reply["content"]["status"] == "ok") == fine, "".join(said)
        return "".join(said)

    def value(self, expression: str) -> object:
        """What an expression is in the kernel."""
        said = self.run(f"import json\nprint(json.dumps({expression}))")
        found: object = json.loads(said.splitlines()[-1])
        return found

    def processes(self) -> list[psutil.Process]:
        """What its stacks have started and still runs."""
        return [p for lock in self.state.rglob("lock") for p in marked(lock.parent)]

    def end(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernels(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels, which are ended after the test."""
    started: list[Kernel] = []

    def start(language: str = "en", **env: str) -> Kernel:
        started.append(Kernel(tmp_path / "state", language, **env))
        return started[-1]

    yield start
    for kernel in started:
        kernel.end()
    for kernel in started:
        wait_for(lambda kernel=kernel: not kernel.processes())


BEGIN = "from course.notebook import begin, check, draw\nlesson = begin('{}')\n"
ADD = BEGIN.format("04") + "from myapp.tasks import add"
LAST = (
    BEGIN.format("06")
    + """from myapp.tasks import add
import os, signal
def running():
    return [one for one in lesson.runs() if one.end is None]
def kill_a_process():
    os.kill(running()[0].process, signal.SIGKILL)
"""
)


def test_a_notebook_begins_with_a_broker_a_worker_and_the_lessons_code(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD)
    assert kernel.value("add.delay(4, 6, seconds=0).get(timeout=10)") == 10
    assert kernel.value("add.app.main") == "myproject"


@pytest.mark.parametrize("how", ["shut down", "restarted", "interrupted and killed", "killed"])
def test_what_a_notebook_started_ends_with_its_kernel(how: str, kernels) -> None:
    kernel = kernels()
    kernel.run(ADD)
    before = kernel.processes()
    assert len(before) >= 4  # broker, worker and its processes, guard

    if how == "shut down":
        kernel.manager.shutdown_kernel()
    elif how == "restarted":
        kernel.manager.restart_kernel()
    else:
        if how != "killed":
            kernel.manager.interrupt_kernel()
        kernel.manager.signal_kernel(signal.SIGKILL)

    wait_for(lambda: not any(one.is_running() for one in before))


def test_an_interrupted_cell_leaves_the_stack_running(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD)
    kernel.client.execute("add.delay(1, 2, seconds=60).get()", stop_on_error=False)
    [record] = kernel.state.glob("notebooks/*/record")
    wait_for(record.read_text)  # the task runs
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=30)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.value("add.delay(4, 6, seconds=0).get(timeout=20)") == 10


def test_beginning_again_in_the_same_kernel_begins_anew(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD + "\ntasks = lesson.project / 'myapp/tasks.py'\nwritten = tasks.read_text()")
    kernel.run("lesson.stop(); add.delay(1, 1); tasks.write_text('')")
    assert kernel.value("len(lesson.queue())") == 1

    kernel.run(ADD)

    assert kernel.value("len(lesson.queue())") == 0
    assert kernel.value("tasks.read_text() == written") is True
    assert kernel.value("add.delay(4, 6, seconds=0).get(timeout=10)") == 10


def test_two_notebooks_of_the_same_lesson_do_not_disturb_each_other(kernels) -> None:
    one, other = kernels(), kernels("fr")
    for kernel in (one, other):
        kernel.run(ADD)
    one.run("lesson.stop(); add.delay(1, 1)")
    assert one.value("len(lesson.queue())") == 1
    assert other.value("len(lesson.queue())") == 0
    assert other.value("add.delay(4, 6, seconds=0).get(timeout=10)") == 10
    one.manager.signal_kernel(signal.SIGKILL)
    stacks = [path.parent for path in one.state.rglob("lock")]
    wait_for(lambda: sum(bool(marked(stack)) for stack in stacks) == 1)
    assert other.value("add.delay(4, 7, seconds=0).get(timeout=10)") == 11


def test_what_a_killed_kernel_left_on_the_disk_is_swept_by_the_next(kernels) -> None:
    first = kernels()
    first.run(BEGIN.format("04"))
    first.manager.signal_kernel(signal.SIGKILL)
    wait_for(lambda: not first.processes())
    kernels().run(BEGIN.format("04"))
    wait_for(lambda: len(list((first.state / "notebooks").glob("04_*"))) == 1)


def test_settings_count_until_the_stack_is_started(kernels) -> None:
    kernel = kernels(CELERY_BROKER_URL="redis://elsewhere:1/0")
    kernel.run("from course.notebook import begin\nlesson = begin('03', start=False)")
    kernel.run("from myproject.celery import app")
    assert kernel.value("app.conf.broker_url") == "redis://localhost:6379/0"
    assert not [p for p in kernel.processes() if "worker" in command(p)]
    kernel.run("lesson.start()")
    assert kernel.value("app.conf.broker_url == lesson.broker_url") is True


# --- What does not work is one sentence


def begins_badly(kernel: Kernel, code: str = BEGIN.format("04")) -> str:
    said = kernel.run(code, fine=False)
    assert "course/" not in said  # none of our own lines
    return said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_missing_server_is_told_in_the_notebooks_language(language: str, kernels) -> None:
    said = begins_badly(kernels(language, COURSE_REDIS_SERVER="nothing"))
    why = texts(language)["no_such_server"].format(server="nothing")
    assert said == texts(language)["notebook_failed"].format(why=why)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_folder_that_cannot_be_written_is_told(language: str, kernels, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = begins_badly(kernels(language, COURSE_STATE=str(tmp_path / "file/state")))
    assert said.startswith(texts(language)["notebook_failed"].split("{")[0])
    assert "Not a directory" in said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_worker_that_ends_at_once_is_told_with_the_end_of_its_log(language, kernels) -> None:
    kernel = kernels(language)
    kernel.run(ADD + "\n(lesson.project / 'myapp/tasks.py').write_text('nonsense')")
    said = begins_badly(kernel, "lesson.start_worker()")
    assert "NameError: name 'nonsense' is not defined" in said
    kernel.run(ADD)
    assert kernel.value("add.delay(4, 6, seconds=0).get(timeout=10)") == 10


@pytest.mark.parametrize("language", ["en", "fr"])
def test_another_lesson_in_the_same_kernel_is_refused(language: str, kernels) -> None:
    kernel = kernels(language)
    kernel.run("from course.notebook import begin\nlesson = begin('02', start=False)")
    said = begins_badly(kernel, "begin('03', start=False)")
    assert said == texts(language)["notebook_other"].format(name="02_celery_instance")


def test_an_unknown_lesson_is_told_with_those_that_there_are(kernels) -> None:
    assert "05_views" in begins_badly(kernels(), BEGIN.format("99"))


def test_waiting_in_vain_is_told_after_the_timeout(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD + "\nlesson.stop()")
    said = begins_badly(kernel, "lesson.watch(add.delay(1, 1), timeout=0.5)")
    assert texts("en")["watch_timeout"].format(seconds=0.5, count=1) in said


# --- Looks


def test_a_tasks_life_is_shown_until_it_ends(kernels) -> None:
    kernel = kernels()
    kernel.run(LAST)
    said = kernel.run("life = lesson.watch(add.delay(4, 6, seconds=1))")
    assert re.search(r"STARTED \(\d\.\d\d s\) → SUCCESS \([1-9]\.\d\d s\)$", said.strip())
    assert kernel.value("life.states[-2:]") == ["STARTED", "SUCCESS"]
    assert kernel.value("lesson.watch(add.delay(1, 'x', seconds=0)).states[-1]") == "FAILURE"


def test_a_task_that_is_tried_again_is_seen_in_retry(kernels) -> None:
    kernel = kernels()
    kernel.run(LAST)
    kernel.run(
        "result = add.delay(4, 6, seconds=3)\n"
        "lesson.log(until=running)\n"
        "kill_a_process()\n"
        "life = lesson.watch(result)"
    )
    states = kernel.value("life.states")
    assert isinstance(states, list) and states[-1] == "SUCCESS" and "RETRY" in states


def test_the_progress_of_many_is_a_bar_and_words(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD)
    said = kernel.run("lives = lesson.watch([add.delay(n, n, seconds=0.1) for n in range(6)])")
    assert said.strip().endswith("Tasks: 6 (6 SUCCESS)")
    assert '<progress max="6" value="6"' in str(kernel.value("lives._repr_html_()"))


def test_the_queue_shows_celerys_messages_and_strangers_as_they_are(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD + "\nlesson.stop()\nresult = add.delay(4, 6, seconds=0)")
    with redis.Redis.from_url(str(kernel.value("lesson.broker_url"))) as broker:
        broker.lpush("celery", "no message", '{"body": "", "headers": {}}', "[1]")
    first, *strangers = kernel.value("lesson.queue()")  # type: ignore[misc]
    assert first["id"] == kernel.value("result.id") and first["task"] == "myapp.tasks.add"
    assert (first["args"], first["kwargs"]) == ([4, 6], {"seconds": 0})
    assert first["message"]["headers"]["id"] == first["id"]
    assert strangers[0]["args"] == "no message"
    table = str(kernel.value("lesson.queue()._repr_html_()"))
    assert table.count("<tr>") == 5 and '<th scope="col">task</th>' in table


def test_messages_taken_and_not_acknowledged_are_shown(kernels) -> None:
    kernel = kernels()
    kernel.run(LAST + "\nresult = add.delay(4, 6, seconds=1)\nlesson.log(until=lesson.taken)")
    assert kernel.value("[one['id'] for one in lesson.taken()] == [result.id]") is True
    kernel.run("result.get(timeout=10)\nlesson.log(until=lambda: not lesson.taken())")
    assert kernel.value("lesson.taken()") == []


def test_the_log_comes_once_and_without_the_machines_part(kernels) -> None:
    kernel = kernels()
    said = kernel.run(ADD + "\nlog = lesson.log()")
    assert "[tasks]" in said and "concurrency:" not in said
    said = kernel.run("result = add.delay(4, 6, seconds=0)\nlog = lesson.log(until=result.ready)")
    assert "received" in said and "succeeded in" in said and "[tasks]" not in said


def test_what_the_supervisor_did_is_in_the_log(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD + "\nimport os, signal\nlesson.log()\nos.kill(lesson.pid(), signal.SIGKILL)")
    said = kernel.run("log = lesson.log(until=lambda: 'ready.' in lesson.log(), timeout=20)")
    assert kernel.value("add.delay(4, 6, seconds=0).get(timeout=20)") == 10
    assert texts("en")["ended"].format(name="worker", how="SIGKILL", pause=0.25) in said


def test_a_timeline_tells_the_runs_that_were_noted_and_those_cut_off(kernels) -> None:
    kernel = kernels()
    kernel.run(LAST)
    kernel.run(
        "results = [add.delay(n, n, seconds=2) for n in range(2)]\n"
        "lesson.log(until=lambda: len(running()) == 2)\n"
        "kill_a_process()\n"
        "lesson.watch(results)\n"
        "timeline = lesson.timeline(results)"
    )
    runs = kernel.value("[[one.task_id, one.end] for one in timeline]")
    assert isinstance(runs, list) and len(runs) == 3
    assert len({task for task, _ in runs}) == 2 and [end for _, end in runs].count(None) == 1
    # The task that was cut off goes to whichever is free first: the new process, or the other.
    processes = kernel.value("len({one.process for one in timeline})")
    assert f"Tasks: 2; processes: {processes};" in kernel.run("timeline")
    assert "Cut off: 1." in kernel.run("timeline")
    assert 2 <= float(str(kernel.value("timeline.seconds"))) < 30


def test_a_timeline_waits_for_tasks_that_have_not_ended_and_then_says_so(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD + "\nlesson.stop()")
    said = begins_badly(kernel, "lesson.timeline([add.delay(1, 1)])")
    assert texts("en")["timeline_unfinished"].format(count=1) in said


def test_the_lessons_shell_sees_the_settings_alone_or_with_the_broker(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD)
    address = "'from myproject import celery_app; print(celery_app.conf.broker_url)'"
    alone = kernel.value(f"lesson.shell({address})")
    assert alone == "redis://localhost:6379/0\n"
    assert kernel.value(f"lesson.shell({address}, broker=True) == lesson.broker_url + '\\n'")
    name = "'import celery; print(celery.current_app.main)'"
    assert kernel.value(f"lesson.shell({name}, patch='no_import')") == "default\n"
    assert kernel.value(f"lesson.shell({name})") == "myproject\n"


def test_an_answer_is_right_wrong_or_not_there_yet(kernels) -> None:
    kernel = kernels()
    kernel.run("from course.notebook import check")
    say = texts("en")
    assert kernel.run("check(lambda: True)").strip() == say["turn_right"]
    assert kernel.run("check(lambda: False)").strip() == say["turn_not_yet"]
    not_there = kernel.run("check(lambda: 1 + ...)")
    assert not_there.startswith("Not yet (TypeError")


def test_what_a_notebook_starts_is_reached_from_this_machine_alone(kernels) -> None:
    kernel = kernels()
    kernel.run(ADD)
    ports = [
        connection.laddr
        for process in [*kernel.processes(), psutil.Process(kernel.manager.provisioner.pid)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert ports and {address.ip for address in ports} == {"127.0.0.1"}
    assert not any(is_free(address.port) for address in ports)
