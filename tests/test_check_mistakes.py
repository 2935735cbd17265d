"""The mistakes that `check` names: each is made in a snapshot, and told in both languages."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from checking import Examine, extend, learners
from conftest import replace

Edit = Callable[[Path], object]


@dataclass
class Mistake:
    """A snapshot with an edit; what is to be said, where, and a fragment in each language."""

    name: str
    stage: str
    edit: Edit
    key: str
    place: str | None
    english: str
    french: str


def change(path: str, *pairs: tuple[str, str]) -> Edit:
    """Replace texts in a file; each must be there."""

    return both(*(lambda folder, pair=pair: replace(folder / path, *pair) for pair in pairs))


def write(path: str, text: str) -> Edit:
    return lambda folder: (folder / path).write_text(text)


def append(path: str, text: str) -> Edit:
    return lambda folder: extend(folder / path, text)


def move(old: str, new: str) -> Edit:
    return lambda folder: shutil.move(folder / old, folder / new)


def remove(path: str) -> Edit:
    return lambda folder: (folder / path).unlink()


def both(*edits: Edit) -> Edit:
    return lambda folder: [edit(folder) for edit in edits]


SETTINGS, CELERY, INIT = "myproject/settings.py", "myproject/celery.py", "myproject/__init__.py"
TASKS, VIEWS, URLS = "myapp/tasks.py", "myapp/views.py", "myapp/urls.py"
BROKER = "CELERY_BROKER_URL = 'redis://localhost:6379/0'"
BACKEND = "CELERY_RESULT_BACKEND = 'redis://localhost:6379/0'"


def broker(url: str) -> Edit:
    return change(SETTINGS, (BROKER, f"CELERY_BROKER_URL = '{url}'"))


DELAY = "result = add.delay(x, y)"

# Celery's commands would import myapp at start; so the circle closes in every process.
CIRCLE = both(
    write("myproject/helper.py", "from .celery import app\n"),
    change(CELERY, ("import os\n", "import os\n\nfrom .helper import app as other\n")),
)

MISTAKES = [
    # The folder and the first lesson
    Mistake(
        "no manage.py",
        "01",
        both(remove("manage.py"), write("notes.txt", "")),
        "no_manage",
        None,
        "There is no manage.py",
        "Il n'y a pas de manage.py",
    ),
    Mistake(
        "a manage.py of something else",
        "01",
        write("manage.py", "print('hello')\n"),
        "not_django",
        "manage.py",
        "not the one that startproject writes",
        "n'est pas celui qu'écrit startproject",
    ),
    Mistake(
        "a syntax error",
        "03",
        change(SETTINGS, ("DEBUG = True", "DEBUG = (True")),
        "syntax",
        "myproject/settings.py:26",
        "SyntaxError: '(' was never closed. The line: DEBUG = (True",
        "SyntaxError: '(' was never closed. La ligne : DEBUG = (True",
    ),
    Mistake(
        "a file of the project's own that is missing",
        "02",
        append(SETTINGS, "\n(BASE_DIR / 'secret.txt').read_text()\n"),
        "error",
        "myproject/settings.py:124",
        "FileNotFoundError: [Errno 2] No such file or directory",
        "FileNotFoundError: [Errno 2] No such file or directory",
    ),
    Mistake(
        "an indentation error",
        "04",
        change(TASKS, ("    return", "     return")),
        "syntax",
        "myapp/tasks.py:10",
        "IndentationError: unexpected indent",
        "IndentationError: unexpected indent",
    ),
    Mistake(
        "a file in another encoding",
        "03",
        lambda folder: (folder / SETTINGS).write_bytes(
            b"TITLE = 'r\xe9glages'\n" + (folder / SETTINGS).read_bytes()
        ),
        "encoding",
        "myproject/settings.py:1",
        "Save it again as UTF-8",
        "Enregistrez-le de nouveau, en UTF-8",
    ),
    Mistake(
        "a package that is not installed",
        "03",
        append(SETTINGS, "\nimport environ\n"),
        "module_missing",
        "myproject/settings.py:134",
        "There is no module environ",
        "Il n'y a pas de module environ",
    ),
    Mistake(
        "an import of one's own that is misspelt",
        "04",
        append("myapp/admin.py", "from .task import add\n"),
        "module_own",
        "myapp/admin.py:4",
        "There is no module myapp.task. In myapp there are: admin, apps, ",
        "Il n'y a pas de module myapp.task. Dans myapp, il y a : admin, apps, ",
    ),
    Mistake(
        "a name that the module does not have",
        "04",
        append("myapp/admin.py", "from .tasks import addition\n"),
        "name_missing",
        "myapp/admin.py:4",
        "The module myapp.tasks has no `addition`",
        "Le module myapp.tasks ne contient pas `addition`",
    ),
    Mistake(
        "a circular import",
        "02",
        CIRCLE,
        "circular",
        "myproject/helper.py:1",
        "in a circle: myproject/__init__.py → myproject/celery.py → myproject/helper.py",
        "Ils s'importent en cercle : myproject/__init__.py → myproject/celery.py",
    ),
    Mistake(
        "a celery.py beside manage.py",
        "02",
        both(move(CELERY, "celery.py"), write(INIT, "from celery import app\n")),
        "hidden",
        "celery.py",
        "a file of your own, which bears the same name",
        "un de vos fichiers, qui porte le même nom",
    ),
    Mistake(
        "a file that bears the name of a standard module",
        "01",
        both(write("secrets.py", "TOKEN = 1\n"), append(SETTINGS, "\nimport random\n")),
        "hidden",
        "secrets.py",
        "a file of your own, which bears the same name",
        "un de vos fichiers, qui porte le même nom",
    ),
    Mistake(
        "a manage.py that never returns",
        "01",
        append(SETTINGS, "\nimport time\nwhile True: time.sleep(1)\n"),
        "hangs",
        "myproject/settings.py:125",
        "It still ran when the time was over",
        "Le temps accordé est écoulé",
    ),
    Mistake(
        "settings that end Python",
        "01",
        append(SETTINGS, "\nimport os\nos._exit(3)\n"),
        "ended",
        None,
        "with exit status 3, and no error",
        "avec le code de sortie 3",
    ),
    Mistake(
        "settings that Django refuses",
        "01",
        change(SETTINGS, ("    'django.contrib.auth.middleware.AuthenticationMiddleware',\n", "")),
        "exits",
        None,
        "(admin.E408)",
        "(admin.E408)",
    ),
    Mistake(
        "an error that nobody foresaw",
        "01",
        append(SETTINGS, "\n1 / 0\n"),
        "error",
        "myproject/settings.py:124",
        "ZeroDivisionError: division by zero Where",
        "ZeroDivisionError: division by zero Où",
    ),
    Mistake(
        "a model at the top of celery.py",
        "02",
        change(
            CELERY, ("import os\n", "import os\n\nfrom django.contrib.auth.models import User\n")
        ),
        "too_early",
        "myproject/celery.py:3",
        "it asks for a model",
        "elle demande un modèle",
    ),
    Mistake(
        "a celery.py that ends in .txt",
        "02",
        move(CELERY, "myproject/celery.py.txt"),
        "module_suffix",
        "myproject/__init__.py:2",
        "there is a file called celery.py.txt",
        "il y a un fichier nommé celery.py.txt",
    ),
    # Lesson 2
    Mistake(
        "no application",
        "02",
        both(remove(CELERY), write(INIT, "")),
        "no_app",
        None,
        "No file of the project calls `Celery(…)`",
        "Aucun fichier du projet n'appelle `Celery(…)`",
    ),
    Mistake(
        "no import in __init__.py",
        "02",
        write(INIT, ""),
        "no_import",
        "myproject/__init__.py",
        "stands in myproject/celery.py, and nothing imports it",
        "est dans myproject/celery.py, et rien n'importe ce fichier",
    ),
    Mistake(
        "an import without its dot",
        "02",
        change(INIT, (".celery", "celery")),
        "no_dot",
        "myproject/__init__.py:2",
        "The dot is missing",
        "Il manque le point",
    ),
    Mistake(
        "celery.py in the folder of the app",
        "02",
        both(move(CELERY, "myapp/celery.py"), write(INIT, "")),
        "app_elsewhere",
        "myapp/celery.py:8",
        "myapp/celery.py is not in the package myproject",
        "myapp/celery.py n'est pas dans le paquet myproject",
    ),
    Mistake(
        "celery.py misnamed",
        "02",
        move(CELERY, "myproject/cellery.py"),
        "module_own",
        "myproject/__init__.py:2",
        "There is no module myproject.celery. In myproject there are: asgi, cellery",
        "Il n'y a pas de module myproject.celery. Dans myproject, il y a : asgi, cellery",
    ),
    Mistake(
        "a wrong module in DJANGO_SETTINGS_MODULE",
        "02",
        change(CELERY, ("myproject.settings", "mysite.settings")),
        "settings_wrong",
        "myproject/celery.py:6",
        "DJANGO_SETTINGS_MODULE is “mysite.settings”, and there is no such module",
        "DJANGO_SETTINGS_MODULE vaut « mysite.settings », et ce module n'existe pas",
    ),
    Mistake(
        "no DJANGO_SETTINGS_MODULE",
        "02",
        change(
            CELERY, ("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')", "")
        ),
        "settings_unset",
        "myproject/celery.py:8",
        "DJANGO_SETTINGS_MODULE is not set",
        "DJANGO_SETTINGS_MODULE n'est toujours pas définie",
    ),
    Mistake(
        "settings that are not Django's own",
        "03",
        both(
            write(
                "myproject/other.py",
                "SECRET_KEY = 'x'\nCELERY_BROKER_URL = 'redis://localhost:6379/1'\n",
            ),
            change(CELERY, ("myproject.settings", "myproject.other")),
        ),
        "settings_differ",
        "myproject/celery.py:6",
        "it is told to read myproject.other; manage.py reads myproject.settings",
        "lui fait lire myproject.other, alors que manage.py lit myproject.settings",
    ),
    Mistake(
        "no autodiscover_tasks",
        "02",
        change(CELERY, ("app.autodiscover_tasks()", "")),
        "no_autodiscover",
        "myproject/celery.py:8",
        "`autodiscover_tasks()` is not called",
        "`autodiscover_tasks()` n'est pas appelé",
    ),
    # Lesson 3
    Mistake(
        "no config_from_object",
        "03",
        change(CELERY, ("app.config_from_object('django.conf:settings', namespace='CELERY')", "")),
        "no_configuration",
        "myproject/celery.py:8",
        "`config_from_object` is not called",
        "`config_from_object` n'est pas appelé",
    ),
    Mistake(
        "no namespace",
        "03",
        change(CELERY, (", namespace='CELERY'", "")),
        "namespace",
        "myproject/celery.py:11",
        "CELERY_BROKER_URL is set, and has no effect: the namespace is None",
        "CELERY_BROKER_URL est bien défini, mais sans effet : l'espace de noms vaut None",
    ),
    Mistake(
        "a wrong namespace",
        "03",
        change(CELERY, ("namespace='CELERY'", "namespace='CELERY_APP'")),
        "namespace",
        "myproject/celery.py:11",
        "the namespace is CELERY_APP",
        "l'espace de noms vaut CELERY_APP",
    ),
    Mistake(
        "a setting without its prefix",
        "03",
        change(SETTINGS, ("CELERY_RESULT_BACKEND", "RESULT_BACKEND")),
        "unprefixed",
        "myproject/settings.py:128",
        "Call it CELERY_RESULT_BACKEND",
        "Appelez-le CELERY_RESULT_BACKEND",
    ),
    Mistake(
        "a setting misspelt",
        "03",
        change(SETTINGS, ("CELERY_RESULT_BACKEND", "CELERY_RESULTS_BACKEND")),
        "misspelt",
        "myproject/settings.py:128",
        "CELERY_RESULT_BACKEND was meant, it seems",
        "Vous vouliez sans doute écrire CELERY_RESULT_BACKEND",
    ),
    Mistake(
        "a prefix misspelt",
        "03",
        change(SETTINGS, ("CELERY_BROKER_URL", "CELRY_BROKER_URL")),
        "misspelt",
        "myproject/settings.py:127",
        "CELERY_BROKER_URL was meant, it seems",
        "Vous vouliez sans doute écrire CELERY_BROKER_URL",
    ),
    Mistake(
        "a setting given twice",
        "03",
        append(SETTINGS, "\nCELERY_ACCEPT_CONTENT = ['json']\n"),
        "assigned_twice",
        "myproject/settings.py:129",
        "another one at line 134",
        "une autre à la ligne 134",
    ),
    Mistake(
        "a text instead of a list",
        "03",
        change(SETTINGS, ("['json']", "('json')")),
        "not_list",
        "myproject/settings.py:129",
        "takes for a list of letters",
        "prend pour une liste de lettres",
    ),
    Mistake(
        "a comma too many",
        "03",
        change(SETTINGS, (BACKEND, f"{BACKEND},")),
        "not_text",
        "myproject/settings.py:128",
        "It is a tuple or a list",
        "C'est un tuple ou une liste",
    ),
    Mistake(
        "an address from nowhere",
        "03",
        change(SETTINGS, (BROKER, "import os\nCELERY_BROKER_URL = os.environ.get('NOWHERE')")),
        "address_none",
        "myproject/settings.py:128",
        "CELERY_BROKER_URL holds an address. Seen It is None.",
        "CELERY_BROKER_URL contient une adresse. Constaté Il vaut None.",
    ),
    Mistake(
        "pickle accepted",
        "03",
        change(SETTINGS, ("['json']", "['json', 'pickle']")),
        "pickle",
        "myproject/settings.py:129",
        "CELERY_ACCEPT_CONTENT is ['json', 'pickle']",
        "CELERY_ACCEPT_CONTENT vaut ['json', 'pickle']",
    ),
    Mistake(
        "eager tasks",
        "03",
        append(SETTINGS, "\nCELERY_TASK_ALWAYS_EAGER = True\n"),
        "eager",
        "myproject/settings.py:134",
        "CELERY_TASK_ALWAYS_EAGER is on",
        "CELERY_TASK_ALWAYS_EAGER est activé",
    ),
    Mistake(
        "a broker that is no address",
        "03",
        broker("redis://localhost:port/0"),
        "broker_port",
        "myproject/settings.py:127",
        "No Redis server answers at “redis://localhost:port/0”",
        "Aucun serveur Redis ne répond à l'adresse « redis://localhost:port/0 »",
    ),
    Mistake(
        "no broker",
        "03",
        change(SETTINGS, (BROKER, "")),
        "broker_missing",
        None,
        "CELERY_BROKER_URL says where the broker is",
        "CELERY_BROKER_URL dit où est le broker",
    ),
    Mistake(
        "a broker's wrong scheme",
        "03",
        broker("http://localhost:6379/0"),
        "broker_scheme",
        "myproject/settings.py:127",
        "It is “http://localhost:6379/0”",
        "Il vaut « http://localhost:6379/0 »",
    ),
    Mistake(
        "a broker's wrong host",
        "03",
        broker("redis://no-such-host.invalid:6379/0"),
        "broker_host",
        "myproject/settings.py:127",
        "No machine is called “no-such-host.invalid”",
        "aucune machine ne répond au nom de « no-such-host.invalid »",
    ),
    Mistake(
        "a broker's wrong port",
        "03",
        broker("redis://localhost:1/0"),
        "broker_port",
        "myproject/settings.py:127",
        "No Redis server answers at “redis://localhost:1/0”",
        "Aucun serveur Redis ne répond à l'adresse « redis://localhost:1/0 »",
    ),
    Mistake(
        "a broker's wrong database",
        "03",
        broker("redis://localhost:6379/99"),
        "broker_database",
        "myproject/settings.py:127",
        "“99” is none",
        "« 99 » n'en est pas un",
    ),
    Mistake(
        "no result backend",
        "03",
        change(SETTINGS, (BACKEND, "")),
        "backend_missing",
        None,
        "CELERY_RESULT_BACKEND says where results are kept",
        "CELERY_RESULT_BACKEND dit où sont gardés les résultats",
    ),
    Mistake(
        "a result backend that does not exist",
        "03",
        change(SETTINGS, (BACKEND, "CELERY_RESULT_BACKEND = 'reddis://localhost:6379/0'")),
        "backend_unknown",
        "myproject/settings.py:128",
        "It is “reddis://localhost:6379/0”",
        "Il vaut « reddis://localhost:6379/0 »",
    ),
    Mistake(
        "a worker that dies at once",
        "03",
        append(
            CELERY,
            "\n\nfrom celery.signals import worker_ready\n\n\n"
            "@worker_ready.connect\ndef end(**kwargs):\n    os._exit(1)\n",
        ),
        "worker_dies",
        None,
        "It ended. What it printed last",
        "Il s'est arrêté.",
    ),
    # Lesson 4
    Mistake(
        "an app that is not installed",
        "04",
        change(SETTINGS, ("    'myapp',\n", "")),
        "not_installed",
        "myapp/tasks.py:7",
        "Add 'myapp' to INSTALLED_APPS",
        "Ajoutez 'myapp' à INSTALLED_APPS",
    ),
    Mistake(
        "tasks.py misnamed",
        "04",
        both(
            move(TASKS, "myapp/task.py"),
            change("myapp/management/commands/add.py", ("myapp.tasks", "myapp.task")),
        ),
        "tasks_misnamed",
        "myapp/task.py:7",
        "It stands in task.py",
        "task.py",
    ),
    Mistake(
        "a tasks.py beside manage.py",
        "04",
        both(
            move(TASKS, "tasks.py"),
            change("myapp/management/commands/add.py", ("myapp.tasks", "tasks")),
        ),
        "tasks_homeless",
        "tasks.py:7",
        "This tasks.py stands beside manage.py, in no app",
        "Ce tasks.py est à côté de manage.py, hors de toute application",
    ),
    Mistake(
        "a package of tasks that imports none",
        "04",
        both(
            lambda folder: (folder / "myapp/jobs").mkdir(),
            move(TASKS, "myapp/jobs/add.py"),
            move("myapp/jobs", "myapp/tasks"),
            write("myapp/tasks/__init__.py", ""),
        ),
        "tasks_not_imported",
        "myapp/tasks/add.py:7",
        "A worker imports myapp.tasks, and nothing below it",
        "Un worker importe myapp.tasks",
    ),
    Mistake(
        "a missing decorator",
        "04",
        change(TASKS, ("@shared_task\n", "")),
        "undecorated",
        "myapp/tasks.py:6",
        "The decorator is missing",
        "Il manque le décorateur",
    ),
    Mistake(
        "an application beside the tasks",
        "04",
        change(
            TASKS,
            (
                "from celery import shared_task",
                "from celery import Celery\n\napp = Celery('tasks')",
            ),
            ("@shared_task", "@app.task"),
        ),
        "two_apps",
        "myapp/tasks.py:5",
        "There are several: myproject, tasks",
        "Il y en a plusieurs : myproject, tasks",
    ),
    Mistake(
        "a result that is ignored",
        "04",
        change(TASKS, ("@shared_task", "@shared_task(ignore_result=True)")),
        "result_ignored",
        "myapp/tasks.py:6",
        "Remove `ignore_result` from the task",
        "Retirez `ignore_result` de la tâche",
    ),
    Mistake(
        "a task without a return",
        "04",
        change(TASKS, ("    return x + y", "    x + y")),
        "wrong_result",
        "myapp/tasks.py:6",
        "What came back: myapp.tasks.add: None.",
        "Ce qui est revenu : myapp.tasks.add: None.",
    ),
    Mistake(
        "a task that fails",
        "04",
        change(TASKS, ("return x + y", "return x + z")),
        "task_fails",
        "myapp/tasks.py:10",
        "It failed: NameError: name 'z' is not defined",
        "Elle a échoué. NameError: name 'z' is not defined",
    ),
    Mistake(
        "a task that never ends",
        "04",
        change(TASKS, ("    time.sleep(seconds)", "    while True:\n        time.sleep(1)")),
        "never_ends",
        None,
        "A worker has taken it, and it still runs after 20 s",
        "20 s",
    ),
    Mistake(
        "add() instead of add.delay()",
        "04",
        change("myapp/management/commands/add.py", ("add.delay(", "add(")),
        "called_directly",
        "myapp/management/commands/add.py:16",
        "Write `add.delay(…)` here",
        "Écrivez ici `add.delay(…)`",
    ),
    # Lesson 5
    Mistake(
        "add() in the view",
        "05",
        change(VIEWS, (DELAY, "result = add(x, y)")),
        "called_directly",
        "myapp/views.py:33",
        "It is called like a function",
        "Elle est appelée comme une fonction",
    ),
    Mistake(
        "a view that waits for the result",
        "05",
        change(VIEWS, (DELAY, f"{DELAY}\n        total = result.get()")),
        "waits",
        "myapp/views.py:34",
        "The view waits for the result",
        "La vue attend le résultat",
    ),
    Mistake(
        "work that GET starts",
        "05",
        change(
            VIEWS,
            ("@require_POST\n", ""),
            ("form = AddForm(request.POST)", "form = AddForm(request.POST or {'x': 1, 'y': 2})"),
        ),
        "get_starts",
        "myapp/views.py:32",
        "GET /add/ has put a task into the queue",
        "GET /add/ a mis une tâche dans la file d'attente",
    ),
    Mistake(
        "broker errors that are not caught",
        "05",
        change(VIEWS, ("except BROKER_ERRORS as error", "except ZeroDivisionError as error")),
        "broker_error",
        "myapp/views.py:33",
        "this kind of error is not caught",
        "rien n'intercepte ce type d'erreur",
    ),
    Mistake(
        "one error of two",
        "05",
        change(TASKS, ("(OperationalError, RuntimeError)", "OperationalError")),
        "broker_error",
        "myapp/views.py:33",
        "The error gets through: RuntimeError",
        "La vue laisse passer l'erreur. RuntimeError",
    ),
    Mistake(
        "failure that is slow",
        "05",
        change(SETTINGS, ("{'retry_policy': {'max_retries': 0}}", "{'max_retries': 0}")),
        "slow_refused",
        "myapp/views.py:33",
        "With a broker that refuses the connection, it took",
        "Avec un broker qui refuse la connexion, il a fallu",
    ),
    Mistake(
        "a URL that is missing",
        "05",
        change(URLS, ("    path('add/', views.add_view, name='add'),\n", "")),
        "unrouted",
        "myapp/views.py:20",
        "`add_view` stands ready, and no address leads to it",
        "`add_view` est prête, mais aucune adresse n'y mène",
    ),
    Mistake(
        "urls.py that is not included",
        "05",
        change("myproject/urls.py", ("    path('', include('myapp.urls')),\n", "")),
        "unrouted",
        "myapp/views.py:20",
        "`add_view` stands ready",
        "`add_view` est prête",
    ),
    Mistake(
        "CSRF switched off in the view",
        "05",
        change(
            VIEWS,
            ("@require_POST\n", "@csrf_exempt\n@require_POST\n"),
            (
                "from django.views.decorators.http",
                "from django.views.decorators.csrf import csrf_exempt\n"
                "from django.views.decorators.http",
            ),
        ),
        "csrf_off",
        "myapp/views.py:20",
        "POST /add/ without a CSRF token started the task",
        "POST /add/, sans jeton CSRF, a lancé la tâche",
    ),
    Mistake(
        "CSRF switched off in the settings",
        "05",
        change(SETTINGS, ("    'django.middleware.csrf.CsrfViewMiddleware',\n", "")),
        "csrf_off",
        "myproject/settings.py:43",
        "The protection is switched off",
        "La protection est désactivée",
    ),
    Mistake(
        "a form without a token",
        "05",
        change("myapp/templates/myapp/index.html", ("{% csrf_token %}", "")),
        "csrf_missing",
        None,
        "Inside the form: {% csrf_token %}",
        "Dans le formulaire : {% csrf_token %}",
    ),
    Mistake(
        "a model instance as an argument",
        "05",
        change(VIEWS, (DELAY, "result = add.delay(Addition(x=x, y=y), y)")),
        "model_instance",
        "myapp/views.py:33",
        "Object of type Addition is not JSON serializable",
        "Passez sa clé primaire",
    ),
    Mistake(
        "texts for numbers",
        "05",
        change(
            VIEWS,
            ("form.cleaned_data['x'], form.cleaned_data['y']", "form.data['x'], form.data['y']"),
        ),
        "text_arguments",
        "myapp/views.py:33",
        "It reaches it as texts: '2', '3'",
        "La tâche reçoit des chaînes : '2', '3'",
    ),
    Mistake(
        "input that nobody checks",
        "05",
        change(VIEWS, ("    if not form.is_valid():", "    form.full_clean()\n    if False:")),
        "bad_input_breaks",
        "myapp/views.py:31",
        "The view broke: KeyError: 'x'",
        "La vue a échoué : KeyError: 'x'",
    ),
    Mistake(
        "an answer without the id",
        "05",
        change(VIEWS, ("{'task_id': result.id}", "{'state': 'queued'}")),
        "id_missing",
        "myapp/views.py:33",
        "does not hold it",
        "ne le contient pas",
    ),
    Mistake(
        "a task that a signal starts again",
        "05",
        both(
            change(
                "myapp/models.py",
                (
                    "from .tasks",
                    "from django.db.models.signals import post_save\n"
                    "from django.dispatch import receiver\n\nfrom .tasks",
                ),
            ),
            append(
                "myapp/models.py",
                "\n\n@receiver(post_save, sender=Addition)\ndef again(instance, **kwargs):\n"
                "    add.delay(instance.x, instance.y)\n",
            ),
        ),
        "queued_twice",
        "myapp/models.py:37",
        "It puts myapp.tasks.add into the queue more than once",
        "Il met myapp.tasks.add plusieurs fois dans la file d'attente",
    ),
    Mistake(
        "a login page that does not exist",
        "05",
        change(
            VIEWS,
            ("@require_GET\ndef index", "@login_required\n@require_GET\ndef index"),
            (
                "from django.http",
                "from django.contrib.auth.decorators import login_required\nfrom django.http",
            ),
        ),
        "login_missing",
        None,
        "/ leads to a login page that does not exist",
        "/ renvoie vers une page de connexion qui n'existe pas",
    ),
    Mistake(
        "an address by a name that there is not",
        "05",
        change("myapp/templates/myapp/index.html", ("{% url 'add' %}", "{% url 'addition' %}")),
        "no_reverse",
        "myapp/views.py:16",
        "Reverse for 'addition' not found",
        "Reverse for 'addition' not found",
    ),
    Mistake(
        "a missing migration",
        "05",
        append("myapp/models.py", "\n\nclass Note(models.Model):\n    text = models.TextField()\n"),
        "no_migration",
        "myapp/models.py",
        "`python manage.py makemigrations myapp`",
        "`python manage.py makemigrations myapp`",
    ),
    # Lesson 6
    Mistake(
        "an unknown id that is PENDING",
        "06",
        change(
            VIEWS,
            ("if not Addition.objects.filter(task_id=task_id, user=user).exists():", "if False:"),
        ),
        "unknown_pending",
        None,
        "says PENDING",
        "répond PENDING",
    ),
    Mistake(
        "no Procfile",
        "06",
        remove("Procfile"),
        "no_procfile",
        None,
        "Write the Procfile of the page",
        "Écrivez le Procfile de la page",
    ),
    Mistake(
        "a page that says the same of every id",
        "06",
        both(
            change(URLS, ("views.task_status", "views.other")),
            append(VIEWS, "\n\ndef other(request, task_id):\n    return index(request)\n"),
        ),
        "no_status",
        None,
        "no address that I tried showed it",
        "aucune des adresses essayées ne le montrait",
    ),
    Mistake(
        "a Procfile with a name twice",
        "06",
        append("Procfile", "worker: celery -A myproject worker\n"),
        "procfile_wrong",
        "Procfile",
        "Does a name come twice?",
        "Le même nom apparaît-il deux fois ?",
    ),
    Mistake(
        "an open quote in .env",
        "06",
        write(".env", "NOTE=don't\n"),
        "procfile_wrong",
        ".env",
        "No closing quotation",
        "No closing quotation",
    ),
    Mistake(
        "a worker's wrong command",
        "06",
        change("Procfile", ("celery -A myproject worker", "celery worker -A myproject")),
        "worker_command",
        "Procfile:2",
        "It ended: celery worker -A myproject --loglevel=info",
        "Il s'est arrêté : celery worker -A myproject --loglevel=info",
    ),
    Mistake(
        "a worker's wrong queue",
        "06",
        change("Procfile", ("--loglevel=info", "--queues=other")),
        "not_consumed",
        None,
        "Messages wait in: celery",
        "Des messages attendent dans : celery",
    ),
    Mistake(
        "a task that is lost with its process",
        "06",
        change(
            SETTINGS,
            ("CELERY_TASK_RETRY_ON_WORKER_LOST = True", ""),
            ("CELERY_TASK_REJECT_ON_WORKER_LOST = True", ""),
        ),
        "task_lost",
        None,
        "myapp.tasks.add was lost",
        "myapp.tasks.add s'est perdue",
    ),
    Mistake(
        "a visibility timeout that is too short",
        "06",
        change(SETTINGS, ("'visibility_timeout': 60", "'visibility_timeout': 5")),
        "visibility_short",
        "myproject/settings.py:142",
        "a task of 10 s is run twice",
        "une tâche de 10 s s'exécute donc deux fois",
    ),
    # Lesson 7
    Mistake(
        "Flower on every address",
        "07",
        change("flowerconfig.py", ("address = '127.0.0.1'\n", "")),
        "flower_open",
        "Procfile:3",
        "other machines can reach it",
        "d'autres machines peuvent l'atteindre",
    ),
    Mistake(
        "Flower's options in capitals",
        "07",
        change("flowerconfig.py", ("address =", "ADDRESS =")),
        "flower_upper",
        "flowerconfig.py:6",
        "are written in capitals",
        "sont écrits en majuscules",
    ),
    Mistake(
        "Flower without a password, under a prefix",
        "07",
        write("flowerconfig.py", "address = '127.0.0.1'\nurl_prefix = 'flower'\n"),
        "flower_no_password",
        "Procfile:3",
        "/flower/ answered to somebody without one",
        "/flower/ a répondu à quelqu'un qui n'en avait pas",
    ),
    Mistake(
        "Flower without a password",
        "07",
        change("flowerconfig.py", ("    basic_auth = ", "    nobody = ")),
        "flower_no_password",
        "Procfile:3",
        "answered to somebody without one",
        "a répondu à quelqu'un qui n'en avait pas",
    ),
    # Others than the pages warn of
    Mistake(
        "an import of a package by nearly its name",
        "04",
        append(TASKS, "\nimport myap.models\n"),
        "module_close",
        "myapp/tasks.py:12",
        "There is no module myap; but there is one called myapp",
        "Il n'y a pas de module myap, mais il y en a un qui s'appelle myapp",
    ),
    Mistake(
        "an import of a module of the same folder, without a dot",
        "05",
        change(VIEWS, ("from .forms import AddForm", "from forms import AddForm")),
        "module_elsewhere",
        "myapp/views.py:7",
        "There is no module forms; but there is myapp.forms",
        "Il n'y a pas de module forms, mais il y a myapp.forms",
    ),
    Mistake(
        "a task that takes no numbers",
        "04",
        change(TASKS, ("def add(x, y, seconds=10):", "def add(seconds=10, x=1, y=2):")),
        "no_task",
        None,
        "There is none that takes two values. Tasks that a worker knows: myapp.tasks.add",
        "Aucune ne prend deux valeurs. Voici les tâches que connaît un worker : myapp.tasks.add",
    ),
    Mistake(
        "no view at all",
        "05",
        both(change("myproject/urls.py", ("path('', include('myapp.urls')),", "")), remove(VIEWS)),
        "no_view",
        None,
        "No address of the project leads to a view of your own",
        "Aucune adresse du projet ne mène à une vue que vous avez écrite",
    ),
    Mistake(
        "a view that forgets to start the task",
        "05",
        change(
            VIEWS,
            ("import logging", "import logging\nimport uuid"),
            (DELAY, "result = add.AsyncResult(str(uuid.uuid4()))"),
        ),
        "nothing_sent",
        None,
        "/add/ (",
        "/add/ (",
    ),
    Mistake(
        "nonsense that is put into the queue",
        "05",
        change(
            VIEWS,
            ("if not form.is_valid():", "if form.errors and False:"),
            ("form.cleaned_data['x']", "form.cleaned_data.get('x', 'nothing')"),
            ("form.cleaned_data['y']", "form.cleaned_data.get('y', 'nothing')"),
            ("    Addition.objects.create(task_id=result.id, user=user, x=x, y=y)\n", ""),
        ),
        "bad_input_queued",
        "myapp/views.py:33",
        "It was put into the queue as it was",
        "La valeur est partie telle quelle dans la file d'attente",
    ),
    Mistake(
        "a migration that fails",
        "05",
        write(
            "myapp/migrations/0002_wrong.py",
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
            "    dependencies = [('myapp', '0001_initial')]\n"
            "    operations = [migrations.RunSQL('NONSENSE')]\n",
        ),
        "migrate_fails",
        None,
        'OperationalError: near "NONSENSE": syntax error',
        'OperationalError: near "NONSENSE": syntax error',
    ),
    Mistake(
        "no limit for a broker that says nothing",
        "05",
        change(
            SETTINGS,
            ("    'socket_timeout': 0.5,\n", ""),
            ("CELERY_REDIS_SOCKET_TIMEOUT = 0.5\n", ""),
        ),
        "slow_silent",
        "myapp/views.py:33",
        "With a broker that accepts the connection and then says nothing, it took",
        "Avec un broker qui accepte la connexion puis se tait",
    ),
    Mistake(
        "a Procfile without a worker",
        "06",
        write("Procfile", "web: python manage.py runserver\n"),
        "not_in_procfile",
        "Procfile",
        "worker: celery -A … worker",
        "worker: celery -A … worker",
    ),
    Mistake(
        "a Flower that does not start",
        "07",
        change("Procfile", ("celery -A myproject flower", "celery -A myproject flower --port=x")),
        "flower_dies",
        "Procfile:3",
        "It does not: celery -A myproject flower --port=x",
        "Il ne démarre pas, ou ne répond pas : celery -A myproject flower --port=x",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_in_both_languages(mistake: Mistake, tmp_path: Path, examine: Examine):
    folder = learners(mistake.stage, tmp_path / "mysite")
    mistake.edit(folder)
    found = examine(folder, mistake.stage)
    assert (found.key, found.place) == (mistake.key, mistake.place), found.said["en"]
    assert found.verdict.status == 1
    for language, fragment in (("en", mistake.english), ("fr", mistake.french)):
        said = found.said[language].replace("\u00a0", " ").replace("\u202f", " ")
        assert fragment in said
        assert f"/{language}/" in said  # the page to read
