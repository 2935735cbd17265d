"""The view and the browser."""

import shutil
import uuid

import redis
from conftest import Visitor

from .lab import Lab, Log, names

DELAY = "from myapp.tasks import add; add.delay(4, 6)"


def _visitor(lab: Lab) -> tuple[Visitor, Log]:
    """A visitor of a page whose broker is down and whose tables are missing; its log."""
    address, service = lab.web
    return Visitor(int(address.rpartition(":")[2])), Log(service, from_now=True)


def retry_limit_exceeded(lab: Lab) -> str:
    return lab.shell(lab.project(), DELAY, **names(lab.nowhere))


def error_111_connecting(lab: Lab) -> str:
    where = {**lab.names(), "CELERY_BROKER_URL": lab.nowhere}
    return lab.shell(lab.project(), DELAY, **where)


def queue_cannot_be_reached(lab: Lab) -> str:
    visitor, _ = _visitor(lab)
    status, answer = visitor.add(4, 6)
    assert status == 503
    return answer["error"]


def out_of_memory(lab: Lab) -> str:
    url = lab.own_broker(maxmemory=1)
    return lab.shell(lab.project(), DELAY, **names(url))


def cannot_save_to_disk(lab: Lab) -> str:
    url = lab.own_broker(save="3600 1")
    with redis.Redis.from_url(url, retry=None) as client:
        shutil.rmtree(client.config_get("dir")["dir"])
        client.bgsave()
        while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
            pass
    return lab.shell(lab.project(), DELAY, **names(url))


def csrf(lab: Lab) -> Log:
    visitor, log = _visitor(lab)
    visitor.token = ""
    visitor.cookie = ""
    assert visitor.request("POST", "/add/", x=4, y=6)[0] == 403
    return log


def method_not_allowed(lab: Lab) -> Log:
    visitor, log = _visitor(lab)
    assert visitor.request("GET", "/add/")[0] == 405
    return log


def no_slash_at_the_end(lab: Lab) -> Log:
    visitor, log = _visitor(lab)
    assert visitor.request("POST", "/add", x=4, y=6)[0] == 500
    return log


def page_not_found(lab: Lab) -> str:
    line = "    path('', include('myapp.urls')),\n"
    project = lab.broken("05", "myproject/urls.py", line, "")
    code = "from django.test import Client; Client(SERVER_NAME='localhost').get('/add/')"
    return lab.shell(project, code)


def no_such_table(lab: Lab) -> Log:
    visitor, log = _visitor(lab)
    assert visitor.request("GET", f"/tasks/{uuid.uuid4()}/")[0] == 500
    return log


def no_such_task(lab: Lab) -> str:
    code = f"""
from django.test import Client
print(Client(SERVER_NAME='localhost').get('/tasks/{uuid.uuid4()}/').text)
"""
    return lab.shell(lab.playground, code, **lab.names())
