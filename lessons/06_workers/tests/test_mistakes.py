"""Other mistakes of this lesson, and what they look like."""
import uuid

from myapp.tasks import add

from .helpers import running_worker


def test_a_worker_that_was_not_restarted_runs_the_code_of_before(project):
    path = project / 'myapp' / 'tasks.py'
    text = path.read_text()
    assert 'return x + y' in text

    with running_worker(project, '--pool=solo'):
        path.write_text(text.replace('return x + y', 'return x * y'))
        assert add.delay(4, 6, seconds=0).get(timeout=10) == 10

    with running_worker(project, '--pool=solo'):
        assert add.delay(4, 6, seconds=0).get(timeout=10) == 24


def test_to_celery_an_id_that_was_never_issued_is_a_task_that_waits():
    assert add.AsyncResult(str(uuid.uuid4())).state == 'PENDING'
