# %% [markdown] id="workers" lang="en"
# # 6. Workers: faster, stopped, killed
#
# [Lesson 6](../lessons/06_workers.md#workers) starts workers, chooses a pool for them, and gives them settings with which no task is lost. Here you measure
# what more processes and more threads are worth, and you kill workers in the middle of their work.
#
# Run the cells from top to bottom. Each `assert` states something that the text claims: if it were wrong, the cell would fail.

# %% [markdown] id="workers" lang="fr"
# # 6. Workers : accélérer, arrêter, tuer
#
# La [leçon 6](../lessons/06_workers.md#workers) démarre des workers, leur choisit un pool, et leur donne des réglages grâce auxquels aucune tâche ne se perd.
# Ici, vous mesurez ce qu'apportent des processus ou des threads supplémentaires, et vous tuez des workers en plein travail.
#
# Exécutez les cellules de haut en bas. Chaque `assert` vérifie une affirmation du texte : si elle était fausse, la cellule échouerait.

# %% id="begin"
from course.notebook import begin, check, draw

lesson = begin("06", start=False)

# %% [markdown] id="own-tasks" lang="en"
# ## A single process
#
# The task `add` only waits. The copy of the project that this notebook works in needs two more tasks, at the end of `myapp/tasks.py`:
#
# - `compute` keeps a processor busy, and returns the processor time it has used, in seconds. Time spent waiting for a free processor does not count.
# - `store` adds a row to the table `Addition`, then waits. You need it at the end.
#
# Then a worker starts, with a single process.

# %% [markdown] id="own-tasks" lang="fr"
# ## Un seul processus
#
# La tâche `add` ne fait qu'attendre. La copie du projet où travaille ce notebook reçoit deux tâches de plus, à la fin de `myapp/tasks.py` :
#
# - `compute` occupe un processeur, et renvoie le temps processeur qu'elle a consommé, en secondes. L'attente d'un processeur libre ne compte pas.
# - `store` ajoute une ligne à la table `Addition`, puis attend. Vous vous en servez à la fin du notebook.
#
# Ensuite, vous démarrez un worker, avec un seul processus.

# %% id="append"
two_tasks = """

@shared_task
def compute(rounds):
    before = time.thread_time()
    sum(number * number for number in range(rounds))
    return time.thread_time() - before


@shared_task
def store(x, y, seconds):
    from uuid import uuid4

    from .models import Addition

    Addition.objects.create(task_id=uuid4(), x=x, y=y)
    time.sleep(seconds)
"""
with open(lesson.project / "myapp" / "tasks.py", "a") as file:
    file.write(two_tasks)

# %% id="start"
lesson.start("--concurrency=1")

# %% [markdown] id="states" lang="en"
# Send two tasks and, as soon as the first one has begun, ask for three states: those of the two, and that of an id that
# [nobody issued](../lessons/06_workers.md#unknown-id). Which of them can you tell apart?
# %% [markdown] id="states" lang="fr"
# Envoyez deux tâches. Dès que la première a commencé, demandez trois états : celui de chacune des deux, et celui d'un identifiant
# [jamais attribué](../lessons/06_workers.md#unknown-id). Lesquels pouvez-vous distinguer ?
# %% id="three-states"
import time

from myapp.tasks import add, compute, store

running, waiting = [add.delay(4, 6, seconds=0.5) for _ in range(2)]
while running.state == "PENDING":
    time.sleep(0.02)
states = [running.state, waiting.state, add.AsyncResult("made-up").state]

assert states == ["STARTED", "PENDING", "PENDING"]
states

# %% [markdown] id="states-after" lang="en"
# `STARTED` is there because this lesson sets `CELERY_TASK_TRACK_STARTED`. The task that waits and the one that does not exist look the same: `PENDING` says
# that the result store knows nothing of them.
#
# Now the measure for all that follows: twenty tasks which wait for 0.1 s each, then eight which compute. In the picture, a bar is a run of a task, drawn from
# what the process that ran it has written down. One process takes them one after another: at least 2 s for the first twenty.

# %% [markdown] id="states-after" lang="fr"
# `STARTED` apparaît parce que cette leçon active `CELERY_TASK_TRACK_STARTED`. La tâche qui attend et celle qui n'existe pas se ressemblent : `PENDING` signifie
# que le backend de résultats n'a rien à leur sujet.
#
# Voici l'étalon pour toute la suite : vingt tâches qui attendent chacune 0,1 s, puis huit qui calculent. Sur l'image, une barre représente une exécution,
# d'après ce que le processus a lui-même noté. Un seul processus exécute les tâches l'une après l'autre : il lui faut au moins 2 s pour les vingt premières.


# %% id="twenty"
def twenty_waits():
    results = [add.delay(n, n, seconds=0.1) for n in range(20)]
    lesson.watch(results)
    return lesson.timeline(results)


waits = {"--concurrency=1": twenty_waits()}

assert waits["--concurrency=1"].seconds >= 2
waits["--concurrency=1"]

# %% [markdown] id="busy" lang="en"
# For tasks that compute, another number says more than the seconds: the processor time of all of them, divided by the time that passed. That is how many cores
# the worker kept busy, on average. One process cannot have more than one.

# %% [markdown] id="busy" lang="fr"
# Pour des tâches qui calculent, un nombre en dit plus que la durée : le temps processeur de toutes les tâches, divisé par le temps écoulé. C'est le nombre de
# cœurs que le worker a occupés, en moyenne. Un seul processus n'en occupe pas plus d'un.


# %% id="computing"
def cores_busy():
    results = [compute.delay(1_000_000) for n in range(8)]
    lesson.watch(results)
    work = sum(result.get() for result in results)
    return round(work / lesson.timeline(results).seconds, 2)


busy = {"--concurrency=1": cores_busy()}

assert busy["--concurrency=1"] <= 1.05
busy

# %% [markdown] id="processes" lang="en"
# ## Two processes, four processes
#
# The default pool, `prefork`, consists of processes. Each of these two cells replaces the worker by another one, and measures as above. Before you run them:
# will four processes wait four times as fast as one? And will they compute four times as fast?

# %% [markdown] id="processes" lang="fr"
# ## Deux processus, quatre processus
#
# Le pool par défaut, `prefork`, est fait de processus. Chacune de ces deux cellules remplace le worker par un autre, et mesure comme plus haut. Avant de les
# exécuter : quatre processus attendront-ils quatre fois plus vite qu'un seul ? Et calculeront-ils quatre fois plus vite ?

# %% id="two"
lesson.start_worker("--concurrency=2")
waits["--concurrency=2"] = twenty_waits()
busy["--concurrency=2"] = cores_busy()

assert waits["--concurrency=2"].seconds >= 1

# %% id="four"
lesson.start_worker("--concurrency=4")
waits["--concurrency=4"] = twenty_waits()
busy["--concurrency=4"] = cores_busy()

assert waits["--concurrency=4"].seconds >= 0.5

# %% id="one-scale"
draw(waits)

# %% id="compared"
import os

one, two, four = waits.values()
speed_ups = {title: round(one.seconds / timeline.seconds, 1) for title, timeline in waits.items()}

assert [len(timeline.lanes) for timeline in waits.values()] == [1, 2, 4]
assert one.seconds > max(two.seconds, four.seconds)
assert all(cores <= os.cpu_count() + 0.1 for cores in busy.values())
{"cores": os.cpu_count(), "speed-ups": speed_ups, "busy": busy}

# %% [markdown] id="compared-after" lang="en"
# For waiting, the gain follows the number of processes, beyond that of the cores; it falls a little short of 2 and 4, since handing out tasks takes time, too.
# Computing ends at the cores of the machine, and at what other programs leave of them (an idle machine with two cores shows about 1, 2 and 2; a busy one,
# less): more processes than cores only take turns. So one process for each core, Celery's default, is right for computing and far too little for waiting.

# %% [markdown] id="compared-after" lang="fr"
# Pour l'attente, le gain suit le nombre de processus, même au-delà du nombre de cœurs ; il reste un peu en dessous de 2 et de 4, car distribuer les tâches
# prend aussi du temps. Pour le calcul, il plafonne au nombre de cœurs que les autres programmes laissent libres : au repos, une machine à deux cœurs donne
# environ 1, 2 et 2 ; occupée, elle donne moins. Des processus plus nombreux que les cœurs se relaient, rien de plus. Un processus par cœur, le choix par défaut
# de Celery, convient donc au calcul ; pour l'attente, c'est bien trop peu.

# %% id="five-tasks"
from collections import Counter

five = [add.delay(n, n, seconds=0.3) for n in range(5)]
lesson.watch(five)
most = max(Counter(run.process for run in lesson.timeline(five)).values())

# %% [markdown] id="turn-predict" lang="en"
# ### Your turn: five tasks, four processes
#
# The worker has four processes, and has just run five tasks of 0.3 s. How many seconds did it take, from the first start to the last end? Type your prediction;
# the cell after the turn shows the picture. A few hundredths of a second do not count.

# %% [markdown] id="turn-predict" lang="fr"
# ### À vous : cinq tâches, quatre processus
#
# Le worker a quatre processus, et vient d'exécuter cinq tâches de 0,3 s. Combien de secondes lui a-t-il fallu, entre le début de la première et la fin de la
# dernière ? Tapez votre pronostic ; la cellule qui suit l'exercice montre l'image. Quelques centièmes de seconde en plus ou en moins ne comptent pas.

# %% id="turn-predict-code" tags=["your-turn"]
prediction = ...

check(lambda: abs(prediction - most * 0.3) < 0.1)

# %% id="turn-predict-solution" tags=["solution"]
prediction = 2 * 0.3  # the fifth task waits for a process

check(lambda: abs(prediction - most * 0.3) < 0.1)

# %% id="five"
lesson.timeline(five)

# %% [markdown] id="process-killed" lang="en"
# ## A process is killed
#
# Six tasks of 0.8 s, four processes. A task that has started tells which process runs it. As soon as the first one has started, the cell kills its process with
# `SIGKILL`, the signal that no process can ignore. Will its result come?

# %% [markdown] id="process-killed" lang="fr"
# ## Un processus est tué
#
# Six tâches de 0,8 s, quatre processus. Une tâche en cours indique quel processus l'exécute. Dès que la première a commencé, la cellule tue son processus avec
# `SIGKILL`, le signal qu'aucun processus ne peut ignorer. Le résultat arrivera-t-il ?

# %% id="kill-process"
import signal

six = [add.delay(n, n, seconds=0.8) for n in range(6)]
while six[0].state == "PENDING":
    time.sleep(0.02)
os.kill(six[0].info["pid"], signal.SIGKILL)
lesson.watch(six, timeout=120)

assert [result.get() for result in six] == [0, 2, 4, 6, 8, 10]

# %% [markdown] id="process-killed-picture" lang="en"
# Every result is there. In the picture, the hatched bar is the run that was cut off. It ended when its process was killed; nothing noted that, so it is drawn
# up to the next start of the same task.

# %% [markdown] id="process-killed-picture" lang="fr"
# Tous les résultats sont là. Sur l'image, la barre hachurée est l'exécution interrompue. Elle s'est arrêtée à la mort de son processus, mais rien ne l'a noté :
# elle est donc tracée jusqu'à ce que la même tâche recommence.

# %% id="process-killed-runs"
shown = lesson.timeline(six)


def starts_of(task_id):
    return sum(run.task_id == str(task_id) for run in shown)


assert len(shown) == len(six) + 1
assert [run.end for run in shown].count(None) == 1
shown

# %% [markdown] id="turn-twice" lang="en"
# ### Your turn: which task was started twice?
#
# `shown` is a list of runs. Each has, among others, `.task_id`, `.process`, `.start` and `.end`. Find the id of the task that was started twice, with code that
# would also find it among ten thousand.

# %% [markdown] id="turn-twice" lang="fr"
# ### À vous : quelle tâche a commencé deux fois ?
#
# `shown` est une liste d'exécutions. Chacune a, entre autres, `.task_id`, `.process`, `.start` et `.end`. Trouvez l'identifiant de la tâche qui a commencé deux
# fois, avec du code qui la trouverait aussi parmi dix mille.

# %% id="turn-twice-code" tags=["your-turn"]
twice = ...

check(lambda: starts_of(twice) == 2)

# %% id="turn-twice-solution" tags=["solution"]
starts = Counter(run.task_id for run in shown)
twice = next(task_id for task_id, count in starts.items() if count > 1)

check(lambda: starts_of(twice) == 2)

# %% [markdown] id="process-killed-why" lang="en"
# The main process saw that a process of its pool was gone. It started another one, and sent the task again, to begin one second later at the earliest. That is
# [`CELERY_TASK_RETRY_ON_WORKER_LOST`](../lessons/06_workers.md#lose-nothing) at work, with the `default_retry_delay=1` that `add` has in its decorator.

# %% [markdown] id="process-killed-why" lang="fr"
# Le processus principal a vu disparaître un processus de son pool. Il en a démarré un autre et a renvoyé la tâche, qui recommence au plus tôt une seconde plus
# tard. C'est l'effet de [`CELERY_TASK_RETRY_ON_WORKER_LOST`](../lessons/06_workers.md#lose-nothing) et du `default_retry_delay=1` du décorateur d'`add`.

# %% id="pause"
first, second = [run for run in shown if run.task_id == six[0].id]

assert second.start - first.start >= 1
assert second.process != first.process

# %% [markdown] id="limit" lang="en"
# The worker kills processes, too: that is how it enforces a time limit. The next task may take 0.3 s, and wants 5. Is it sent again, like the one before, a
# second later? Another task, to begin after two seconds, gives it time for that.

# %% [markdown] id="limit" lang="fr"
# Le worker aussi tue des processus : c'est ainsi qu'il fait respecter une durée maximale. La tâche suivante a droit à 0,3 s, et elle en demande 5. Est-elle
# renvoyée une seconde plus tard, comme la précédente ? Pour en laisser le temps au worker, une autre tâche commence au bout de deux secondes.

# %% id="prefork-time-limit"
from celery.exceptions import TimeLimitExceeded

result = add.apply_async([4, 6], {"seconds": 5}, time_limit=0.3)
try:
    result.get(timeout=30)
except TimeLimitExceeded as error:
    print(error)
add.apply_async([4, 6], {"seconds": 0}, countdown=2).get(timeout=60)

assert result.state == "FAILURE"
assert [run.task_id for run in lesson.runs()].count(result.id) <= 1

# %% [markdown] id="limit-after" lang="en"
# No: it would only reach the same limit again. It ends as a `FAILURE`, and a new process takes the place of the old one.

# %% [markdown] id="limit-after" lang="fr"
# Non : elle ne ferait qu'atteindre de nouveau la même limite. Elle finit en `FAILURE`, et un nouveau processus prend la place de l'ancien.

# %% [markdown] id="stop" lang="en"
# ## Stop, and lose nothing
#
# `lesson.stop()` sends the worker's main process a `TERM`, the signal that asks it to end, as a [supervisor](../glossary.md#term-supervisor) does, and waits
# until it has ended. Eight tasks of 0.5 s, four processes: the signal comes as soon as four tasks have begun. What becomes of these, and what of the others?

# %% [markdown] id="stop" lang="fr"
# ## Arrêter sans rien perdre
#
# `lesson.stop()` envoie au processus principal du worker le signal `TERM`, qui lui demande de s'arrêter, comme le fait un
# [superviseur](../glossary.md#term-supervisor), et attend qu'il se termine. Huit tâches de 0,5 s, quatre processus : le signal part dès que quatre tâches ont
# commencé. Que deviennent celles-ci, et que deviennent les autres ?

# %% id="stop-worker"
eight = [add.delay(n, n, seconds=0.5) for n in range(8)]
while [result.state for result in eight].count("PENDING") > 4:
    time.sleep(0.02)
lesson.stop()

done = {result.id for result in eight if result.state == "SUCCESS"}
left = lesson.queue()
assert len(done) >= 4
assert done | {row["id"] for row in left} == {result.id for result in eight}
left

# %% [markdown] id="stop-after" lang="en"
# The worker has finished what it ran, and has begun nothing new. Each of the eight tasks is either done or in the queue; none is in between, none is lost. That
# is a [warm shutdown](../lessons/06_workers.md#stop). The next worker does the rest, whenever it comes and whatever its pool. It comes in the next part.

# %% [markdown] id="stop-after" lang="fr"
# Le worker a fini ce qu'il exécutait, et n'a rien commencé d'autre. Chacune des huit tâches est soit faite, soit dans la file ; aucune n'est restée entre les
# deux, aucune n'est perdue. C'est un [arrêt progressif](../lessons/06_workers.md#stop). Le prochain worker fait le reste, quels que soient son pool et le
# moment où il arrive. Vous le démarrez dans la partie suivante.

# %% [markdown] id="threads" lang="en"
# ## Threads: for waiting only
#
# Ten threads in place of the four processes. The option `--max-tasks-per-child=1` asks for a new process after each task; look at what becomes of it. First
# this worker does what the last one left, then the twenty tasks. Both pictures have the same scale.

# %% [markdown] id="threads" lang="fr"
# ## Des threads : seulement pour attendre
#
# Dix threads à la place des quatre processus. L'option `--max-tasks-per-child=1` demande un nouveau processus après chaque tâche ; voyez ce qu'il en advient.
# Ce worker fait d'abord ce que le précédent a laissé, puis les vingt tâches. Les deux images ont la même échelle.

# %% id="threads-left"
lesson.start_worker("--pool=threads --concurrency=10 --max-tasks-per-child=1")

assert [result.get(timeout=60) for result in eight] == [0, 2, 4, 6, 8, 10, 12, 14]

# %% id="threads-waiting"
ten_threads = twenty_waits()

assert one.seconds / ten_threads.seconds > 2
assert len({run.process for run in ten_threads}) == 1
draw({"--concurrency=1": one, "--pool=threads --concurrency=10": ten_threads})

# %% [markdown] id="threads-after" lang="en"
# Ten threads are several times as fast as one process, however few cores there are: a task that waits needs none. And all twenty ran in one process: this pool
# [ignores](../lessons/06_workers.md#pools) `--max-tasks-per-child` without a word.
#
# Next, the eight tasks that compute.

# %% [markdown] id="threads-after" lang="fr"
# Dix threads vont plusieurs fois plus vite qu'un processus, si peu de cœurs qu'il y ait : une tâche qui attend n'en occupe aucun. Et les vingt tâches ont
# tourné dans un seul processus : ce pool [ignore](../lessons/06_workers.md#pools) `--max-tasks-per-child` sans rien dire.
#
# Passez aux huit tâches qui calculent.

# %% id="threads-computing"
busy["--pool=threads"] = cores_busy()

assert busy["--pool=threads"] <= 1.1
busy

# %% [markdown] id="threads-limit" lang="en"
# Ten threads, and no more than one core: Python's global lock lets one thread compute at a time.
#
# The next task may take 0.3 s, and takes 0.6. A process would be killed. And a thread?

# %% [markdown] id="threads-limit" lang="fr"
# Dix threads, et pas plus d'un cœur : le verrou global de Python (*GIL*) ne laisse calculer qu'un thread à la fois.
#
# La tâche suivante a droit à 0,3 s, et elle en prend 0,6. Un processus, lui, se fait tuer. Et un thread ?

# %% id="threads-time-limit"
result = add.apply_async([4, 6], {"seconds": 0.6}, time_limit=0.3)

assert result.get(timeout=30) == 10
lesson.timeline([result]).seconds

# %% [markdown] id="threads-limit-after" lang="en"
# It ran to its end: time limits have no effect in threads. If a server never answers, only a timeout in your own code frees the thread.

# %% [markdown] id="threads-limit-after" lang="fr"
# Elle est allée jusqu'au bout : avec des threads, les durées maximales n'ont aucun effet. Si un serveur ne répond jamais, seul un délai d'attente dans votre
# propre code libère le thread.

# %% [markdown] id="solo" lang="en"
# ## Solo: the worker itself
#
# With `--pool=solo`, the worker's main process runs the tasks itself. Ask for four processes all the same. Then ask the worker twice for a sign of life
# (`ping`): while it has nothing to do, and while it runs a task of 0.8 s. The second time, 0.2 s have to do for an answer, so that the task is still running.
# How many answers?
#
# The first cell also prepares the last part. What a killed worker holds goes back to the queue after `visibility_timeout`, 60 s in this lesson. For a notebook
# that is long: the cell makes it 2 s, and has workers look for such messages every second. On a server 2 s would be a mistake: a task that takes longer would
# [run again and again](../delivery.md#visibility-timeout).

# %% [markdown] id="solo" lang="fr"
# ## Solo : le worker lui-même
#
# Avec `--pool=solo`, le processus principal du worker exécute lui-même les tâches. Demandez tout de même quatre processus. Puis demandez deux fois au worker un
# signe de vie (`ping`) : quand il n'a rien à faire, puis pendant une tâche de 0,8 s. La seconde fois, il n'a que 0,2 s pour répondre : la tâche sera encore en
# cours. Combien de réponses ?
#
# La première cellule prépare aussi la dernière partie. Ce que détient un worker tué revient dans la file au bout de `visibility_timeout`, 60 s dans cette
# leçon. Pour un notebook, c'est long : la cellule réduit ce délai à 2 s, et le worker recherche désormais ces messages toutes les secondes. Sur un serveur, 2 s
# seraient une faute : une tâche plus longue [s'exécuterait encore et encore](../delivery.md#visibility-timeout).

# %% id="solo-start"
settings = lesson.project / "myproject" / "settings.py"
text = settings.read_text()
text = text.replace("'visibility_timeout': 60", "'visibility_timeout': 2")
text = text.replace("'unacked_restore_interval': 10", "'unacked_restore_interval': 1")
settings.write_text(text)

lesson.start_worker("--pool=solo --concurrency=4")

# %% id="solo-lane"
results = [add.delay(n, n, seconds=0.1) for n in range(4)]
lesson.watch(results)
timeline = lesson.timeline(results)

assert {run.process for run in timeline} == {lesson.pid()}
timeline

# %% id="solo-ping"
from myproject.celery import app

idle = app.control.ping(timeout=10, limit=1)
result = add.delay(4, 6, seconds=0.8)
while result.state == "PENDING":
    time.sleep(0.02)
at_work = app.control.ping(timeout=0.2)

assert (len(idle), len(at_work)) == (1, 0)
len(idle), len(at_work)

# %% [markdown] id="solo-after" lang="en"
# `--concurrency=4` had no effect: the four tasks ran one after another, in the worker's own process. While it runs a task it hears nobody, so it answers no
# `ping`, and no `inspect`, which asks what a worker is doing. That suits a debugger, not a server.

# %% [markdown] id="solo-after" lang="fr"
# `--concurrency=4` n'a eu aucun effet : les quatre tâches se sont exécutées l'une après l'autre, dans le processus même du worker. Pendant une tâche, il
# n'entend personne ; il ne répond donc ni à `ping`, ni à `inspect`, qui demande à un worker ce qu'il fait. Pour un débogueur, c'est parfait ; pour un serveur,
# non.

# %% [markdown] id="worker-killed" lang="en"
# ## The whole worker is killed
#
# `store` adds a row, then waits. The cell kills the worker while the task waits: after the work, and before the
# [acknowledgement](../glossary.md#term-acknowledgement), with which a worker lets the broker forget a message. No main process is left to send the task again.
# Who still knows of it?

# %% [markdown] id="worker-killed" lang="fr"
# ## Le worker entier est tué
#
# `store` ajoute une ligne, puis attend. La cellule tue le worker pendant cette attente : après le travail, et avant
# l'[acquittement](../glossary.md#term-acknowledgement), par lequel un worker permet au broker d'oublier un message. Il ne reste aucun processus principal pour
# renvoyer la tâche. Qui la connaît encore ?

# %% id="kill-worker"
from myapp.models import Addition

Addition.objects.all().delete()
stored = store.delay(30, 12, seconds=0.8)
while not Addition.objects.exists():
    time.sleep(0.02)
os.kill(lesson.pid(), signal.SIGKILL)
held = lesson.taken()

assert stored.state == "STARTED"
assert [row["id"] for row in held] == [stored.id]
held

# %% [markdown] id="worker-back" lang="en"
# The broker does. The message is taken and not acknowledged, and the task stays `STARTED`, although nobody is at it. Meanwhile the notebook's supervisor
# starts another worker, as it does for each process that ends unasked.
#
# Now wait for the result, then count the rows.

# %% [markdown] id="worker-back" lang="fr"
# Le broker. Le message est pris, mais pas acquitté ; la tâche reste `STARTED`, alors que personne n'y travaille. Pendant ce temps, le superviseur du notebook
# démarre un autre worker, comme il relance tout processus qui se termine sans en avoir reçu l'ordre.
#
# Attendez maintenant le résultat, puis comptez les lignes.

# %% id="worker-back-rows"
stored.get(timeout=60)
runs = lesson.timeline([stored])

assert runs[1].start - runs[0].start >= 2
assert Addition.objects.filter(x=30, y=12).count() == 2
runs

# %% [markdown] id="worker-back-after" lang="en"
# No task is lost, and that has its price: one task, two rows. The second run came after the visibility timeout, 2 s at the earliest: workers look once a
# second. It had the same message and the same task id. No setting prevents it: with late acknowledgement (when the task has ended) a task runs [at least
# once](../delivery.md#killed-worker). Your task must bear it. `rows_after` counts the rows that some calls leave behind: your turn needs it.

# %% [markdown] id="worker-back-after" lang="fr"
# Aucune tâche n'est perdue, mais cela se paie : une tâche, deux lignes. La seconde exécution est venue après le délai de visibilité : au bout de 2 s au
# plus tôt, puis à la vérification suivante, car les workers vérifient une fois par seconde. Le message est le même, l'identifiant de la tâche aussi. Aucun
# réglage n'empêche une seconde exécution : avec l'acquittement tardif (une fois la tâche finie), une tâche s'exécute [au moins une fois](../delivery.md#killed-worker). À votre tâche de s'en accommoder. `rows_after` compte
# les lignes que laissent plusieurs appels : vous en aurez besoin.

# %% id="rows-after"
from uuid import uuid4


def rows_after(save, calls):
    Addition.objects.all().delete()
    for task_id in calls:
        save(task_id, 30, 12)
    return Addition.objects.filter(x=30, y=12).count()


this, that = str(uuid4()), str(uuid4())
same, mixed = [this, this], [this, that, this]

# %% [markdown] id="turn-idempotent" lang="en"
# ### Your turn: one task, one row
#
# `save` is the heart of `store`, as a function of its own. A task declared with `bind=True` knows its id, `self.request.id`; in the second run it is the same.
# Rewrite `save` so that it leaves one row, however often it is called with the same `task_id`, and raises nothing. Another task gets another row, even with the
# same numbers. `task_id` is the table's primary key.

# %% [markdown] id="turn-idempotent" lang="fr"
# ### À vous : une tâche, une ligne
#
# `save` est le cœur de `store`, isolé dans une fonction. Une tâche déclarée avec `bind=True` connaît son identifiant, `self.request.id` ; il est le même à la
# seconde exécution. Réécrivez `save` pour qu'elle laisse une seule ligne, quel que soit le nombre d'appels avec le même `task_id`, et qu'elle ne lève aucune
# exception. Une autre tâche a droit à une autre ligne, même avec les mêmes nombres. `task_id` est la clé primaire de la table.


# %% id="turn-idempotent-code" tags=["your-turn"]
def save(task_id, x, y):
    Addition.objects.create(task_id=uuid4(), x=x, y=y)


check(lambda: rows_after(save, same) == 1 and rows_after(save, mixed) == 2)


# %% id="turn-idempotent-solution" tags=["solution"]
def save(task_id, x, y):
    Addition.objects.get_or_create(task_id=task_id, defaults={"x": x, "y": y})


check(lambda: rows_after(save, same) == 1 and rows_after(save, mixed) == 2)

# %% [markdown] id="end" lang="en"
# The solution's `get_or_create` relies on the database, which refuses a second row with the same key, even if both runs come at the same time. A look
# beforehand (`exists()`), followed by `create`, could not promise that. [Delivery guarantees](../delivery.md#idempotent) has three more ways, for effects
# outside the database, too.

# %% [markdown] id="end" lang="fr"
# Le `get_or_create` de la solution s'appuie sur la base de données, qui refuse une seconde ligne avec la même clé, même si les deux exécutions ont lieu en même
# temps. Un `exists()` suivi de `create` ne pourrait pas le promettre. [Garanties de livraison](../delivery.md#idempotent) présente trois autres moyens, y
# compris pour des effets hors de la base.
