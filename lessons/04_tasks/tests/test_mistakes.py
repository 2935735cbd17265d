"""The mistakes of this lesson, and what they look like."""
import errno
import os
import shutil
import subprocess
import sys
import time

import pytest
from celery.exceptions import NotRegistered
from django.conf import settings
from django.contrib.auth.models import User
from kombu.exceptions import EncodeError

from myapp.tasks import add

from .helpers import running_worker


@pytest.fixture
def project(tmp_path):
    """A copy of the project, to be broken."""
    ignored = shutil.ignore_patterns('.*', '__pycache__')
    return shutil.copytree(settings.BASE_DIR, tmp_path / 'project', ignore=ignored)


def test_the_tasks_of_an_app_that_is_not_installed_are_unknown(project):
    path = project / 'myproject' / 'settings.py'
    text = path.read_text()
    assert "    'myapp',\n" in text
    path.write_text(text.replace("    'myapp',\n", ''))

    with running_worker(project) as log:
        with pytest.raises(NotRegistered):
            add.delay(4, 6).get(timeout=10)

        assert (
            "Received unregistered task of type 'myapp.tasks.add'.\n"
            'The message has been ignored and discarded.\n'
            '\n'
            'Did you remember to import the module containing this task?\n'
        ) in log.read_text()


def test_without_the_import_delay_fails_and_names_no_host(project):
    (project / 'myproject' / '__init__.py').write_text('')

    # What the tests export would hide the mistake.
    exported = {'CELERY_BROKER_URL', 'CELERY_RESULT_BACKEND', 'DJANGO_SETTINGS_MODULE'}
    result = subprocess.run(
        [sys.executable, 'manage.py', 'add', '4', '6'],
        cwd=project,
        env={name: os.environ[name] for name in os.environ if name not in exported},
        capture_output=True,
        text=True,
        timeout=30,
    )

    # It tried RabbitMQ on port 5672 of this machine: Celery's default.
    refused = f'[Errno {errno.ECONNREFUSED}] Connection refused'
    assert result.stderr.endswith(f'kombu.exceptions.OperationalError: {refused}\n')
    assert 'localhost' not in result.stderr


def test_add_without_delay_makes_you_wait_and_queues_nothing(broker):
    started = time.monotonic()

    assert add(4, 6, seconds=0.2) == 10

    assert time.monotonic() - started >= 0.2
    assert broker.llen('celery') == 0


def test_a_model_instance_is_no_argument_for_a_task(broker):
    # Pass its primary key, and let the task read what is in the database by then.
    with pytest.raises(EncodeError) as raised:
        add.delay(User(username='ada'), 6)

    assert str(raised.value) == 'Object of type User is not JSON serializable'
    assert broker.llen('celery') == 0
