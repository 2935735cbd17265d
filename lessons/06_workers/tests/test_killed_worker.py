"""A worker that is killed, with its whole pool, while it runs a task."""
import os
import signal

from myapp.tasks import add

from .helpers import running_worker, wait_until

# The settings of this lesson, in more of a hurry.
SETTINGS_IN_A_HURRY = """
from .settings import *

CELERY_BROKER_TRANSPORT_OPTIONS['visibility_timeout'] = 1
CELERY_BROKER_TRANSPORT_OPTIONS['unacked_restore_interval'] = 1
"""

SETTINGS_WITH_DEFAULTS = """
from .settings import *

del CELERY_TASK_ACKS_LATE
del CELERY_TASK_REJECT_ON_WORKER_LOST
del CELERY_TASK_RETRY_ON_WORKER_LOST
del CELERY_WORKER_PREFETCH_MULTIPLIER
"""


def start_task(seconds):
    result = add.delay(4, 6, seconds=seconds)
    wait_until(lambda: result.state == 'STARTED')
    return result


def kill(worker):
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def test_with_the_settings_of_this_lesson_the_next_worker_does_the_task(broker, project):
    hurry = 'myproject.settings_in_a_hurry'
    (project / 'myproject' / 'settings_in_a_hurry.py').write_text(SETTINGS_IN_A_HURRY)

    with running_worker(project, '--concurrency=1', settings=hurry) as worker:
        result = start_task(seconds=1)
        kill(worker)
    # The message is still in the broker, which waits for it to be acknowledged.
    assert broker.hlen('unacked') == 1

    with running_worker(project, '--pool=solo', settings=hurry):
        assert result.get(timeout=20) == 10
        wait_until(lambda: broker.hlen('unacked') == 0)


def test_with_the_defaults_of_celery_the_task_is_lost(broker, project):
    defaults = 'myproject.settings_with_defaults'
    (project / 'myproject' / 'settings_with_defaults.py').write_text(SETTINGS_WITH_DEFAULTS)

    with running_worker(project, '--concurrency=1', settings=defaults) as worker:
        result = start_task(seconds=10)
        # The message is acknowledged although the task has only begun.
        wait_until(lambda: broker.hlen('unacked') == 0)
        kill(worker)

    # It is nowhere any more, so no worker can ever do it.
    assert broker.llen('celery') == 0
    assert broker.hlen('unacked') == 0
    assert result.state == 'STARTED'
