import os
import subprocess
import sys

import celery
from django.conf import settings

from myproject import celery_app
from myproject.celery import debug_task


def test_the_app_is_named_after_the_project():
    assert celery_app.main == 'myproject'


def test_the_app_is_the_current_one_as_soon_as_django_has_started():
    # @shared_task, from lesson 4 on, uses whichever app is the current one.
    assert celery.current_app.main == 'myproject'


def test_the_settings_of_the_app_are_those_that_start_with_celery():
    assert celery_app.namespace == 'CELERY'


def test_the_celery_command_finds_the_app_and_the_settings():
    # In a fresh terminal, nothing says where the settings are. myproject/celery.py does.
    environment = {**os.environ}
    environment.pop('DJANGO_SETTINGS_MODULE', None)

    result = subprocess.run(
        [sys.executable, '-m', 'celery', '-A', 'myproject', 'report'],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stderr
    assert "SETTINGS_MODULE: 'myproject.settings'" in result.stdout


def test_debug_task_is_registered_under_its_full_name():
    assert 'myproject.celery.debug_task' in celery_app.tasks


def test_a_task_can_be_called_like_any_function(capsys):
    debug_task()
    assert capsys.readouterr().out.startswith('Request: <Context: {')
