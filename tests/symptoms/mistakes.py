"""Tasks that go wrong: copied into a project, which then has them in myapp/tasks.py."""

import os
import signal
import time

from celery import shared_task


@shared_task
def ask_another():
    from .tasks import add

    return add.delay(4, 6, seconds=0).get()


@shared_task(bind=True, max_retries=0)
def call_partner(self):
    raise self.retry(countdown=0)


@shared_task(time_limit=1)
def work_too_long():
    time.sleep(30)


@shared_task(soft_time_limit=1)
def work_long():
    time.sleep(30)


@shared_task(max_retries=0)
def eat_memory():
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when there is none left


@shared_task
def find_addition(task_id):
    from .models import Addition

    return Addition.objects.get(task_id=task_id).x


@shared_task
def make_addition(x, y):
    from .models import Addition

    return Addition(x=x, y=y)


@shared_task(bind=True)
def add_bound(x, y):
    return x + y


def add_plain(x, y):
    return x + y
