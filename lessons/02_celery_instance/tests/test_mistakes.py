"""The mistakes of this lesson, and what they look like."""
import os
import shutil
import subprocess
import sys

from django.conf import settings


def test_without_the_import_django_starts_with_an_app_that_is_not_yours(tmp_path):
    project = shutil.copytree(
        settings.BASE_DIR,
        tmp_path / 'project',
        ignore=shutil.ignore_patterns('.*', '__pycache__'),
    )
    (project / 'myproject' / '__init__.py').write_text('')

    result = subprocess.run(
        [sys.executable, 'manage.py', 'shell', '--verbosity=0', '--command']
        + ['import celery; print(celery.current_app.main)'],
        cwd=project,
        capture_output=True,
        text=True,
    )

    assert result.stdout == 'default\n'


def test_celery_started_in_another_folder_finds_no_app(tmp_path):
    # A folder in PYTHONPATH would be searched as well.
    environment = {**os.environ}
    environment.pop('PYTHONPATH', None)

    result = subprocess.run(
        [sys.executable, '-m', 'celery', '-A', 'myproject', 'worker'],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 2
    assert result.stderr.endswith(
        'Error: \n'
        'Unable to load celery application.\n'
        'The module myproject was not found.\n'
    )
