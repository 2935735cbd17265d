"""The task."""

import contextlib
import sqlite3

from conftest import replace

from .lab import Lab, Log


def connection_refused_without_a_host(lab: Lab) -> str:
    project = lab.project("04")
    (project / "myproject/__init__.py").write_text("")
    return lab.run(project, "python manage.py add 4 6")


def no_attribute_delay(lab: Lab) -> str:
    return lab.ask("add_plain.delay(4, 6)")


def no_attribute_id(lab: Lab) -> str:
    return lab.ask("print(add(4, 6, seconds=0).id)")


def missing_argument(lab: Lab) -> str:
    return lab.ask("add.delay(4)")


def one_argument_too_many(lab: Lab) -> str:
    return lab.ask("add_bound.delay(4, 6)")


def not_json_serializable(lab: Lab) -> str:
    code = "from django.contrib.auth.models import User\nadd.delay(User(username='ada'), 6)"
    return lab.ask(code)


def does_not_exist(lab: Lab) -> str:
    code = """
import uuid
from django.db import transaction
from myapp.models import Addition
with transaction.atomic():
    addition = Addition.objects.create(task_id=uuid.uuid4(), x=4, y=6)
    find_addition.delay(addition.task_id).get(timeout=30)
"""
    return lab.ask(code)


def result_get_within_a_task(lab: Lab) -> str:
    return lab.ask("ask_another.delay().get(timeout=30)")


def cannot_retry(lab: Lab) -> str:
    return lab.ask("call_partner.delay().get(timeout=30)")


def hard_time_limit(lab: Lab) -> Log:
    log = Log(lab.worker, from_now=True)
    assert lab.ask("work_too_long.delay()") == ""
    return log


def soft_time_limit(lab: Lab) -> Log:
    log = Log(lab.worker, from_now=True)
    assert lab.ask("work_long.delay()") == ""
    return log


def database_is_locked(lab: Lab) -> str:
    project = lab.migrated(lab.project())
    # By default it waits for 5 seconds.
    replace(project / "myproject/settings.py", "'OPTIONS': {", "'OPTIONS': {'timeout': 0.1,")
    with contextlib.closing(sqlite3.connect(project / "db.sqlite3")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        code = "from django.contrib.auth.models import User; User.objects.create(username='ada')"
        return lab.shell(project, code)
