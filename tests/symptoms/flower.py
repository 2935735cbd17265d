"""Flower."""

import base64

from conftest import wait_for

from course.ports import free_port

from .lab import PASSWORD, Lab, Log, get, python_without


def no_such_command_flower(lab: Lab) -> str:
    project = lab.project()
    python, variables = python_without("flower", project)
    return lab.run(project, [python, "-m", "celery", "-A", "myproject", "flower"], **variables)


def flower_access_denied(lab: Lab) -> str:
    status, text = get(lab.flower[0])
    assert status == 401
    return text


def flower_api_needs_a_password(lab: Lab) -> str:
    project = lab.project()
    (project / "flowerconfig.py").unlink()
    port = free_port()
    where = lab.names(7) | {"FLOWER_PORT": str(port)}
    service = lab.start(project, "celery -A myproject flower --address=127.0.0.1", **where)
    wait_for(lambda: service.says("Visit me at"))
    status, text = get(f"http://127.0.0.1:{port}/api/tasks")
    assert status == 401
    return text


def flower_inspect_method_failed(lab: Lab) -> Log:
    return Log(lab.flower[1])


def flower_address_already_in_use(lab: Lab) -> str:
    port = lab.flower[0].rpartition(":")[2]
    where = lab.names(7) | {"FLOWER_PORT": port}
    return lab.run(lab.project(), "celery -A myproject flower", **where)


def flower_shows_no_tasks(lab: Lab) -> str:
    address, _ = lab.flower
    login = base64.b64encode(PASSWORD.encode()).decode()

    def tasks() -> str:
        status, text = get(f"{address}/api/tasks", Authorization=f"Basic {login}")
        assert status == 200
        return text

    came = tasks()
    code = "from myapp.tasks import add; add.delay(4, 6)"
    assert lab.shell(lab.project(), code, **lab.names(1)) == ""
    wait_for(lambda: "myapp.tasks.add" in tasks())
    return came
