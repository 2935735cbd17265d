# %% [markdown] id="tasks" lang="en"
# # 4. Tasks
#
# Here you call the task `add` of [lesson 4](../lessons/04_tasks.md#write-task) in three ways, read the message that is sent, and find out what such a message
# cannot carry. A broker and a worker with two processes run in the background, for this notebook alone. Run the cells from top to bottom; each `assert` checks
# what the text claims.

# %% [markdown] id="tasks" lang="fr"
# # 4. Tâches
#
# Vous appelez ici la tâche `add` de la [leçon 4](../lessons/04_tasks.md#write-task) de trois façons, vous lisez le message envoyé, et vous cherchez ce qu'un
# tel message ne peut pas transporter. Un broker et un worker à deux processus tournent en arrière-plan, pour ce notebook seul. Exécutez les cellules de haut en
# bas ; chaque `assert` vérifie ce que le texte affirme.

# %% id="begin"
from course.notebook import begin, check

lesson = begin("04")

# %% [markdown] id="import-text" lang="en"
# `add(x, y, seconds=10)` waits for so many seconds, as real work would, and returns `x + y`. The task has a name, made of its module and its function. Your
# Celery application, `celery_app`, finds it by that name, here and in the worker.

# %% [markdown] id="import-text" lang="fr"
# `add(x, y, seconds=10)` attend ce nombre de secondes, comme le ferait un vrai travail, puis renvoie `x + y`. La tâche porte un nom, formé de celui de son
# module et de celui de sa fonction. C'est par ce nom que votre application Celery, `celery_app`, la trouve, ici comme dans le worker.

# %% id="import"
import os
import time

from myapp.tasks import add
from myproject import celery_app

assert add.name in celery_app.tasks
add.name

# %% [markdown] id="three-ways" lang="en"
# ## Three ways to call it
#
# First like any function. `lesson.runs()` lists every start of a task that the worker has noted; the `assert` says that there is none.

# %% [markdown] id="three-ways" lang="fr"
# ## Trois façons de l'appeler
#
# D'abord comme n'importe quelle fonction. `lesson.runs()` donne la liste des exécutions que le worker a notées ; l'`assert` affirme qu'il n'y en a aucune.

# %% id="call"
total = add(4, 6, seconds=0)

assert lesson.runs() == []
total

# %% [markdown] id="delay-text" lang="en"
# You have the sum, and the worker has heard nothing: the function ran here, in the notebook's own process. Now with `.delay()`. Look at what comes back.

# %% [markdown] id="delay-text" lang="fr"
# Vous avez la somme, et le worker n'en a rien su : la fonction s'est exécutée ici, dans le processus du notebook. Passez maintenant par `.delay()`, et regardez
# ce que vous obtenez.

# %% id="delay"
result = add.delay(4, 6, seconds=0)

assert result != 10
result

# %% id="get"
total = result.get(timeout=10)

assert total == 10
total

# %% [markdown] id="where-text" lang="en"
# You got an `AsyncResult`: an id with which to ask for the result. Where did the task run? Each process notes the tasks that it runs; `lesson.timeline()` waits
# until the given ones have ended and returns those notes. Compare three process ids: the notebook's, the worker's, and the one that the task ran in.

# %% [markdown] id="where-text" lang="fr"
# Vous avez obtenu un `AsyncResult` : un identifiant, grâce auquel vous demandez le résultat. Où la tâche s'est-elle exécutée ? Chaque processus note les tâches
# qu'il exécute ; `lesson.timeline()` attend la fin de celles que vous lui donnez et renvoie ces notes. Comparez trois numéros de processus : celui du notebook,
# celui du worker et celui du processus qui a exécuté la tâche.

# %% id="where"
[run] = lesson.timeline([result])
pids = {"notebook": os.getpid(), "worker": lesson.pid(), "add": run.process}

assert len(set(pids.values())) == 3
pids

# %% [markdown] id="how-long-text" lang="en"
# Three different ones. The worker's main process takes the messages, and has one of its child processes run the task. How long does each call hold you up?

# %% [markdown] id="how-long-text" lang="fr"
# Trois numéros différents. Le processus principal du worker prend les messages, et fait exécuter la tâche par l'un de ses processus enfants. Combien de temps
# chaque appel vous retient-il ?


# %% id="how-long"
def seconds_for(call):
    start = time.monotonic()
    call()
    return round(time.monotonic() - start, 3)


called = seconds_for(lambda: add(4, 6, seconds=0.5))
delayed = seconds_for(lambda: add.delay(4, 6, seconds=0.5))
waited = seconds_for(lambda: add.delay(4, 6, seconds=0.5).get(timeout=10))

assert called >= 0.5 and waited >= 0.5
assert delayed < called
{"add()": called, "add.delay()": delayed, "add.delay().get()": waited}

# %% [markdown] id="apply-async-text" lang="en"
# `.delay()` comes back as soon as the broker has the message. `get()` right after it gives all of that away again.
#
# The third way is `apply_async()`. `.delay()` is the same without options: here the arguments are one tuple and one dictionary, and after them there is room
# for options. `task_id` gives the task an id of your choice; `countdown` says that it must not start before two seconds have passed. Guess before you run the
# cell: where is the message meanwhile?

# %% [markdown] id="apply-async-text" lang="fr"
# `.delay()` rend la main dès que le broker a le message. Un `get()` juste derrière fait perdre tout ce gain.
#
# La troisième façon est `apply_async()`. `.delay()` en est la version sans options. `apply_async()` prend les arguments dans un tuple et un dictionnaire ; les
# options viennent ensuite. `task_id` donne à la tâche l'identifiant de votre choix ; `countdown` lui interdit de commencer avant deux secondes. Devinez, avant
# d'exécuter la cellule, où se trouve le message en attendant.

# %% id="apply-async"
sent = time.time()
later = add.apply_async((4, 6), {"seconds": 0}, task_id="add-4-6", countdown=2)
while not lesson.taken():
    time.sleep(0.02)

assert lesson.queue() == []
assert [row["id"] for row in lesson.taken()] == ["add-4-6"]
lesson.taken()

# %% [markdown] id="apply-async-after" lang="en"
# It is not in the queue. The worker has taken it at once and keeps it until its time; [How a task travels](../travel.md#fetch) has more on what a worker holds.
# So keep countdowns short: with Redis, a task that is to wait for longer than the [visibility timeout](../delivery.md#visibility-timeout), an hour by default,
# can run several times.
#
# While it waits, go on.

# %% [markdown] id="apply-async-after" lang="fr"
# Il n'est pas dans la file d'attente. Le worker l'a pris tout de suite et le garde jusqu'à l'heure dite. [Le trajet d'une tâche](../travel.md#fetch) détaille
# ce qu'un worker garde ainsi. Choisissez donc des délais courts : avec Redis, une tâche qui doit attendre plus longtemps que le
# [délai de visibilité](../delivery.md#visibility-timeout), une heure par défaut, risque de s'exécuter plusieurs fois.
#
# Poursuivez pendant que la vôtre patiente.

# %% [markdown] id="states" lang="en"
# ## The life of a task
#
# `lesson.watch()` asks for the state again and again and shows each new one, with the seconds since it began. The task runs for a whole second: look which
# state it is in meanwhile.

# %% [markdown] id="states" lang="fr"
# ## La vie d'une tâche
#
# `lesson.watch()` demande l'état sans relâche et affiche chaque changement, avec le nombre de secondes écoulées depuis la première demande. La tâche dure une
# seconde entière : voyez dans quel état elle se trouve pendant ce temps.

# %% id="watch"
life = lesson.watch(add.delay(4, 6, seconds=1))

assert life.states == ["PENDING", "SUCCESS"]

# %% [markdown] id="never-issued-text" lang="en"
# `PENDING` all the while, although a process was at work. Now ask for a task that never was, by an id that is made up:

# %% [markdown] id="never-issued-text" lang="fr"
# `PENDING` du début à la fin, alors qu'un processus travaillait. Demandez maintenant l'état d'une tâche qui n'a jamais existé, avec un identifiant inventé :

# %% id="never-issued"
nobody = add.AsyncResult("no-such-id")

assert nobody.state == "PENDING"
nobody.state

# %% [markdown] id="ignored-text" lang="en"
# `PENDING` too. The word means "nothing is known of this id", and no more. You never learn more about a task whose result is not stored: with `ignore_result`,
# compare how the task ended, as noted by the process that ran it (`run.state`), with what Celery says (`quiet.state`).

# %% [markdown] id="ignored-text" lang="fr"
# `PENDING` encore. Le mot veut dire « on ne sait rien de cet identifiant », et rien d'autre. Vous n'en apprendrez pas plus sur une tâche dont le résultat n'est
# pas enregistré : avec `ignore_result`, comparez l'issue de la tâche, notée par le processus qui l'a exécutée (`run.state`), et ce que dit Celery
# (`quiet.state`).

# %% id="ignored"
quiet = add.apply_async((4, 6), {"seconds": 0}, ignore_result=True)
[run] = lesson.timeline([quiet])

assert run.state == "SUCCESS"
assert quiet.state == "PENDING"
run.state, quiet.state

# %% [markdown] id="later-text" lang="en"
# It has run and stays `PENDING` for ever. For most tasks without an answer that is what you want: less to write, less to store. All the states are in
# [How a task travels](../travel.md#states); `STARTED` comes with a setting in [lesson 6](../lessons/06_workers.md#follow).
#
# And the task with the countdown? All you need is its id, from whichever process you ask.

# %% [markdown] id="later-text" lang="fr"
# Elle s'est exécutée, et reste `PENDING` à jamais. Pour la plupart des tâches qui ne renvoient rien, c'est ce qu'il faut : moins à écrire, moins à stocker.
# Tous les états sont décrits dans [Le trajet d'une tâche](../travel.md#states) ; `STARTED` apparaît grâce à un réglage de la
# [leçon 6](../lessons/06_workers.md#follow).
#
# Et la tâche qui devait patienter ? Son identifiant suffit, quel que soit le processus qui pose la question.

# %% id="later"
total = add.AsyncResult("add-4-6").get(timeout=10)
[run] = lesson.timeline([later])

assert total == 10
assert run.start - sent >= 2
round(run.start - sent, 2)

# %% [markdown] id="many" lang="en"
# ## Many at once
#
# Twenty tasks of a tenth of a second each. You send them all before you ask for the first result, and watch how many have ended.

# %% [markdown] id="many" lang="fr"
# ## Plusieurs tâches à la fois
#
# Vingt tâches d'un dixième de seconde chacune. Vous les envoyez toutes avant de demander le premier résultat, et vous regardez combien sont terminées.

# %% id="watch-many"
results = [add.delay(n, n, seconds=0.1) for n in range(20)]
lives = lesson.watch(results)

assert [result.result for result in results] == [n + n for n in range(20)]

# %% [markdown] id="timeline-text" lang="en"
# Each bar of the next picture is one task, each row one process. Divide the time that all tasks took by the time from the first start to the last end, and you
# have the number of processes that were at work on average. Two are there.

# %% [markdown] id="timeline-text" lang="fr"
# Sur l'image qui suit, chaque barre est une tâche et chaque ligne un processus. Divisez la durée cumulée des tâches par le temps écoulé entre le premier début
# et la dernière fin : vous obtenez le nombre moyen de processus à l'œuvre. Le worker en a deux.


# %% id="timeline"
def at_work(timeline):
    return sum(run.end - run.start for run in timeline) / timeline.seconds


timeline = lesson.timeline(results)

assert len(timeline.lanes) == 2
assert at_work(timeline) > 1.2
print(round(at_work(timeline), 1))
timeline

# %% [markdown] id="turn-sum-text" lang="en"
# ### Your turn: do not wait too early
#
# This cell sends ten tasks and adds up their results, 90. It is right, and slow: only one process works at a time. Change it so that both do.

# %% [markdown] id="turn-sum-text" lang="fr"
# ### À vous : n'attendez pas trop tôt
#
# Cette cellule envoie dix tâches et fait la somme de leurs résultats, 90. Elle est correcte, mais lente : un seul processus travaille à la fois. Modifiez-la
# pour que les deux travaillent.

# %% id="turn-sum" tags=["your-turn"]
results = []
total = 0
for n in range(10):
    result = add.delay(n, n, seconds=0.1)
    results.append(result)
    total += result.get(timeout=10)

check(lambda: total == 90 and len(results) == 10 and at_work(lesson.timeline(results)) > 1.2)

# %% id="turn-sum-solution" tags=["solution"]
results = [add.delay(n, n, seconds=0.1) for n in range(10)]
total = sum(result.get(timeout=10) for result in results)

check(lambda: total == 90 and len(results) == 10 and at_work(lesson.timeline(results)) > 1.2)

# %% [markdown] id="message" lang="en"
# ## The message in the queue
#
# A worker that has nothing to do takes a message before you can look at it. So end the worker, and then send three tasks. `.delay()` does not mind: it talks to
# the broker, not to the worker.

# %% [markdown] id="message" lang="fr"
# ## Le message dans la file d'attente
#
# Un worker inoccupé prend un message avant que vous ayez le temps de le regarder. Arrêtez donc le worker, puis envoyez trois tâches. `.delay()` s'en
# accommode : il parle au broker, pas au worker.

# %% id="stop"
lesson.stop("worker")
results = [
    add.delay(4, 6, seconds=0),
    add.delay(2, y=5, seconds=0),
    add.apply_async(("pass", "word", 0), argsrepr="(***)"),
]

assert [row["id"] for row in lesson.queue()] == [result.id for result in results]
lesson.queue()

# %% [markdown] id="headers-text" lang="en"
# The first one in is the first one out. Each row keeps the whole `message`, as it is in the broker. Its headers say what a worker needs to know before it opens
# the body; here are some of them. `eta` is where a countdown would be, as a date and time.

# %% [markdown] id="headers-text" lang="fr"
# Premier arrivé, premier servi. Chaque ligne contient le `message` entier, tel qu'il est dans le broker. Ses en-têtes disent ce qu'un worker doit savoir avant
# d'en ouvrir le corps ; en voici quelques-uns. Un `countdown` se trouverait dans `eta`, sous la forme d'une date et d'une heure.

# %% id="headers"
message = lesson.queue()[0]["message"]
headers = message["headers"]

assert headers["task"] == add.name
assert headers["id"] == results[0].id
{key: headers[key] for key in ["task", "id", "argsrepr", "kwargsrepr", "eta", "expires", "retries"]}

# %% [markdown] id="body-text" lang="en"
# The body is JSON in base64, a list of three: the arguments, those by name, and the tasks to send once this one has ended, none here (`callbacks` after a
# success, `errbacks` after a failure, `chain` and `chord` for tasks that belong together).

# %% [markdown] id="body-text" lang="fr"
# Le corps est du JSON codé en base64, une liste de trois éléments : les arguments positionnels, les arguments nommés, et les tâches à envoyer une fois
# celle-ci terminée. Il n'y en a pas ici (`callbacks` : après un succès ; `errbacks` : après un échec ; `chain` et `chord` : pour des tâches liées entre elles).

# %% id="body"
import base64
import json

args, kwargs, following = json.loads(base64.b64decode(message["body"]))

assert args == [4, 6]
assert kwargs == {"seconds": 0}
assert not any(following.values())
args, kwargs, following

# %% [markdown] id="argsrepr-text" lang="en"
# No code anywhere, and nothing is encrypted. `argsrepr` is a second copy of the arguments, as text, for people who look: Flower, the web page of lesson 7,
# shows it. The third task was sent with another text in its place. Look at what that hides, and what it does not.

# %% [markdown] id="argsrepr-text" lang="fr"
# Pas de code dans tout cela, et rien n'est chiffré. `argsrepr` est une seconde copie des arguments, sous forme de texte, pour qui surveille les tâches : c'est
# elle qu'affiche Flower, la page web de la leçon 7. La troisième tâche est partie avec un autre texte à la place. Regardez ce que ce texte cache, et ce qu'il
# ne cache pas.

# %% id="argsrepr"
row = lesson.queue()[2]

assert "word" not in json.dumps(row["message"]["headers"])
assert "word" in row["args"]
row["message"]["headers"]["argsrepr"], row["args"]

# %% [markdown] id="turn-worker-text" lang="en"
# ### Your turn: be the worker
#
# A message is all that a worker gets. Write `work(message)`, which does what the worker would do: it reads the name from the headers and the arguments from the
# body, calls the task, and returns what that returned. `celery_app.tasks` is a dictionary of all tasks by name.

# %% [markdown] id="turn-worker-text" lang="fr"
# ### À vous : faites le travail du worker
#
# Un worker ne reçoit rien d'autre que le message. Écrivez `work(message)`, qui fait ce que ferait le worker : lire le nom dans les en-têtes et les arguments
# dans le corps, appeler la tâche, renvoyer ce qu'elle renvoie. `celery_app.tasks` est le dictionnaire de toutes les tâches, rangées par nom.


# %% id="turn-worker" tags=["your-turn"]
def work(message):
    return ...


check(lambda: [work(row["message"]) for row in lesson.queue()[:3]] == [10, 7, "password"])


# %% id="turn-worker-solution" tags=["solution"]
def work(message):
    task = celery_app.tasks[message["headers"]["task"]]
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    return task(*args, **kwargs)


check(lambda: [work(row["message"]) for row in lesson.queue()[:3]] == [10, 7, "password"])

# %% [markdown] id="name-and-key" lang="en"
# ## A name and a key
#
# The worker is still stopped. Send two more tasks. `send_task` takes a name instead of a function, here of a task that nobody has written yet. Its argument is
# the primary key of a user whose first name is Ada. The other task expires after a tenth of a second.

# %% [markdown] id="name-and-key" lang="fr"
# ## Un nom et une clé
#
# Le worker est toujours arrêté. Envoyez deux tâches de plus. `send_task` prend un nom au lieu d'une fonction ; ici, celui d'une tâche que personne n'a encore
# écrite. Son argument est la clé primaire d'une utilisatrice dont le prénom est Ada. L'autre tâche expire au bout d'un dixième de seconde.

# %% id="send-task"
from django.contrib.auth.models import User
from django.core.management import call_command

call_command("migrate", verbosity=0)
user, created = User.objects.update_or_create(username="ada", defaults={"first_name": "Ada"})
hello = celery_app.send_task("myapp.tasks.greet", [user.pk])
expired = add.apply_async((4, 6), {"seconds": 0}, expires=0.1)

assert len(lesson.queue()) == 5
lesson.queue()

# %% [markdown] id="greet-text" lang="en"
# Only now do you write `greet`, at the end of `tasks.py`. And Ada gets another first name, while the message with her key is on its way.

# %% [markdown] id="greet-text" lang="fr"
# C'est seulement maintenant que vous écrivez `greet`, à la fin de `tasks.py`. Et Ada change de prénom, alors que le message qui porte sa clé est déjà en route.

# %% id="greet"
tasks_file = lesson.project / "myapp/tasks.py"
greet = """

from django.contrib.auth.models import User

@shared_task
def greet(user_id):
    user = User.objects.get(pk=user_id)
    return f"Hello, {user.first_name}!"
"""
tasks_file.write_text(tasks_file.read_text() + greet)
User.objects.filter(pk=user.pk).update(first_name="Augusta")

assert len(lesson.queue()) == 5

# %% [markdown] id="restart-text" lang="en"
# Five messages wait. Start the worker. Read in its log which tasks it knows (it leaves out Celery's own), then what becomes of each message, and which name is
# greeted.

# %% [markdown] id="restart-text" lang="fr"
# Cinq messages attendent. Démarrez le worker. Lisez dans son journal quelles tâches il connaît (il n'y inscrit pas celles de Celery), puis ce que devient
# chaque message, et sous quel prénom l'utilisatrice est saluée.

# %% id="restart"
lesson.start_worker()
said = lesson.log(until=lambda: expired.ready() and lesson.timeline([*results, hello]))

assert ". myapp.tasks.greet" in said and ". celery." not in said
assert "'password'" in said
assert lesson.queue() == []

# %% id="restart-results"
assert [result.result for result in results] == [10, 7, "password"]
assert hello.result == "Hello, Augusta!"
assert expired.state == "REVOKED"
hello.result, expired.state

# %% [markdown] id="restart-after" lang="en"
# - The name is looked up when the worker gets the message, in the code that this worker has imported.
# - The row is read when the task runs. A copy of Ada in the message would still be called Ada.
# - The expired task was taken and discarded; Celery files it under `REVOKED`, like one that was called off. `expires` is for work that nobody wants any more once it is late.
# - The password that `argsrepr` hid is in the log: the worker writes each task's *result* there.
#
# The other side of the second point: the row must be there when the worker looks. Inside a transaction, [send after the commit](../delivery.md#on-commit).

# %% [markdown] id="restart-after" lang="fr"
# - Le worker cherche le nom au moment où il reçoit le message, dans le code qu'il a lui-même importé.
# - La tâche lit la ligne dans la base au moment où elle s'exécute. Une copie d'Ada dans le message s'appellerait encore Ada.
# - Le worker a pris la tâche expirée, puis l'a jetée ; Celery la range sous `REVOKED`, comme une tâche annulée. `expires` convient à un travail dont plus personne ne veut une fois qu'il est en retard.
# - Le mot de passe qu'`argsrepr` cachait se lit dans le journal : le worker y écrit le *résultat* de chaque tâche.
#
# Le deuxième point a son revers : la ligne doit être là quand le worker la cherche. Dans une transaction, [envoyez après le commit](../delivery.md#on-commit).

# %% [markdown] id="json" lang="en"
# ## What the message carries
#
# Arguments travel as JSON, and so do results. `round_trip` sends a value there and back: the worker adds the list `[value]` to an empty one and returns it.
# Send a tuple and a dictionary whose keys are numbers. Look at what comes back.

# %% [markdown] id="json" lang="fr"
# ## Ce que le message transporte
#
# Les arguments voyagent en JSON, les résultats aussi. `round_trip` envoie une valeur et la fait revenir : le worker ajoute la liste `[value]` à une liste vide
# et la renvoie. Envoyez un tuple et un dictionnaire dont les clés sont des nombres. Regardez ce qui revient.


# %% id="round-trip"
def round_trip(value):
    return add.delay([value], [], seconds=0).get(timeout=10)[0]


back = round_trip({"pair": (1, 2), "names": {1: "one", 2: "two"}})

assert back == {"pair": [1, 2], "names": {"1": "one", "2": "two"}}
back

# %% [markdown] id="carried-text" lang="en"
# No error, and not the same: the tuple has become a list, and the keys are strings. In the task `names[1]` is a `KeyError`.
#
# Plain JSON knows no dates either. Celery's does. These come back as they were:

# %% [markdown] id="carried-text" lang="fr"
# Pas d'erreur, et pourtant ce n'est plus la même valeur : le tuple est devenu une liste, et les clés sont des chaînes. Dans la tâche, `names[1]` lève
# `KeyError`.
#
# Le JSON ordinaire ne connaît pas non plus les dates. Celui de Celery, si. Ces valeurs-ci reviennent telles quelles :

# %% id="carried"
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

values = [timezone.now(), date.today(), Decimal("1.10"), uuid4(), b"\xff"]
back = round_trip(values)

assert back == values
assert [type(value) for value in back] == [type(value) for value in values]
[type(value).__name__ for value in back]

# %% [markdown] id="marked-text" lang="en"
# Each of them travels as an object that names its type. kombu, Celery's own library for messages, puts it in and takes it out; a program in another language
# sees this:

# %% [markdown] id="marked-text" lang="fr"
# Chacune voyage sous la forme d'un objet qui nomme son type. C'est kombu, la bibliothèque de Celery pour les messages, qui convertit dans les deux sens ; un
# programme écrit dans un autre langage voit ceci :

# %% id="marked"
from kombu.utils.json import dumps

assert json.loads(dumps(Decimal("1.10"))) == {"__type__": "decimal", "__value__": "1.10"}
print(dumps(Decimal("1.10")))

# %% [markdown] id="refused-text" lang="en"
# Other values are refused. Where does the error come up, here or in the worker? After the refused ones the cell sends one that is fine, and counts how many the
# worker got.

# %% [markdown] id="refused-text" lang="fr"
# D'autres valeurs sont refusées. Où l'erreur se produit-elle, ici ou dans le worker ? Après les valeurs refusées, la cellule en envoie une correcte, et compte
# combien le worker en a reçu.

# %% id="refused"
from kombu.exceptions import EncodeError

values = [User(username="ada"), User.objects.all(), {1, 2}, timedelta(days=1), {(1, 2): "pair"}]
before, refused = len(lesson.runs()), []
for value in values:
    try:
        add.delay(value, 6)
    except EncodeError as error:
        print(error)
        refused.append(value)

assert len(refused) == 5
assert round_trip("fine") == "fine" and len(lesson.runs()) == before + 1

# %% [markdown] id="refused-after" lang="en"
# Here, in the line with `.delay()`, before any message is sent: the worker got one task. For the first two hand over primary keys, for the set a list, for the
# duration a number of seconds, and for the tuple as a key a string. A *result* of such a type fails in the worker, after the work is done: see
# [the result is not JSON serializable](../symptoms.md#result-not-json-serializable).

# %% [markdown] id="refused-after" lang="fr"
# Ici, à la ligne qui appelle `.delay()`, avant l'envoi du moindre message : le worker n'a reçu qu'une tâche. À la place des deux premières valeurs, passez des
# clés primaires ; à la place de l'ensemble, une liste ; à la place de la durée, un nombre de secondes ; à la place du tuple qui sert de clé, une chaîne. Si
# c'est un *résultat* qui a l'un de ces types, l'échec se produit dans le worker, une fois le travail fait : voyez
# [le résultat n'est pas sérialisable en JSON](../symptoms.md#result-not-json-serializable).

# %% [markdown] id="turn-keys-text" lang="en"
# ### Your turn: lose something on the way
#
# The worst change is one that nobody notices. Find a dictionary with two keys that comes back, without an error, with one.

# %% [markdown] id="turn-keys-text" lang="fr"
# ### À vous : perdez quelque chose en route
#
# La pire des transformations est celle que personne ne remarque. Trouvez un dictionnaire qui part avec deux clés et qui revient, sans erreur, avec une seule.

# %% id="turn-keys" tags=["your-turn"]
value = ...

check(lambda: isinstance(value, dict) and len(value) == 2 and len(round_trip(value)) == 1)

# %% id="turn-keys-solution" tags=["solution"]
value = {1: "number", "1": "string"}

check(lambda: isinstance(value, dict) and len(value) == 2 and len(round_trip(value)) == 1)

# %% [markdown] id="failure" lang="en"
# ## A task that fails
#
# `"two"` is good JSON, but a number and a string cannot be added. Look at where the error appears, and as what.

# %% [markdown] id="failure" lang="fr"
# ## Une tâche qui échoue
#
# `"two"` est du JSON correct, mais un nombre et une chaîne ne s'additionnent pas. Regardez où l'erreur apparaît, et sous quelle forme.

# %% id="fail"
failed = add.delay(1, "two", seconds=0)
try:
    failed.get(timeout=10)
except TypeError as error:
    print(type(error).__name__, error)

assert failed.state == "FAILURE"
assert isinstance(failed.result, TypeError)

# %% [markdown] id="traceback-text" lang="en"
# `get()` raises here what the task raised there. This is a new `TypeError`, made from what the worker has stored: the class, the message, and the traceback as
# text. Its end says which line of the task it was:

# %% [markdown] id="traceback-text" lang="fr"
# `get()` lève ici ce que la tâche a levé là-bas. C'est une nouvelle `TypeError`, recréée d'après ce que le worker a enregistré : la classe, le message, et la
# trace sous forme de texte. Sa fin dit quelle ligne de la tâche est en cause :

# %% id="traceback"
assert "return x + y" in failed.traceback
print("\n".join(failed.traceback.splitlines()[-3:]))

# %% [markdown] id="missing-text" lang="en"
# Now leave an argument out, first with `.delay()`, then with `send_task()`. Both end in a `TypeError`; only one of them has sent a message.

# %% [markdown] id="missing-text" lang="fr"
# Oubliez maintenant un argument, d'abord avec `.delay()`, puis avec `send_task()`. Les deux appels aboutissent à une `TypeError` ; un seul a envoyé un message.

# %% id="missing-here"
complaint = None
try:
    add.delay(1)
except TypeError as error:
    complaint = error

assert "missing 1 required positional argument" in str(complaint)
complaint

# %% id="missing-there"
unchecked = celery_app.send_task("myapp.tasks.add", [1])
life = lesson.watch(unchecked)

assert life.states[-1] == "FAILURE"
assert isinstance(unchecked.result, TypeError)
assert str(unchecked.result) == str(complaint)
unchecked.result

# %% [markdown] id="missing-after" lang="en"
# `.delay()` knows the function and compares the arguments with its signature before it sends anything. `send_task()` has a name only, so the worker is the
# first to notice. Neither looks at types.
#
# A task that fails does the worker no harm. The next one runs as ever:

# %% [markdown] id="missing-after" lang="fr"
# `.delay()` connaît la fonction et compare les arguments à sa signature avant d'envoyer quoi que ce soit. `send_task()` n'a qu'un nom ; le worker est donc le
# premier à remarquer l'oubli. Ni l'un ni l'autre ne vérifie les types.
#
# Une tâche qui échoue ne nuit pas au worker. La suivante s'exécute comme si de rien n'était :

# %% id="next"
total = add.delay(4, 6, seconds=0).get(timeout=10)

assert total == 10
total

# %% [markdown] id="next-lesson" lang="en"
# In [lesson 5](../lessons/05_views.md#view) a view sends `add`, and no visitor is kept waiting.

# %% [markdown] id="next-lesson" lang="fr"
# Dans la [leçon 5](../lessons/05_views.md#view), c'est une vue qui envoie `add`, et aucun visiteur n'attend.
