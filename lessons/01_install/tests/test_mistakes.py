"""The mistakes of this lesson, and what they look like."""
import subprocess
import sys
import venv

from django.conf import settings


def test_another_python_knows_no_celery(tmp_path):
    # What happens when the virtual environment was not activated.
    venv.create(tmp_path / 'other', with_pip=False)
    python = tmp_path / 'other' / 'bin' / 'python'

    result = subprocess.run(
        [python, '-m', 'celery', '--version'], capture_output=True, text=True
    )

    assert result.returncode == 1
    assert result.stderr == f'{python}: No module named celery\n'


def test_the_app_is_named_before_the_subcommand():
    # Tutorials written before Celery 5 have it the other way round.
    result = subprocess.run(
        [sys.executable, '-m', 'celery', 'worker', '-A', 'myproject'],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 2
    assert result.stderr.startswith(
        'You are using `-A` as an option of the worker sub-command:\n'
        'celery worker -A celeryapp <...>\n'
        '\n'
        'The support for this usage was removed in Celery 5.0. '
        'Instead you should use `-A` as a global option:\n'
        'celery -A celeryapp worker <...>\n'
    )
