"""The worker."""

import os

import redis
from conftest import replace, wait_for

from .lab import WORKER, Lab, Log, names


def cannot_connect_to_redis(lab: Lab) -> Log:
    return Log(lab.start(lab.project(), WORKER, **names(lab.nowhere)))


def cannot_connect_to_amqp(lab: Lab) -> Log:
    project = lab.broken("03", "myproject/celery.py", "='CELERY'", "='celery'")
    return Log(lab.start(project, WORKER))


def connection_to_broker_lost(lab: Lab) -> Log:
    url = lab.own_broker()
    worker = lab.start_worker(lab.project(), **names(url))
    with redis.Redis.from_url(url, retry=None) as client:
        client.shutdown(nosave=True)
    return Log(worker)


def authentication_required(lab: Lab) -> Log:
    url = lab.own_broker(requirepass="secret")
    return Log(lab.start(lab.project(), WORKER, **names(url)))


def invalid_username_password(lab: Lab) -> Log:
    url = lab.own_broker(requirepass="secret").replace("//", "//:another@")
    return Log(lab.start(lab.project(), WORKER, **names(url)))


def too_many_clients(lab: Lab) -> Log:
    url = lab.own_broker(maxclients=1)
    with redis.Redis.from_url(url, retry=None) as client:
        client.ping()
        log = Log(lab.start(lab.project(), WORKER, **names(url)))
        wait_for(lambda: "Trying again" in log.read())
    return log


def superuser_privileges(lab: Lab) -> Log:
    command = WORKER if os.geteuid() == 0 else f"unshare -r {WORKER}"
    return Log(lab.start(lab.project(), command, **names(lab.nowhere)))


def same_name_twice(lab: Lab) -> str:
    project, where = lab.project(), lab.names(2)
    for _ in range(2):
        lab.start_worker(project, "--hostname=first@here", **where)
    return lab.run(project, "celery -A myproject status --timeout=3", **where)


def no_nodes_replied(lab: Lab) -> str:
    return lab.run(lab.project(), "celery -A myproject status", **lab.names(3))


def unregistered_task(lab: Lab) -> Log:
    log = Log(lab.worker, from_now=True)
    project = lab.project()
    new = "\n\n@shared_task\ndef multiply(x, y):\n    return x * y\n"
    with (project / "myapp/tasks.py").open("a") as tasks:
        tasks.write(new)
    code = "from myapp.tasks import multiply; multiply.delay(4, 6)"
    assert lab.shell(project, code, **lab.names()) == ""
    return log


def worker_runs_old_code(lab: Lab) -> Log:
    log = Log(lab.worker, from_now=True)
    project = lab.broken("07", "myapp/tasks.py", "def add(x, y, ", "def add(x, y, z=0, ")
    code = "from myapp.tasks import add; add.delay(4, 6, z=2)"
    assert lab.shell(project, code, **lab.names()) == ""
    return log


def message_is_no_json(lab: Lab) -> Log:
    where = lab.names(4)
    with redis.Redis.from_url(where["CELERY_BROKER_URL"], retry=None) as client:
        client.rpush("celery", b"garbage")
    return Log(lab.start(lab.project(), WORKER, **where))


def untrusted_content(lab: Lab) -> Log:
    log = Log(lab.worker, from_now=True)
    assert lab.ask("add.apply_async((4, 6), serializer='pickle')") == ""
    return log


def worker_exited_prematurely(lab: Lab) -> Log:
    log = Log(lab.worker, from_now=True)
    assert lab.ask("eat_memory.delay()") == ""
    return log


def task_runs_twice(lab: Lab) -> str:
    project = lab.project()
    settings = project / "myproject/settings.py"
    replace(settings, "'visibility_timeout': 60", "'visibility_timeout': 1")
    replace(settings, "'unacked_restore_interval': 10", "'unacked_restore_interval': 1")
    where = lab.names(5)
    worker = lab.start_worker(project, "--concurrency=2", **where)
    code = "from myapp.tasks import add; print(add.delay(4, 6).id)"
    task_id = lab.shell(project, code, **where).strip()

    def lines() -> list[str]:
        return [line for line in Log(worker).read().splitlines() if task_id in line]

    wait_for(lambda: len(lines()) > 1)
    return "\n".join(lines())
