from myproject.celery import debug_task


def test_a_worker_runs_debug_task_to_success(worker):
    result = debug_task.delay()

    assert result.get(timeout=10) is None  # debug_task returns nothing
    assert result.state == 'SUCCESS'
    assert f'Task myproject.celery.debug_task[{result.id}] received' in worker.read_text()
