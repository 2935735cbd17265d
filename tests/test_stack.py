"""The stack: what it starts is watched, started again, and ended, however it is left."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis
from conftest import wait_for

from course.guard import marked
from course.ports import free_port, is_free
from course.stack import LOOP, Stack, StackError

pytestmark = pytest.mark.reuse()

PYTHON = sys.executable

# Prints a line, then lives on with a child of its own.
FAMILY = [
    PYTHON,
    "-c",
    "import subprocess, sys; print('up', flush=True);"
    "subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])",
]


def gone(pids: list[int]) -> bool:
    """Whether none of these runs; one that nobody has buried yet does not run."""
    return not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        for pid in pids
    )


def test_a_process_that_was_killed_runs_again(stack: Stack, tmp_path: Path) -> None:
    service = stack.start("family", FAMILY, tmp_path, lambda service: service.says("up"))
    stack.wait("family")
    first = service.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: service.pid != first and psutil.pid_exists(service.pid))
    assert service.starts == 2


def test_a_killed_process_leaves_no_children(stack: Stack, tmp_path: Path) -> None:
    service = stack.start("family", FAMILY, tmp_path, lambda service: service.says("up"))
    children = wait_for(lambda: psutil.Process(service.pid).children())
    os.kill(service.pid, signal.SIGKILL)
    wait_for(lambda: gone([child.pid for child in children]))


def test_a_crash_loop_is_reported_with_its_last_line_and_growing_pauses(tmp_path: Path) -> None:
    told: list[str] = []
    with Stack(tmp_path / "stack", told.append) as stack:
        stack.start("sick", [PYTHON, "-c", "print('no such table'); raise SystemExit(3)"], tmp_path)
        wait_for(lambda: len(told) > LOOP)
    pauses = [float(found) for text in told for found in re.findall(r"again in ([\d.]+) s", text)]
    assert pauses == sorted(set(pauses))
    assert any("sick ends again and again" in text and "no such table" in text for text in told)


def test_waiting_for_a_process_that_never_gets_ready_names_its_last_line(
    stack: Stack, tmp_path: Path
) -> None:
    stack.start("sick", [PYTHON, "-c", "exit('bad option')"], tmp_path, lambda service: False)
    with pytest.raises(StackError, match=r"sick does not get ready.*bad option"):
        stack.wait("sick")


def test_a_program_that_is_not_there_is_named(stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="ghost cannot be started: No such file"):
        stack.start("ghost", [str(tmp_path / "ghost")], tmp_path)


def test_a_broker_that_was_killed_comes_back_with_its_queue(server: str, stack: Stack) -> None:
    service = stack.start_broker()
    with redis.Redis.from_url(stack.broker_url, retry=None) as client:
        client.rpush("celery", "waiting")
    first = service.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: service.pid != first and service.ready())
    with redis.Redis.from_url(stack.broker_url, retry=None) as client:
        assert client.lrange("celery", 0, -1) == [b"waiting"]


def test_the_broker_answers_this_machine_only(server: str, stack: Stack) -> None:
    service = stack.start_broker()
    listening = psutil.Process(service.pid).net_connections("tcp")
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_a_folder_has_one_stack_at_a_time(tmp_path: Path) -> None:
    with (
        Stack(tmp_path),
        pytest.raises(StackError, match="running already"),
        Stack(tmp_path),
    ):
        pytest.fail("the second stack started")


OWNER = """
import sys, time
from pathlib import Path
from course.stack import Stack
folder, family = Path(sys.argv[1]), sys.argv[2:]
with Stack(folder) as stack:
    stack.start_broker()
    stack.start("family", family, folder, lambda service: service.says("up"))
    stack.wait("family")
    print(stack._guard.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def owner(tmp_path: Path) -> "subprocess.Popen[str]":
    """A process with a stack in `tmp_path`; its first line is the guard's id."""
    process = subprocess.Popen(
        [PYTHON, "-c", OWNER, str(tmp_path), *FAMILY], stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_a_killed_stack_started_has_ended(owner: "subprocess.Popen[str]", tmp_path: Path):
    owner.stdout.readline()
    pids = [process.pid for process in marked(tmp_path)]
    assert len(pids) == 3  # the family's two, and the broker, which rewrites its own title
    owner.kill()
    wait_for(lambda: gone(pids))


def test_what_a_stack_killed_with_its_guard_left_is_swept_by_the_next(
    owner: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    guard = int(owner.stdout.readline())
    pids = [process.pid for process in marked(tmp_path)]
    os.kill(guard, signal.SIGKILL)
    owner.kill()
    owner.wait()
    assert not gone(pids)
    with Stack(tmp_path):
        assert gone(pids)


def test_a_busy_port_moves_to_the_next_free_one() -> None:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) > port


def test_a_command_that_does_not_end_is_ended_with_the_stack(stack: Stack, tmp_path: Path) -> None:
    stack.stop.set()
    ended = stack.run([PYTHON, "-c", "import time; time.sleep(600)"], tmp_path)
    assert ended.returncode == -signal.SIGKILL


def test_a_stopped_guard_does_not_keep_the_stack_from_ending(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        os.kill(stack._guard.pid, signal.SIGSTOP)
    assert stack._guard.returncode is not None


def test_a_guard_that_was_killed_is_replaced(stack: Stack) -> None:
    first = stack._guard
    first.kill()
    first.wait()
    stack.keep_guard()
    assert stack._guard.pid != first.pid
    assert stack._guard.poll() is None


def test_anothers_answer_does_not_make_a_service_ready(stack: Stack, tmp_path: Path) -> None:
    service = stack.start("ended", [PYTHON, "-c", "pass"], tmp_path, lambda service: True)
    wait_for(lambda: service.process.poll() is not None)
    stack.end("ended")
    assert service.ready()
    assert not service.is_up()
