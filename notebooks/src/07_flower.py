# %% [markdown] id="flower" lang="en"
# # 7. Flower: ask and steer
#
# Flower is a web page from which one watches and steers workers. You listen to what a worker reports, first without Flower, then through Flower's API: the same
# address as its pages, but it answers in JSON, so a script can ask. Then you steer the worker from there, and ask the worker itself what has really happened.
# The pages themselves are in [lesson 7](../lessons/07_flower.md#start).
#
# The first cell starts a broker and a worker with two processes. Run the cells in order.

# %% [markdown] id="flower" lang="fr"
# # 7. Flower : interroger et piloter
#
# Flower est une page web d'où l'on observe et pilote les workers. Vous écoutez ce qu'annonce un worker, d'abord sans Flower, puis par l'API de Flower : même
# adresse que ses pages, mais les réponses sont en JSON, donc à la portée d'un script. Ensuite, vous pilotez le worker par la même voie, et vous vérifiez auprès
# de lui ce qui s'est vraiment passé. Les pages elles-mêmes sont dans la [leçon 7](../lessons/07_flower.md#start).
#
# La première cellule démarre un broker et un worker à deux processus. Exécutez les cellules dans l'ordre.

# %% id="begin"
from course.notebook import begin, check

lesson = begin("07")

# %% [markdown] id="events" lang="en"
# ## What Flower lives on
#
# [The settings of lesson 7](../lessons/07_flower.md#events) have the worker send *events*. Flower has no privileged access to them: whoever can reach the
# broker can listen. Celery brings the receiver along. Its handler `"*"` is called with every event; here it puts them in a list.
#
# Nothing that is sent before the receiver listens will reach it. So the cell asks the workers for a sign of life, until one arrives; `next(stream)` waits for
# an event.

# %% [markdown] id="events" lang="fr"
# ## De quoi vit Flower
#
# Avec [les réglages de la leçon 7](../lessons/07_flower.md#events), le worker envoie des *événements*. Flower n'en a pas l'exclusivité : quiconque a accès au
# broker peut les écouter. Celery fournit le récepteur. À chaque événement, il appelle la fonction inscrite sous `"*"` ; ici, elle le range dans une liste.
#
# Ce qui part avant que le récepteur ne se mette à l'écoute ne lui parvient jamais. La cellule demande donc un signe de vie aux workers, jusqu'à ce qu'il en
# arrive un ; `next(stream)` attend un événement.

# %% id="listen"
from myapp.tasks import add
from myproject.celery import app

heard = []
connection = app.connection_for_read()
receiver = app.events.Receiver(connection, handlers={"*": heard.append})
stream = receiver.itercapture(timeout=30)
while not heard:
    app.control.broadcast("heartbeat")
    next(stream)

assert heard[0]["type"] == "worker-heartbeat"
heard[0]["type"]

# %% [markdown] id="four" lang="en"
# Now one task. How many events does it take? Look at the times as well: they are in seconds after the first one.

# %% [markdown] id="four" lang="fr"
# Maintenant, une tâche. Combien d'événements produit-elle ? Regardez aussi les instants, en secondes depuis le premier.


# %% id="story"
def story(result):
    return [event for event in heard if event.get("uuid") == result.id]


result = add.delay(4, 6, seconds=0.3)
while len(story(result)) < 4:
    next(stream)

for event in story(result):
    print(event["type"], round(event["timestamp"] - story(result)[0]["timestamp"], 3))

assert {event["type"] for event in story(result)} == {
    "task-sent",
    "task-received",
    "task-started",
    "task-succeeded",
}

# %% [markdown] id="fields" lang="en"
# Four: for one message that carries work, four more that tell of it. That is the price of events. `task-sent` comes from the program that called `delay`, the
# others from the worker. The sender writes the message first and its event afterwards, so `task-sent` may come second, or be dated a trifle later than
# `task-received` (hence `-0.0`).
#
# What do they contain? Only the first two say which task it is, and with which arguments. Whoever begins to listen after that sees an id that starts and
# succeeds, without a name. Only the last one has the result and the seconds it took: the cell shows both.

# %% [markdown] id="fields" lang="fr"
# Quatre : pour un message qui porte du travail, quatre autres qui en parlent. C'est le prix des événements. `task-sent` vient du programme qui a appelé
# `delay`, les autres du worker. L'expéditeur écrit d'abord le message, ensuite son événement : `task-sent` peut donc arriver en deuxième, ou porter une heure
# un rien plus tardive que `task-received` (d'où un `-0.0`).
#
# Que contiennent-ils ? Seuls les deux premiers disent de quelle tâche il s'agit, et avec quels arguments. Qui se met à l'écoute plus tard voit une tâche sans
# nom commencer et réussir. Seul le dernier donne le résultat et la durée en secondes : la cellule affiche les deux.

# %% id="reported"
reported = {event["type"]: event for event in story(result)}
worker = reported["task-succeeded"]["hostname"]

assert reported["task-sent"]["hostname"] != worker == reported["task-received"]["hostname"]
for first in (reported["task-sent"], reported["task-received"]):
    assert first["name"] == "myapp.tasks.add" and first["args"] == "(4, 6)"
for later in (reported["task-started"], reported["task-succeeded"]):
    assert not {"name", "args"} & set(later)
assert [kind for kind, event in reported.items() if "result" in event] == ["task-succeeded"]
assert reported["task-succeeded"]["runtime"] >= 0.3
reported["task-succeeded"]["result"], reported["task-succeeded"]["runtime"]

# %% [markdown] id="six" lang="en"
# Six tasks for two processes: most have to wait. Then close the receiver; `heard` keeps what it has heard.

# %% [markdown] id="six" lang="fr"
# Six tâches pour deux processus : la plupart attendent. Fermez ensuite le récepteur ; `heard` garde ce qu'il a entendu.

# %% id="six-tasks"
six = [add.delay(4, n, seconds=0.3) for n in range(6)]
while not all(len(story(result)) == 4 for result in six):
    next(stream)

stream.close()
connection.release()
lesson.timeline(six)

# %% id="example"
example = [
    {"type": "task-received", "uuid": "a", "timestamp": 103.0},
    {"type": "task-sent", "uuid": "a", "timestamp": 100.0},
    {"type": "task-sent", "uuid": "b", "timestamp": 101.0},
    {"type": "worker-heartbeat", "timestamp": 102.0},
    {"type": "task-started", "uuid": "a", "timestamp": 103.5},
    {"type": "task-started", "uuid": "b", "timestamp": 107.0},
    {"type": "task-succeeded", "uuid": "a", "timestamp": 110.0},
]


def waits_right(waited):
    some = waited(example, "a") == 3.5 and waited(example, "b") == 6
    return some and waited(heard, six[5].id) > 0.3


# %% [markdown] id="turn-waited" lang="en"
# ### Your turn: how long did it wait?
#
# Write `waited(events, task_id)`: the seconds from when a task was sent until a process started on it. The picture shows only when each task ran; the events
# know since when it had been waiting.
#
# `events` is a list like `heard`: all tasks are mixed, in any order, and not every event belongs to a task. `example`, above, is a short one to try: `"a"`
# waits for 3.5 s, `"b"` for 6.

# %% [markdown] id="turn-waited" lang="fr"
# ### À vous : combien de temps une tâche attend-elle ?
#
# Écrivez `waited(events, task_id)`, qui renvoie le nombre de secondes entre l'envoi d'une tâche et le moment où un processus la commence. L'image montre
# seulement quand chaque tâche s'exécute ; les événements disent depuis quand elle attendait.
#
# `events` est une liste comme `heard` : toutes les tâches y sont mêlées, dans n'importe quel ordre, et certains événements ne concernent aucune tâche.
# `example`, ci-dessus, en est une, courte, pour essayer : `"a"` attend 3,5 s, et `"b"`, 6 s.


# %% id="turn-waited-code" tags=["your-turn"]
def waited(events, task_id):
    return ...


check(lambda: waits_right(waited))


# %% id="turn-waited-solution" tags=["solution"]
def waited(events, task_id):
    times = {event["type"]: event["timestamp"] for event in events if event.get("uuid") == task_id}
    return times["task-started"] - times["task-sent"]


check(lambda: waits_right(waited))

# %% [markdown] id="where" lang="en"
# Where did they wait, before `task-received` or after it? The first figure below is the time in the broker's queue, the second the time at the worker, each for
# the six tasks together.

# %% [markdown] id="where" lang="fr"
# Où les six tâches ont-elles attendu : avant `task-received`, ou après ? Le premier nombre ci-dessous est le temps passé dans la file du broker ; le second, le
# temps passé chez le worker. Chacun porte sur les six tâches ensemble.


# %% id="where-code"
def between(first, second):
    times = [{event["type"]: event["timestamp"] for event in story(result)} for result in six]
    return sum(time[second] - time[first] for time in times)


in_queue = between("task-sent", "task-received")
at_worker = between("task-received", "task-started")

assert in_queue > at_worker
round(in_queue, 2), round(at_worker, 2)

# %% [markdown] id="prefetch" lang="en"
# Nearly all of it in the queue: with [these settings](../lessons/06_workers.md#lose-nothing) the worker fetches no more messages than it has processes.
# Remember this when you read `flower_task_prefetch_time_seconds` among Flower's figures. It is the second one, and stays near zero however long the queue is.

# %% [markdown] id="prefetch" lang="fr"
# Presque toute l'attente se passe dans la file : avec [ces réglages](../lessons/06_workers.md#lose-nothing), le worker ne prend pas plus de messages qu'il n'a
# de processus. Souvenez-vous-en devant `flower_task_prefetch_time_seconds`, parmi les chiffres de Flower : c'est le second nombre, et il reste proche de zéro,
# si longue que soit la file.

# %% [markdown] id="password" lang="en"
# ## Flower asks who you are
#
# Start Flower. `login` is a name and a password; `get` asks the API with them. Flower too hears only what comes after its start, so wait until it has heard of
# the worker.

# %% [markdown] id="password" lang="fr"
# ## Flower demande qui vous êtes
#
# Démarrez Flower. `login` contient un nom et un mot de passe ; `get` s'en sert pour interroger l'API. Flower non plus n'entend rien de ce qui précède son
# démarrage : attendez qu'il ait entendu le worker.

# %% id="start-flower"
import time

import requests

address, login = lesson.start_flower()


def get(path):
    return requests.get(address + path, auth=login).json()


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


wait_until(lambda: "flower_worker_online{" in requests.get(address + "metrics").text)

# %% [markdown] id="doors" lang="en"
# The request to `/metrics` above had no password, and was answered. What else is open to strangers?

# %% [markdown] id="doors" lang="fr"
# La requête à `/metrics` ci-dessus n'avait pas de mot de passe, et Flower a répondu. À quelles autres adresses répond-il aux inconnus ?

# %% id="doors-code"
paths = ["tasks", "api/tasks", "api/workers", "metrics", "healthcheck"]
statuses = {path: requests.get(address + path).status_code for path in paths}
sending = requests.post(address + "api/task/async-apply/myapp.tasks.add", json={"args": [4, 6]})

assert statuses == {
    "tasks": 401,
    "api/tasks": 401,
    "api/workers": 401,
    "metrics": 200,
    "healthcheck": 200,
}
assert sending.status_code == 401
statuses

# %% [markdown] id="metrics-open" lang="en"
# Two: `/healthcheck`, which says `OK`, and `/metrics`, which names every worker and, as soon as one has run, every task. Nobody sends a task without the
# password. Lesson 7 says [what to do about the two](../lessons/07_flower.md#procfile).
#
# With the password you learn more. `refresh=1` has Flower ask the workers instead of telling what it remembers. And the last six tasks?

# %% [markdown] id="metrics-open" lang="fr"
# Deux adresses sont ouvertes à tous : `/healthcheck`, qui dit `OK`, et `/metrics`, qui nomme chaque worker et, dès qu'une tâche s'est exécutée, chaque tâche.
# Sans mot de passe, personne n'envoie de tâche. La leçon 7 dit [que faire de ces deux adresses](../lessons/07_flower.md#procfile).
#
# Avec le mot de passe, vous en apprenez davantage. Avec `refresh=1`, Flower interroge les workers au lieu de répondre de mémoire. Et les six dernières tâches ?

# %% id="workers"
wait_until(lambda: "registered" in get("api/workers?refresh=1").get(worker, {}))
unknown = requests.get(address + "api/task/info/" + six[5].id, auth=login)

assert requests.get(address + "healthcheck").text == "OK"
assert worker in requests.get(address + "metrics").text
assert unknown.status_code == 404
unknown.status_code, get("api/workers")[worker]["registered"]

# %% [markdown] id="late" lang="en"
# Flower knows the worker and what it can run: `add`, and `debug_task` from `myproject/celery.py`. Of those tasks it knows nothing (404): it came too late, and
# the broker does not store events. On Redis, the broker of these lessons, they are pub/sub messages (*publish and subscribe*): who listens gets them, nobody
# else.

# %% [markdown] id="late" lang="fr"
# Flower connaît le worker et ce qu'il sait exécuter : `add`, et `debug_task`, de `myproject/celery.py`. Des six dernières tâches, il ne sait rien (404) : il
# est arrivé trop tard, et le broker ne garde pas les événements. Sur Redis, le broker de ces leçons, ce sont des messages pub/sub (*publish and subscribe*) :
# qui écoute les reçoit, et personne d'autre.

# %% [markdown] id="tasks" lang="en"
# ## Send a task, and find it
#
# The API sends tasks as well: the name is in the address, the arguments are JSON. The answer holds the id, and an `AsyncResult` with that id is as good as one
# from `delay`.

# %% [markdown] id="tasks" lang="fr"
# ## Envoyer une tâche, et la retrouver
#
# L'API envoie aussi des tâches : le nom est dans l'adresse, les arguments sont en JSON. La réponse contient l'identifiant, et un `AsyncResult` créé avec cet
# identifiant vaut celui que renvoie `delay`.

# %% id="send"
from celery.result import AsyncResult

order = {"args": [4, 6], "kwargs": {"seconds": 0.2}}
answered = requests.post(address + "api/task/async-apply/myapp.tasks.add", json=order, auth=login)
result = AsyncResult(answered.json()["task-id"])

assert result.get(timeout=10) == 10

# %% [markdown] id="info" lang="en"
# `get()` has its answer from the result store. Flower has its own from the events, and may be a moment behind. `api/tasks` lists all that it knows, by id;
# `api/task/info/` and an id gives one of them. JSON has no tuples, so the arguments are a list: `[4, 6]`.

# %% [markdown] id="info" lang="fr"
# La réponse de `get()` vient du backend de résultats. Celle de Flower vient des événements, parfois un instant plus tard. `api/tasks` énumère toutes les tâches
# que Flower connaît, par identifiant ; `api/task/info/` suivi d'un identifiant donne une seule tâche. JSON ne connaît pas les tuples ; les arguments forment
# donc une liste, `[4, 6]`.


# %% id="info-code"
def known(result):
    return get("api/tasks").get(result.id, {})


wait_until(lambda: known(result).get("state") == "SUCCESS")
info = get("api/task/info/" + result.id)

assert info["args"] == "[4, 6]" and info["result"] == "10"
{key: info[key] for key in ("name", "state", "args", "kwargs", "result", "runtime")}

# %% [markdown] id="filter" lang="en"
# With `state=`, the list holds only what you look for. The task below fails: a number and a text cannot be added.

# %% [markdown] id="filter" lang="fr"
# Avec `state=`, la liste se limite à ce que vous cherchez. La tâche ci-dessous échoue : un nombre et une chaîne ne s'additionnent pas.

# %% id="filter-code"
wrong = add.delay(4, "6", seconds=0)
wait_until(lambda: known(wrong).get("state") == "FAILURE")
failures = get("api/tasks?state=FAILURE")

assert wrong.id in failures and result.id not in failures
failures[wrong.id]["exception"]

# %% [markdown] id="batch" lang="en"
# Now five tasks, one of which takes much longer than the others. Which one, chance decides.

# %% [markdown] id="batch" lang="fr"
# Maintenant, cinq tâches, dont une bien plus longue que les autres. Laquelle ? Le hasard en décide.

# %% id="batch-code"
import random

durations = random.sample([0.1, 0.1, 0.2, 0.2, 0.8], 5)
batch = [add.delay(4, 6, seconds=seconds) for seconds in durations]
lesson.watch(batch)
wait_until(lambda: all(known(result).get("state") == "SUCCESS" for result in batch))
ids = [result.id for result in batch]


def is_slowest(task_id):
    return task_id in ids and durations[ids.index(task_id)] == 0.8


assert sum(map(is_slowest, ids)) == 1

# %% [markdown] id="turn-slowest" lang="en"
# ### Your turn: find the slow one
#
# Find the id of the slowest of these five, by what Flower knows. Pretend that `durations` is not there: with real tasks, nobody hands you such a list. `ids`
# tells the five from the others that Flower knows.

# %% [markdown] id="turn-slowest" lang="fr"
# ### À vous : trouvez la plus lente
#
# Trouvez l'identifiant de la plus lente des cinq, d'après ce que sait Flower. Faites comme si `durations` n'existait pas : avec de vraies tâches, personne ne
# vous fournit une telle liste. `ids` distingue ces cinq tâches des autres que Flower connaît.

# %% id="turn-slowest-code" tags=["your-turn"]
answer = ...

check(lambda: is_slowest(answer))

# %% id="turn-slowest-solution" tags=["solution"]
tasks = get("api/tasks")
answer = max(ids, key=lambda task_id: tasks[task_id]["runtime"])

check(lambda: is_slowest(answer))

# %% [markdown] id="steer" lang="en"
# ## Steer the worker
#
# Two tasks of 50 seconds occupy both processes, a third waits behind them. What does Flower say of the third? (Read on to the
# timeline first, then run this cell and the next four without a break, within the 50 seconds. If it took longer, begin again with this cell.)

# %% [markdown] id="steer" lang="fr"
# ## Piloter le worker
#
# Deux tâches de 50 secondes occupent les deux processus, une troisième attend derrière elles. Que dit Flower de la troisième ? (Lisez d'abord jusqu'à la
# chronologie, puis exécutez cette cellule et les quatre suivantes d'affilée, en moins de 50 secondes. Trop tard ? Reprenez à cette cellule.)

# %% id="busy"
busy = [add.delay(4, 6, seconds=50) for n in range(2)]
wait_until(lambda: all(known(result).get("state") == "STARTED" for result in busy))
waiting = add.delay(4, 6, seconds=0)
wait_until(lambda: known(waiting))

assert waiting.id in [message["id"] for message in lesson.queue()]
assert known(waiting)["state"] == "PENDING" and known(waiting)["received"] is None
known(waiting)["state"], known(waiting)["received"]

# %% [markdown] id="revoke" lang="en"
# It knows of a task that no worker has received (`None`): that is what [`CELERY_TASK_SEND_SENT_EVENT`](../lessons/07_flower.md#events) does. Flower's pages
# have no button to [revoke](../glossary.md#term-revoke) it, that is to call it off; the API can. Watch its state, and then the queue.

# %% [markdown] id="revoke" lang="fr"
# Flower connaît une tâche qu'aucun worker n'a reçue (`None`) : c'est l'effet de [`CELERY_TASK_SEND_SENT_EVENT`](../lessons/07_flower.md#events). Les pages de
# Flower n'ont pas de bouton pour la [révoquer](../glossary.md#term-revoke), c'est-à-dire l'annuler ; l'API, elle, le peut. Suivez l'état de la tâche, puis
# regardez la file.

# %% id="revoke-code"
revoking = requests.post(address + "api/task/revoke/" + waiting.id, auth=login)
life = lesson.watch(waiting)

assert revoking.status_code == 200 and life.states[-1] == "REVOKED"
assert known(waiting)["state"] == "PENDING"
assert waiting.id in [message["id"] for message in lesson.queue()]
lesson.queue()

# %% [markdown] id="still-there" lang="en"
# The result store says `REVOKED`, Flower says `PENDING`, and the message is still in the queue. None of them is wrong. The worker has noted the id in its
# memory, and noted the state in the result store. The message itself nobody takes out: the worker will leave the task out when its turn comes, and only then
# send an event. Ask the worker itself: `inspect` sends it questions. Is the id among its notes? The cell also keeps the ids of its two processes, for later.

# %% [markdown] id="still-there" lang="fr"
# Le backend de résultats dit `REVOKED`, Flower dit `PENDING`, et le message est encore dans la file. Aucun des trois ne se trompe. Le worker a noté
# l'identifiant dans sa mémoire, et l'état dans le backend de résultats. Le message, lui, personne ne l'enlève : le worker sautera la tâche quand viendra son
# tour, et c'est alors seulement qu'il enverra un événement. Interrogez le worker lui-même, avec `inspect` : l'identifiant est-il dans ses notes ? La cellule
# garde aussi les numéros de ses deux processus, pour plus tard.

# %% id="noted"
workers = app.control.inspect([worker], timeout=10)
processes = workers.stats()[worker]["pool"]["processes"]

assert waiting.id in workers.revoked()[worker]
assert waiting.id not in [run.task_id for run in lesson.runs()]
workers.revoked()[worker]

# %% [markdown] id="again" lang="en"
# To free the processes, revoke a task that runs, in the same way. Does that help?

# %% [markdown] id="again" lang="fr"
# Pour libérer les processus, révoquez de la même façon une tâche en cours. Cela suffit-il ?

# %% id="again-code"
requests.post(address + "api/task/revoke/" + busy[0].id, auth=login)
wait_until(lambda: busy[0].id in workers.revoked()[worker])

assert busy[0].state == "STARTED"
busy[0].state

# %% [markdown] id="terminate" lang="en"
# No. The worker has noted that id as well, but it looks at its notes only before a task starts. With `terminate=true` it ends the process that runs the task:
# that is what the button **Terminate** sends.

# %% [markdown] id="terminate" lang="fr"
# Non. Le worker a noté aussi cet identifiant, mais il ne consulte ses notes qu'avant de commencer une tâche. Avec `terminate=true`, il met fin au processus qui
# l'exécute : c'est ce qu'envoie le bouton **Terminate**.

# %% id="terminate-code"
for result in busy:
    requests.post(
        address + "api/task/revoke/" + result.id, params={"terminate": "true"}, auth=login
    )
lives = lesson.watch(busy)
wait_until(lambda: known(waiting)["state"] == "REVOKED")

assert {life.states[-1] for life in lives} == {"REVOKED"}
assert waiting.id not in [run.task_id for run in lesson.runs()]
wait_until(lambda: not lesson.queue() and not lesson.taken())

# %% [markdown] id="terminated" lang="en"
# The third had its turn at once: it is gone from the queue, Flower knows of its end, and no process has ever started it. The two others show in the worker's
# record: neither ran for its 50 seconds. Their bars are not hatched as in notebook 6: the worker sends `TERM`, not `KILL`, so each process still notes the end.

# %% [markdown] id="terminated" lang="fr"
# Le tour de la troisième est venu aussitôt : elle n'est plus dans la file, Flower sait comment elle a fini, et aucun processus ne l'a commencée. Les deux
# autres apparaissent dans le relevé du worker : aucune n'a duré ses 50 secondes. Leurs barres ne sont pas hachurées comme dans le notebook 6 : le worker envoie
# `TERM`, et non `KILL` ; chaque processus a donc le temps de noter la fin.

# %% id="terminated-code"
cut = lesson.timeline(busy)

assert len(cut) == 2 and all(run.end - run.start < 50 for run in cut)
cut

# %% [markdown] id="grow" lang="en"
# Now give the worker a third process. Flower only passes the wish on, so ask the worker itself what has become of it. It takes up to five seconds, until the
# worker next looks after its pool. Then it also replaces the two processes that it has ended. Compare the process ids, before and after.

# %% [markdown] id="grow" lang="fr"
# Donnez maintenant un troisième processus au worker. Flower ne fait que transmettre la demande : interrogez donc le worker lui-même pour savoir ce qu'elle
# devient. Cela peut prendre jusqu'à cinq secondes : le worker n'agit que lorsqu'il passe son pool en revue. Il remplace alors aussi les deux processus arrêtés.
# Comparez les numéros de processus, avant et après.


# %% id="grow-code"
def running():
    return workers.stats()[worker]["pool"]["processes"]


requests.post(address + "api/worker/pool/grow/" + worker, auth=login)
wait_until(lambda: len(running()) == 3 and not set(running()) & set(processes))
stats = workers.stats()[worker]

assert stats["pool"]["max-concurrency"] == 2 and stats["prefetch_count"] == 3
print(processes, running())
{"max-concurrency": stats["pool"]["max-concurrency"], "prefetch_count": stats["prefetch_count"]}

# %% [markdown] id="grown" lang="en"
# Three processes, all of them new. `max-concurrency` still says 2: it repeats the option that the worker was started with, so count the processes instead.
# `prefetch_count` has grown along, so the third process gets a message too.

# %% [markdown] id="grown" lang="fr"
# Trois processus, tous nouveaux. `max-concurrency` dit toujours 2 : c'est l'option reçue au démarrage du worker ; comptez plutôt les processus.
# `prefetch_count` a suivi : le troisième processus reçoit donc lui aussi un message.

# %% [markdown] id="figures" lang="en"
# ## Figures for monitoring
#
# `/metrics` is for programs such as Prometheus, which fetch it several times a minute, keep the figures and raise the alarm. It is text; a counter is a line
# such as
#
# `flower_events_total{task="myapp.tasks.add",type="task-succeeded",worker="first@desk"} 7.0`
#
# There is a line for each name of a task, each worker and each type of event, so add them up. Five more tasks: by how much does the sum grow?

# %% [markdown] id="figures" lang="fr"
# ## Des chiffres pour la surveillance
#
# `/metrics` s'adresse à des programmes comme Prometheus, qui le lisent plusieurs fois par minute, gardent les chiffres et donnent l'alerte. C'est du texte. Un
# compteur y occupe une ligne, par exemple :
#
# `flower_events_total{task="myapp.tasks.add",type="task-succeeded",worker="first@desk"} 7.0`
#
# Il y a une ligne par nom de tâche, par worker et par type d'événement : faites-en la somme. Cinq tâches de plus : de combien augmente-t-elle ?


# %% id="figures-code"
def counted(kind):
    lines = requests.get(address + "metrics").text.splitlines()
    lines = [
        line
        for line in lines
        if line.startswith("flower_events_total{") and f'type="{kind}"' in line
    ]
    return sum(float(line.split()[-1]) for line in lines)


before = counted("task-succeeded")
results = [add.delay(n, n, seconds=0) for n in range(5)]
wait_until(lambda: counted("task-succeeded") == before + 5)

now = requests.get(address + "metrics").text

assert counted("task-revoked") == 3
assert "myapp.tasks.add" in now and worker in now
before, counted("task-succeeded")

# %% id="page"
page = """
flower_events_total{task="myapp.tasks.add",type="task-started",worker="first@desk"} 7.0
flower_events_total{task="myapp.tasks.add",type="task-succeeded",worker="first@desk"} 6.0
flower_events_total{task="myapp.tasks.add",type="task-failed",worker="first@desk"} 1.0
flower_events_total{task="myapp.tasks.mail",type="task-failed",worker="second@desk"} 1.0
flower_events_created{task="myapp.tasks.mail",type="task-failed",worker="second@desk"} 1.795e+09
"""


def share_right(share):
    return abs(share(page) - 0.25) < 0.001 and 0 < share(now) < 1


# %% [markdown] id="turn-share" lang="en"
# ### Your turn: how many out of all fail?
#
# An absolute number of failures says little; the share says more. Write `failed_share(text)`: of all tasks that have failed or succeeded, how large a part has
# failed, from 0 to 1? Assume that at least one has ended. Unlike `counted`, it does not ask Flower, but reads `text`, which is what `/metrics` gives: `now` is
# what it gave above, `page` an invented one, with two tasks and two workers; beware of its last line, which holds a point in time, not a number of events.

# %% [markdown] id="turn-share" lang="fr"
# ### À vous : quelle part échoue ?
#
# À lui seul, un nombre d'échecs dit peu de chose ; une proportion en dit plus. Écrivez `failed_share(text)` : parmi les tâches qui ont échoué ou réussi, quelle
# part a échoué, de 0 à 1 ? Supposez qu'au moins une est finie. À la différence de `counted`, la fonction n'interroge pas Flower : elle lit `text`, ce que donne
# `/metrics`. Vous en avez deux pour essayer : `now`, obtenu plus haut, et `page`, un exemple inventé, avec deux tâches et deux workers. Attention à la dernière
# ligne de `page`, qui contient non pas un nombre d'événements, mais un instant.


# %% id="turn-share-code" tags=["your-turn"]
def failed_share(text):
    return ...


check(lambda: share_right(failed_share))


# %% id="turn-share-solution" tags=["solution"]
def failed_share(text):
    lines = [line for line in text.splitlines() if line.startswith("flower_events_total{")]
    failed = sum(float(line.split()[-1]) for line in lines if 'type="task-failed"' in line)
    succeeded = sum(float(line.split()[-1]) for line in lines if 'type="task-succeeded"' in line)
    return failed / (failed + succeeded)


check(lambda: share_right(failed_share))

# %% [markdown] id="secrets" lang="en"
# ## Arguments are not secret
#
# A PIN as an argument. Who gets to see it?

# %% [markdown] id="secrets" lang="fr"
# ## Les arguments ne sont pas secrets
#
# Un code PIN en argument. Qui le voit ?

# %% id="secret"
secret = add.delay("the PIN is ", "4711", seconds=0)
wait_until(lambda: known(secret).get("state") == "SUCCESS")

assert "4711" in known(secret)["args"] and "4711" in known(secret)["result"]
known(secret)["args"], known(secret)["result"]

# %% [markdown] id="argsrepr" lang="en"
# Everyone who may look into Flower, and everyone who listens to events; the result gives it away once more. Celery can show something else in place of the
# arguments: `argsrepr`. Is the PIN safe then? The task goes to a queue from which nobody takes, so that you can look at the message.

# %% [markdown] id="argsrepr" lang="fr"
# Tous ceux qui ont accès à Flower, et tous ceux qui écoutent les événements ; le résultat le révèle une seconde fois. Celery sait afficher autre chose à la
# place des arguments : `argsrepr`. Le code est-il alors à l'abri ? La tâche part dans une file que personne ne lit, pour que vous puissiez examiner le message.

# %% id="argsrepr-code"
hidden = add.apply_async(("the PIN is ", "4711"), argsrepr="('***', '***')", queue="aside")
wait_until(lambda: known(hidden))

assert "4711" not in known(hidden)["args"]
assert "4711" in lesson.queue("aside")[0]["args"]
print(known(hidden)["args"])
lesson.queue("aside")

# %% [markdown] id="pass-an-id" lang="en"
# Flower shows stars, the message holds the PIN all the same: the worker needs it. `argsrepr` keeps it out of the events, and so out of Flower; not out of the
# message, nor of the result. [No secrets in messages](../travel.md#publish): pass the id of a row, and let the task read what it needs.

# %% [markdown] id="pass-an-id" lang="fr"
# Flower affiche des astérisques, mais le message contient bien le code : le worker en a besoin. `argsrepr` cache un argument dans les événements, donc dans
# Flower, mais ni dans le message ni dans le résultat. [Pas de secret dans un message](../travel.md#publish) : passez l'identifiant d'une ligne de la base, et
# laissez la tâche lire ce qu'il lui faut.

# %% [markdown] id="history" lang="en"
# ## What outlives a restart
#
# [`flowerconfig.py`](../lessons/07_flower.md#close) says `persistent = True`: Flower saves its history every 10 seconds and when it ends. Stop it, run a task
# while it is away, start it again. What does it know then?

# %% [markdown] id="history" lang="fr"
# ## Ce qui survit à un redémarrage
#
# [`flowerconfig.py`](../lessons/07_flower.md#close) contient `persistent = True` : Flower enregistre son historique toutes les 10 secondes, et quand il
# s'arrête. Arrêtez-le, exécutez une tâche en son absence, redémarrez-le. Que sait-il alors ?

# %% id="restart"
remembered = set(get("api/tasks"))
lesson.stop("flower")
missed = add.delay(4, 6, seconds=0)
lesson.watch(missed)
address, login = lesson.start_flower()

assert remembered == set(get("api/tasks")) and missed.id not in remembered
assert counted("task-succeeded") == 0
len(remembered)

# %% [markdown] id="gap" lang="en"
# The tasks from before are there; the number says how many. The one in between has run, and Flower will never learn of it: its history has gaps, so do not use
# it as a record of what was done. And the counters of `/metrics` begin at zero again: they are not in the file. Prometheus knows that a counter may do so, and
# allows for it.
#
# Now remove the file. Depending on your Python it is one or several, but each name begins with `flower.db`.

# %% [markdown] id="gap" lang="fr"
# Les tâches d'avant sont là ; le nombre dit combien. La tâche envoyée en l'absence de Flower s'est exécutée, et il n'en saura jamais rien : son historique a
# des trous, n'en faites pas un registre de ce qui a été fait. Et les compteurs de `/metrics` repartent de zéro : ils ne sont pas dans le fichier. Prometheus
# sait qu'un compteur peut repartir de zéro, et en tient compte.
#
# Supprimez maintenant le fichier. Selon votre Python, il y en a un ou plusieurs, mais chaque nom commence par `flower.db`.

# %% id="forget"
lesson.stop("flower")
for file in lesson.project.glob("flower.db*"):
    file.unlink()
address, login = lesson.start_flower()

assert get("api/tasks") == {}
assert missed.get() == 10
get("api/tasks")

# %% [markdown] id="end" lang="en"
# Flower has forgotten everything, and nothing is lost: the result of the last task is still in the result store. Flower looks on; Celery works without it.
#
# To go on: the [exercise of lesson 7](../lessons/07_flower.md#exercise) makes a Flower that shows everything and steers nothing.

# %% [markdown] id="end" lang="fr"
# Flower a tout oublié, et rien n'est perdu : le résultat de la dernière tâche est toujours dans le backend de résultats. Flower regarde ; Celery se passe de
# lui.
#
# Pour continuer : l'[exercice de la leçon 7](../lessons/07_flower.md#exercise) met en place un Flower qui montre tout et ne pilote rien.
