"""What the finished lesson promises, with real requests, workers and brokers that fail."""

import collections
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import redis
from conftest import Visitor, kill_tree, replace, start_web, start_worker, wait_for

from course.stack import Stack

pytestmark = pytest.mark.reuse()

# Lost work is looked for sooner than in the lesson, and every start of a task is written down.
HURRIED = """
from celery.signals import task_prerun
from myproject.settings import *

CELERY_BROKER_TRANSPORT_OPTIONS['visibility_timeout'] = {visibility_timeout}
CELERY_BROKER_TRANSPORT_OPTIONS['unacked_restore_interval'] = 1


@task_prerun.connect(weak=False)
def write_down(task_id, **kwargs):
    with open(BASE_DIR / 'starts', 'a') as starts:
        starts.write(task_id + '\\n')
"""

# Queues additions of (i, i) and prints their ids.
QUEUE = """
import django
django.setup()
from myapp.tasks import add
for i in range({count}):
    print(add.delay(i, i, seconds={seconds}).id)
"""


def hurried(project: Path, visibility_timeout: int = 3) -> dict[str, str]:
    (project / "hurried.py").write_text(HURRIED.format(visibility_timeout=visibility_timeout))
    (project / "starts").touch()
    return {"DJANGO_SETTINGS_MODULE": "hurried"}


def queue(stack: Stack, project: Path, count: int, seconds: float) -> list[str]:
    """Queue additions from a process of its own; returns the tasks' ids."""
    script = QUEUE.format(count=count, seconds=seconds)
    ended = stack.run(
        [sys.executable, "-c", script], project, {"DJANGO_SETTINGS_MODULE": "myproject.settings"}
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout.split()


def results(stack: Stack, ids: list[str]) -> list[dict[str, object]]:
    """What the result store holds of these tasks; {} for what it does not know."""
    with redis.Redis.from_url(stack.broker_url, retry=None) as client:
        stored = client.mget([f"celery-task-meta-{task_id}" for task_id in ids])
    return [json.loads(value) if value else {} for value in stored]


def ended(stack: Stack, ids: list[str]) -> list[dict[str, object]] | None:
    """The results once every task has one."""
    found = results(stack, ids)
    over = all(result.get("status") in ("SUCCESS", "FAILURE") for result in found)
    return found if over else None


def test_of_200_requests_20_at_once_every_task_succeeds(
    server: str, stack: Stack, project: Path
) -> None:
    replace(project / "myapp/tasks.py", "seconds=10", "seconds=0")
    stack.start_broker()
    visitor = start_web(stack, project)
    start_worker(stack, project)

    with ThreadPoolExecutor(20) as visitors:
        answers = list(visitors.map(lambda i: visitor.add(i, i), range(200)))

    assert {status for status, _ in answers} == {202}
    ids = [answer["task_id"] for _, answer in answers]
    assert len(set(ids)) == 200
    found = wait_for(lambda: ended(stack, ids))
    assert [result["result"] for result in found] == [2 * i for i in range(200)]


@pytest.mark.parametrize(
    ("fail", "recover"),
    [(signal.SIGKILL, None), (signal.SIGSTOP, signal.SIGCONT)],
    ids=["refuses", "accepts and never answers"],
)
def test_a_broker_out_of_reach_gives_a_503_within_2_s_until_it_is_back(
    fail: int, recover: int | None, server: str, stack: Stack, project: Path
) -> None:
    broker = stack.start_broker()
    visitor = start_web(stack, project)
    status, answer = visitor.add(4, 6)
    assert status == 202

    if recover is None:
        stack.end("broker")
    else:
        os.kill(broker.pid, fail)
    for ask in (lambda: visitor.add(4, 6), lambda: visitor.task(answer["status_url"])) * 2:
        asked = time.monotonic()
        status, told = ask()
        assert time.monotonic() - asked < 2
        assert status == 503
        assert "cannot be reached" in told["error"]

    if recover is None:
        stack.start_broker(int(stack.broker_url.split(":")[2].split("/")[0]))
    else:
        os.kill(broker.pid, recover)
    status, _ = visitor.add(4, 6)
    assert status == 202


def victim(worker_pid: int, whole_tree: bool) -> None:
    if whole_tree:
        kill_tree(worker_pid)
    else:
        psutil.Process(worker_pid).children()[0].kill()


@pytest.mark.parametrize("whole_tree", [False, True], ids=["child", "whole tree"])
def test_with_two_tasks_running_and_50_waiting_kill_9_loses_none(
    whole_tree: bool,
    server: str,
    stack: Stack,
    project: Path,
    record_property: Callable[[str, object], None],
) -> None:
    env = hurried(project)
    stack.start_broker()
    ids = queue(stack, project, count=52, seconds=0.2)
    worker = start_worker(stack, project, "--concurrency=2", **env)
    starts = project / "starts"
    wait_for(lambda: len(starts.read_text().split()) >= 2)

    killed = worker.pid
    victim(killed, whole_tree)

    found = wait_for(lambda: ended(stack, ids), timeout=60)
    assert [result["result"] for result in found] == [2 * i for i in range(52)]
    started = collections.Counter(starts.read_text().split())
    assert set(started) == set(ids)
    twice = {task_id: times for task_id, times in started.items() if times > 1}
    assert twice, "the running tasks must have been started again"
    assert max(twice.values()) <= 3
    assert (worker.pid != killed) is whole_tree
    record_property("tasks started so many times", dict(collections.Counter(started.values())))


def test_a_task_that_kills_its_process_is_given_up_after_three_starts(
    stack: Stack, project: Path
) -> None:
    deadly = "    import os\n    os.kill(os.getpid(), 9)"
    replace(project / "myapp/tasks.py", "    return x + y", deadly)
    # A worker notices a dead process within 5 s; the message must not go back before.
    env = hurried(project, visibility_timeout=60)
    stack.start_broker()
    worker = start_worker(stack, project, "--concurrency=1", **env)
    ids = queue(stack, project, count=1, seconds=0)

    found = wait_for(lambda: ended(stack, ids), timeout=60)

    assert found[0]["status"] == "FAILURE"
    assert found[0]["result"]["exc_type"] == "WorkerLostError"
    assert (project / "starts").read_text().split() == ids * 3
    assert worker.starts == 1


def test_a_result_is_kept_until_the_store_is_back(server: str, stack: Stack, project: Path) -> None:
    returned = "    open('returned', 'w').close()\n    return x + y"
    replace(project / "myapp/tasks.py", "    return x + y", returned)
    env = hurried(project)
    stack.start_broker()
    start_worker(stack, project, "--concurrency=1", **env)
    ids = queue(stack, project, count=1, seconds=1)
    wait_for(lambda: (project / "starts").read_text())

    stack.end("broker")
    wait_for(lambda: (project / "returned").exists())
    stack.start_broker(int(stack.broker_url.split(":")[2].split("/")[0]))

    found = wait_for(lambda: ended(stack, ids))
    assert found[0]["status"] == "SUCCESS"


# As a Celery client that does not follow the course could send them, or an attacker.
SEND_BAD = """
import django
django.setup()
from myapp.tasks import add
from myproject import celery_app as app

class Touch:
    def __reduce__(self):
        import pathlib
        return pathlib.Path.touch, (pathlib.Path('unpickled'),)

app.send_task('myapp.tasks.add', (Touch(), 1), serializer='pickle')
print(app.send_task('myapp.tasks.subtract', (1, 2)).id)
print(app.send_task('myapp.tasks.add', (1, 2, 3, 4)).id)
print(add.delay(4, 6, seconds=0).id)
"""


def test_bad_messages_are_refused_with_a_reason_and_the_worker_goes_on(
    server: str, stack: Stack, project: Path
) -> None:
    stack.start_broker()
    worker = start_worker(stack, project, "--concurrency=1")
    sent = stack.run(
        [sys.executable, "-c", SEND_BAD], project, {"DJANGO_SETTINGS_MODULE": "myproject.settings"}
    )
    assert sent.returncode == 0, sent.stdout
    ids = sent.stdout.split()

    unknown, wrong, right = wait_for(lambda: ended(stack, ids))
    assert unknown["status"] == wrong["status"] == "FAILURE"
    assert unknown["result"]["exc_type"] == "NotRegistered"
    assert wrong["result"]["exc_type"] == "TypeError"
    assert right["result"] == 10
    assert worker.says("Refusing to deserialize untrusted content of type pickle")
    assert worker.says("Received unregistered task of type 'myapp.tasks.subtract'")
    # The main process tells of it when it hears of it, which may be after the result is stored.
    wait_for(lambda: worker.says("takes from 2 to 3 positional arguments but 4 were given"))
    assert not (project / "unpickled").exists()
    assert worker.starts == 1


def test_raw_garbage_ends_the_worker_which_comes_back_and_does_the_waiting_work(
    server: str, stack: Stack, project: Path
) -> None:
    stack.start_broker()
    with redis.Redis.from_url(stack.broker_url, retry=None) as client:
        client.rpush("celery", b"\x00garbage")
    ids = queue(stack, project, count=5, seconds=0)
    worker = stack.start("worker", "celery -A myproject worker -c1 --without-mingle", project)

    found = wait_for(lambda: ended(stack, ids))
    assert [result["result"] for result in found] == [0, 2, 4, 6, 8]
    assert worker.starts == 2


def test_the_page_of_the_finished_lesson_opens_no_other_address(project: Path) -> None:
    page = (project / "myapp/templates/myapp/index.html").read_text()
    assert "//" not in page.replace("    // Ask for", "")


def test_a_visitor_is_told_what_is_wrong_with_the_numbers(stack: Stack, project: Path) -> None:
    stack.start_broker()
    visitor: Visitor = start_web(stack, project)
    for x in ("", "four", "nan", "1e3", "10" * 5000, 10**12):
        status, answer = visitor.add(x, 6)
        assert (status, answer["error"][:6]) == (400, "Please"), x
