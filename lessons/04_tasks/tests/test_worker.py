from django.core.management import call_command

from myapp.tasks import add


def test_a_worker_adds(worker):
    result = add.delay(4, 6, seconds=0)

    assert result.get(timeout=10) == 10
    assert result.state == 'SUCCESS'
    assert f'Task myapp.tasks.add[{result.id}] received' in worker.read_text()


def test_the_command_prints_what_the_worker_answers(worker, capsys, monkeypatch):
    # add.s() is add with an argument filled in: no need to wait 10 seconds here.
    monkeypatch.setattr('myapp.management.commands.add.add', add.s(seconds=0))

    call_command('add', '4', '6', '--timeout=10')

    assert capsys.readouterr().out.endswith('Result: 10\n')
