import base64
import json

import pytest
from django.core.management import CommandError, call_command

from myapp.tasks import add

# No worker runs in this file: what is queued stays in the queue.


def test_add_called_like_any_function_adds_here_and_now(broker):
    assert add(4, 6, seconds=0) == 10
    assert broker.llen('celery') == 0


def test_add_is_registered_under_the_name_of_its_module():
    assert add.name == 'myapp.tasks.add'
    assert add.name in add.app.tasks
    assert add.app.main == 'myproject'


def test_delay_leaves_a_message_with_the_name_the_id_and_the_arguments(broker):
    result = add.delay(4, 6)

    assert broker.llen('celery') == 1
    message = json.loads(broker.lindex('celery', 0))
    assert message['headers']['task'] == 'myapp.tasks.add'
    assert message['headers']['id'] == result.id
    arguments, keyword_arguments, _ = json.loads(base64.b64decode(message['body']))
    assert arguments == [4, 6]
    assert keyword_arguments == {}


def test_a_task_that_no_worker_took_is_pending():
    assert add.delay(4, 6).state == 'PENDING'


def test_the_command_says_so_when_no_result_comes(broker, capsys):
    with pytest.raises(CommandError, match='^No result yet. Is a worker running?'):
        call_command('add', '4', '6', '--timeout=0.1')

    # It gave up waiting. The task is still in the queue.
    assert capsys.readouterr().out.endswith(' is queued.\n')
    assert broker.llen('celery') == 1
