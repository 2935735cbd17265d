"""Results."""

import uuid

from .lab import Lab


def pending_for_an_unknown_id(lab: Lab) -> str:
    return lab.ask(f"print(repr(add.AsyncResult('{uuid.uuid4()}').state))")


def no_result_yet(lab: Lab) -> str:
    return lab.run(lab.project(), "python manage.py add 4 6 --timeout=0.1", **lab.names(6))


def operation_timed_out(lab: Lab) -> str:
    return lab.ask("add.apply_async((4, 6), queue='sums').get(timeout=0.5)")


def not_registered(lab: Lab) -> str:
    code = "from myproject import celery_app\n"
    code += "celery_app.send_task('myapp.tasks.multiply', (4, 6)).get(timeout=30)"
    return lab.ask(code)


def disabled_backend(lab: Lab) -> str:
    line = "CELERY_RESULT_BACKEND = 'redis://localhost:6379/0'\n"
    project = lab.broken("04", "myproject/settings.py", line, "")
    return lab.shell(project, "from myapp.tasks import add; add.AsyncResult('an-id').state")


def no_result_backend(lab: Lab) -> str:
    project = lab.project("04")
    (project / "myproject/__init__.py").write_text("")
    return lab.shell(project, "from myapp.tasks import add; add.AsyncResult('an-id').get()")


def result_not_json_serializable(lab: Lab) -> str:
    return lab.ask("make_addition.delay(4, 6).get(timeout=30)")


def task_revoked(lab: Lab) -> str:
    code = "result = add.apply_async((4, 6, 0), expires=-1)\nresult.get(timeout=30)"
    return lab.ask(code)
