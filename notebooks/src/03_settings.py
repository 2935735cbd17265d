# %% [markdown] id="settings" lang="en"
# # 3. Settings: what Celery makes of them
#
# [Lesson 3](../lessons/03_settings.md#write-settings) adds six settings to `settings.py`. Here you see what becomes of them, and which names Celery passes over
# in silence. Then this notebook starts a broker and a worker of its own, and you follow a first task into the broker, through the worker, to its result.
#
# Run the cells from top to bottom: the first half reads settings only, and nothing runs yet.

# %% [markdown] id="settings" lang="fr"
# # 3. Réglages : ce que Celery en fait
#
# La [leçon 3](../lessons/03_settings.md#write-settings) ajoute six réglages à `settings.py`. Ici, vous voyez ce qu'ils deviennent, et quels noms Celery ignore
# sans un mot. Le notebook démarre ensuite un broker et un worker rien que pour vous, et vous suivez une première tâche du broker au worker, puis jusqu'à son
# résultat.
#
# Exécutez les cellules de haut en bas. La première moitié ne fait que lire des réglages ; rien ne tourne encore.

# %% id="begin"
from course.notebook import begin, check

lesson = begin("03", start=False)

# %% [markdown] id="names" lang="en"
# ## From `settings.py` to Celery
#
# `celery_app.conf` is what Celery works with. For each name in Django's settings that begins with `CELERY_`, take off the prefix (the *namespace*), write the
# rest in lower case, and look whether `conf` has the same value there.

# %% [markdown] id="names" lang="fr"
# ## De `settings.py` à Celery
#
# Celery travaille avec `celery_app.conf`. Pour chaque nom qui commence par `CELERY_` dans les réglages de Django, retirez ce préfixe (l'*espace de noms*),
# mettez le reste en minuscules, et regardez si `conf` donne la même valeur.

# %% id="six"
from django.conf import settings

from myproject import celery_app

conf = celery_app.conf
given = [name for name in dir(settings) if name.startswith("CELERY_")]

for name in given:
    option = name.removeprefix("CELERY_").lower()
    value = getattr(conf, option)
    print(f"{option} = {value!r}")
    assert value == getattr(settings, name)

assert len(given) == 6

# %% [markdown] id="defaults" lang="en"
# Six settings; how many are there? What you do not set has a default, and you can ask for it. Four of them matter later in the course.

# %% [markdown] id="defaults" lang="fr"
# Six réglages, mais sur combien ? Ceux que vous n'écrivez pas ont une valeur par défaut, que `conf` vous donne aussi. En voici quatre qui comptent pour la
# suite du cours.

# %% id="four-defaults"
from celery.app.defaults import NAMESPACES, flatten

options = dict(flatten(NAMESPACES))
print(len(options), conf.task_default_queue, conf.task_track_started, conf.task_acks_late)
print(conf.result_expires)

assert len(options) > 100
assert conf.task_default_queue == "celery"
assert conf.task_track_started is False and conf.task_acks_late is False
assert conf.result_expires.days == 1

# %% [markdown] id="defaults-after" lang="en"
# More than a hundred. The queue is called `celery`; a worker does not say that it has started a task; it acknowledges a task before it runs it, not after (it
# tells the broker that the message may be forgotten); a result is kept for a day.
#
# `expires_with` adds one line to `settings.py`, in the copy of the project that belongs to this notebook, and asks a new Python after how many seconds Celery
# lets a result expire. With an empty line it is the day:

# %% [markdown] id="defaults-after" lang="fr"
# Plus de cent. La file s'appelle `celery` ; un worker ne signale pas qu'il a commencé une tâche ; il acquitte le message avant d'exécuter la tâche, et non
# après (acquitter un message, c'est dire au broker qu'il peut l'oublier) ; Celery garde un résultat un jour.
#
# `expires_with` ajoute une ligne à `settings.py`, dans la copie du projet réservée à ce notebook, et demande à un nouveau processus Python au bout de combien
# de secondes Celery laisse expirer un résultat. Avec une ligne vide, c'est un jour entier :

# %% id="expires-with"
path = lesson.project / "myproject" / "settings.py"
original = path.read_text()


def expires_with(line):
    path.write_text(f"{original}\n{line}\n")
    said = lesson.shell("from celery import current_app as app; print(app.backend.expires)")
    path.write_text(original)
    return said.strip().split("\n")[-1]


seconds = expires_with("")
print(seconds)
assert seconds == str(24 * 3600)

# %% [markdown] id="turn-expires" lang="en"
# ### Your turn: keep results for an hour
#
# Nobody asks for a result after an hour. Write the line to add to `settings.py`.

# %% [markdown] id="turn-expires" lang="fr"
# ### À vous : gardez les résultats une heure
#
# Un résultat vieux d'une heure n'intéresse plus personne. Écrivez la ligne à ajouter à `settings.py`.

# %% id="expires" tags=["your-turn"]
line = "..."

seconds = expires_with(line)
print(seconds)
check(lambda: seconds == "3600")

# %% id="expires-solution" tags=["solution"]
line = "CELERY_RESULT_EXPIRES = 3600"

seconds = expires_with(line)
print(seconds)
check(lambda: seconds == "3600")

# %% [markdown] id="unseen" lang="en"
# ## What Celery does not see
#
# `understood` does for a dictionary what the line `app.config_from_object(…)` does for `settings.py`: it gives the settings to a new app, and returns its
# `conf`. The first name below is right, the second has no prefix, the third has an `S` too many at its end. Which of them count?

# %% [markdown] id="unseen" lang="fr"
# ## Ce que Celery ne voit pas
#
# `understood` fait pour un dictionnaire ce que la ligne `app.config_from_object(…)` fait pour `settings.py` : cette fonction donne les réglages à une nouvelle
# app, et renvoie son `conf`. Ci-dessous, le premier nom est juste, le deuxième n'a pas de préfixe, le troisième a un `S` de trop à la fin. Lesquels Celery
# prend-il en compte ?

# %% id="understood"
from celery import Celery


def understood(settings, namespace="CELERY"):
    app = Celery(set_as_current=False)
    app.config_from_object(settings, namespace=namespace)
    return app.conf


found = understood(
    {"CELERY_TASK_ACKS_LATE": True, "TASK_TRACK_STARTED": True, "CELERY_TASK_IGNORE_RESULTS": True}
)

print(found.task_acks_late, found.task_track_started, found.task_ignore_result)
assert found.task_acks_late is True
assert found.task_track_started is False and found.task_ignore_result is False
assert found.task_ignore_results is True

# %% [markdown] id="understood-after" lang="en"
# Only the first. Nothing was raised and nothing was logged for the other two, so the way to be sure of a setting is to ask `conf`. Ask for the name as the
# documentation spells it: `conf` keeps your misspelt `task_ignore_results` too, as the last `assert` says, and no code ever reads it.
#
# Now the namespace itself. In a copy of the project, `namespace='CELERY'` is [written in lower case](../lessons/03_settings.md#wrong-namespace). A new Python
# tells which broker and which result store each of the two projects has.

# %% [markdown] id="understood-after" lang="fr"
# Seul le premier est pris en compte. Pour les deux autres, ni exception ni ligne de journal : pour être sûr d'un réglage, il faut interroger `conf`.
# Interrogez-le sous le nom que donne la documentation : `conf` garde aussi votre `task_ignore_results` fautif, comme l'affirme le dernier `assert`, mais aucun
# code ne le lit.
#
# Passons à l'espace de noms. Dans une copie du projet, `namespace='CELERY'` est [écrit en minuscules](../lessons/03_settings.md#wrong-namespace). La cellule
# demande à chacun des deux projets, dans un nouveau processus Python, quel broker et quel backend de résultats il utilise.

# %% id="namespace"
code = """
from myproject import celery_app as app
print(app.conf.broker_url, app.connection().as_uri(), app.conf.result_backend)
"""
right = lesson.shell(code)
wrong = lesson.shell(code, patch="wrong_namespace")

print(right + wrong)
assert right.split() == [
    "redis://localhost:6379/0",
    "redis://:**@localhost:6379/0",
    "redis://localhost:6379/0",
]
assert wrong.split() == ["None", "amqp://guest:**@localhost:5672//", "redis://localhost:6379/0"]

# %% [markdown] id="namespace-after" lang="en"
# The broker is lost, and Celery falls back on RabbitMQ. The result store is still right: `CELERY_RESULT_BACKEND` is also the name that Celery 3 used, and old
# names are understood whatever the namespace.
#
# Here are six settings, each with a value that is not Celery's default: a value that `conf` has as well is one that Celery has read. `exactly_read` tells
# whether Celery has read those that you name, and no others. With the right namespace it has read all six, with the wrong one it has not.

# %% [markdown] id="namespace-after" lang="fr"
# Le broker est perdu, et Celery se rabat sur RabbitMQ. Le backend de résultats, lui, est toujours juste : `CELERY_RESULT_BACKEND` est aussi le nom que ce
# réglage portait dans Celery 3, et Celery comprend ses anciens noms quel que soit l'espace de noms.
#
# Voici six réglages. Aucun n'a sa valeur par défaut : si `conf` donne la valeur écrite ici, c'est que Celery l'a lue. `exactly_read` dit si Celery a lu ceux
# que vous nommez, et aucun autre. Avec le bon espace de noms, il lit les six ; avec le mauvais, non.

# %% id="written"
written = {
    "CELERY_BROKER_URL": "redis://localhost:6379/5",
    "CELERY_RESULT_SERIALIZER": "yaml",
    "CELERY_RESULT_EXPIRES": 60,
    "CELERY_TASK_SERIALIZER": "yaml",
    "CELERY_TASK_ACKS_LATE": True,
    "CELERY_TIMEZONE": "Europe/Paris",
}


def exactly_read(names, namespace):
    conf = understood(written, namespace)
    return set(names) == {name for name in written if conf[name[7:].lower()] == written[name]}


print(exactly_read(written, "CELERY"), exactly_read(written, "celery"))
assert exactly_read(written, "CELERY") and not exactly_read(written, "celery")

# %% [markdown] id="turn-survive" lang="en"
# ### Your turn: what survives a wrong namespace?
#
# Find out which of the settings in `written` still count when the namespace is `"celery"`, and make `survivors` the set of their names. Do not guess:
# `understood` tells.

# %% [markdown] id="turn-survive" lang="fr"
# ### À vous : que reste-t-il avec un mauvais espace de noms ?
#
# Trouvez lesquels des réglages de `written` ont encore un effet quand l'espace de noms est `"celery"`, et mettez leurs noms dans l'ensemble `survivors`. Ne
# devinez pas : `understood` vous le dit.

# %% id="survive" tags=["your-turn"]
survivors = {...}

check(lambda: exactly_read(survivors, "celery"))

# %% id="survive-solution" tags=["solution"]
survivors = {"CELERY_RESULT_SERIALIZER", "CELERY_TASK_SERIALIZER", "CELERY_TIMEZONE"}

check(lambda: exactly_read(survivors, "celery"))

# %% [markdown] id="old-names" lang="en"
# Why those? Celery's table of settings has the name that each of them had in Celery 3. Look for those that are the same today, but for the case:

# %% [markdown] id="old-names" lang="fr"
# Pourquoi ceux-là ? La table des réglages de Celery contient le nom que chacun portait dans Celery 3. Cherchez ceux qui sont restés les mêmes, à la casse
# près :

# %% id="old-name"
old = {}
for name in written:
    key = name.removeprefix("CELERY_").lower()
    old[name] = [former.format(key) for former in options[key].old]

assert exactly_read([name for name in written if name.lower() in old[name]], "celery")
old

# %% [markdown] id="environment" lang="en"
# ## The environment wins
#
# Time for a broker. Port 6379 may be taken on your machine, so the notebook starts its own broker on a free port, and names it in two environment variables,
# `CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND`. Neither `settings.py` nor the app is touched. The cell sets a third variable, `CELERY_TASK_ACKS_LATE`, to see
# whether that counts as well. Compare what the same `conf` says before and after.

# %% [markdown] id="environment" lang="fr"
# ## L'environnement l'emporte
#
# Place au broker. Le port 6379 est peut-être déjà pris sur votre machine : le notebook démarre donc son propre broker sur un port libre, et en donne l'adresse
# dans deux variables d'environnement, `CELERY_BROKER_URL` et `CELERY_RESULT_BACKEND`. Il ne touche ni à `settings.py` ni à l'app. La cellule définit une
# troisième variable, `CELERY_TASK_ACKS_LATE`, pour voir si elle compte aussi. Comparez ce que dit le même `conf` avant et après.

# %% id="broker"
import os

before = celery_app.conf.broker_url
lesson.start_broker()
os.environ["CELERY_TASK_ACKS_LATE"] = "1"
after = celery_app.conf.broker_url

print(before, after, celery_app.conf.task_acks_late)
assert before == settings.CELERY_BROKER_URL
assert after == os.environ["CELERY_BROKER_URL"] == lesson.broker_url
assert celery_app.conf.result_backend == os.environ["CELERY_RESULT_BACKEND"] == lesson.broker_url
assert celery_app.conf.task_acks_late is False

# %% [markdown] id="broker-after" lang="en"
# `conf` looks into the environment each time it is asked for `broker_url` or `result_backend`, and only then at the settings. That is convenient: production, a
# test and this notebook each name a broker without an edit, and the address, which may hold a password, stays out of the repository. For a setting like
# `task_acks_late`, `conf` does not look there: it is still `False`.
#
# The environment also hides mistakes. Here is the project with the wrong namespace once more, this time with these variables in its environment:

# %% [markdown] id="broker-after" lang="fr"
# `conf` consulte l'environnement chaque fois qu'on lui demande `broker_url` ou `result_backend`, et les réglages seulement ensuite. C'est commode : la
# production, un test et ce notebook désignent chacun leur broker sans modifier de fichier, et l'adresse, qui contient parfois un mot de passe, reste hors du
# dépôt. Pour un réglage comme `task_acks_late`, `conf` ne regarde pas l'environnement : la valeur reste `False`.
#
# Mais l'environnement cache aussi des erreurs. Voici encore une fois le projet au mauvais espace de noms, avec ces variables dans son environnement :

# %% id="hidden-mistake"
code = "from myproject import celery_app as app; print(app.conf.broker_url)"
hidden = lesson.shell(code, patch="wrong_namespace", broker=True).strip()

print(hidden)
assert hidden == lesson.broker_url

# %% [markdown] id="hidden-mistake-after" lang="en"
# The mistake is still there, and nothing shows it: wherever the variables are exported, all works. It comes out on the first machine where they are not. To
# judge `settings.py`, look at `conf` in an environment without these variables, as the first half of this notebook does.

# %% [markdown] id="hidden-mistake-after" lang="fr"
# L'erreur est toujours là, et rien ne la montre : partout où les variables sont exportées, tout marche. Elle se révèle sur la première machine où elles ne le
# sont pas. Pour juger `settings.py`, regardez `conf` dans un environnement sans ces variables, comme le fait la première moitié de ce notebook.

# %% [markdown] id="ping" lang="en"
# ## Does the broker answer?
#
# Before you suspect Celery, ask the broker. `PING` is the question. The cell puts it twice: with nothing but a socket, and with redis-py, the client that
# Celery itself uses.

# %% [markdown] id="ping" lang="fr"
# ## Le broker répond-il ?
#
# Avant de soupçonner Celery, interrogez le broker. La question s'appelle `PING`. La cellule la pose deux fois : avec une simple socket, puis avec redis-py, le
# client que Celery utilise lui-même.

# %% id="ping-broker"
import socket
from urllib.parse import urlsplit

import redis

store = redis.Redis.from_url(lesson.broker_url)
address = urlsplit(lesson.broker_url)
with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
    connection.sendall(b"PING\r\n")
    answer = connection.recv(100)

print(store.ping(), answer)
assert store.ping() is True
assert answer == b"+PONG\r\n"

# %% [markdown] id="first" lang="en"
# ## The first result
#
# The broker runs, and no worker does. Send `debug_task` all the same, and look at what waits in the broker.

# %% [markdown] id="first" lang="fr"
# ## Le premier résultat
#
# Le broker tourne ; il n'y a encore aucun worker. Envoyez tout de même `debug_task`, et regardez ce qui attend dans le broker.

# %% id="send"
from myproject.celery import debug_task

result = debug_task.delay()
waiting = lesson.queue()

print(result.state)
assert result.state == "PENDING"
assert [message["id"] for message in waiting] == [result.id]
waiting

# %% [markdown] id="send-after" lang="en"
# `delay` needs no worker: the broker holds the message until one comes. `PENDING` says that nothing is known of this id. Celery says the same of an id that
# nobody has ever issued:

# %% [markdown] id="send-after" lang="fr"
# `delay` n'a pas besoin de worker : le broker garde le message jusqu'à ce qu'il en vienne un. `PENDING` veut dire qu'on ne sait rien de cet identifiant. Celery
# répond la même chose pour un identifiant que personne n'a jamais attribué :

# %% id="unknown"
unknown = celery_app.AsyncResult("nobody-sent-this")

assert unknown.state == "PENDING"
unknown.state

# %% [markdown] id="worker" lang="en"
# Now start a worker; it is ready after two or three seconds. The message has waited for it, so the task may be over when `lesson.watch` begins to look. Each
# state comes with the seconds since then.

# %% [markdown] id="worker" lang="fr"
# Démarrez maintenant un worker ; il est prêt au bout de deux ou trois secondes. Le message l'attendait : la tâche est peut-être déjà finie quand `lesson.watch`
# commence à regarder. À côté de chaque état figure le nombre de secondes écoulées depuis ce moment.

# %% id="watch"
lesson.start_worker()
life = lesson.watch(result)

assert life.states[-1] == "SUCCESS"
assert "STARTED" not in life.states
assert len(lesson.queue()) == 0

# %% [markdown] id="watch-after" lang="en"
# The message has left the queue, and the task has succeeded. There is no `STARTED`: a worker reports that only with `task_track_started`, which is off, as you
# saw above.
#
# The worker has told of the task in its log. The cell keeps two lines of it, and leaves out the long one that `debug_task` itself prints. What the second ends
# with is the value that the task returned, `None`.

# %% [markdown] id="watch-after" lang="fr"
# Le message a quitté la file, et la tâche a réussi. Pas de `STARTED` : un worker ne le signale qu'avec `task_track_started`, désactivé par défaut, comme vous
# l'avez vu plus haut.
#
# Le journal du worker garde la trace de cette tâche. La cellule en retient deux lignes, et laisse de côté celle, très longue, qu'affiche `debug_task`
# elle-même. La seconde se termine par la valeur que la tâche a renvoyée, `None`.

# %% id="log"
from IPython.utils.capture import capture_output

with capture_output():
    log = lesson.log(until=lambda: lesson.runs()[-1].end)

about = [line for line in log.splitlines() if f"[{result.id}]" in line]
print(*about, sep="\n")
assert len(about) == 2 and "received" in about[0] and "succeeded" in about[1]
assert about[1].endswith(": None") and f"'id': '{result.id}'" in log

# %% [markdown] id="store" lang="en"
# ## What the result store holds
#
# `result` holds hardly more than an id; the state comes from the result store, here the same Redis. Look at the key, the JSON under it, and the seconds until
# Redis forgets it.

# %% [markdown] id="store" lang="fr"
# ## Ce que contient le backend de résultats
#
# `result` ne retient guère que l'identifiant ; l'état vient du backend de résultats, ici le même Redis. Regardez la clé, le JSON qu'elle désigne, et dans
# combien de secondes Redis l'oubliera.

# %% id="entry"
import json

key = f"celery-task-meta-{result.id}"
entry = json.loads(store.get(key))

print(store.ttl(key))
assert 24 * 3600 - 600 < store.ttl(key) <= 24 * 3600
assert entry["status"] == "SUCCESS" and entry["result"] is None
entry

# %% [markdown] id="read-back" lang="en"
# `read_back` writes an entry under a new id, which no task has, and returns the `AsyncResult` for it. Give it a copy of the entry above:

# %% [markdown] id="read-back" lang="fr"
# `read_back` écrit une entrée sous un nouvel identifiant, qu'aucune tâche ne porte, et renvoie l'`AsyncResult` correspondant. Donnez-lui une copie de l'entrée
# ci-dessus :

# %% id="read-back-entry"
from uuid import uuid4


def read_back(fake):
    task_id = str(uuid4())
    value = json.dumps({**fake, "task_id": task_id})
    store.set(f"celery-task-meta-{task_id}", value, ex=60)
    return celery_app.AsyncResult(task_id)


print(read_back(entry).state)
assert read_back(entry).state == "SUCCESS" and read_back(entry).get(timeout=1) is None

# %% [markdown] id="turn-forge" lang="en"
# ### Your turn: a result that no worker has written
#
# Change `fake` so that Celery takes it for a task that has succeeded and returned `42`. Then think about who may write into your Redis.

# %% [markdown] id="turn-forge" lang="fr"
# ### À vous : un résultat qu'aucun worker n'a écrit
#
# Modifiez `fake` pour que Celery y voie une tâche qui a réussi et renvoyé `42`. Demandez-vous ensuite qui peut écrire dans votre Redis.

# %% id="forge" tags=["your-turn"]
fake = {**entry, "status": "PENDING", "result": None}

forged = read_back(fake)
check(lambda: forged.state == "SUCCESS" and forged.get(timeout=1) == 42)

# %% id="forge-solution" tags=["solution"]
fake = {**entry, "status": "SUCCESS", "result": 42}

forged = read_back(fake)
check(lambda: forged.state == "SUCCESS" and forged.get(timeout=1) == 42)

# %% [markdown] id="forget" lang="en"
# Last, have the entry of `debug_task` removed, as Redis will do by itself after a day, and ask for its state once more.

# %% [markdown] id="forget" lang="fr"
# Pour finir, supprimez l'entrée de `debug_task`, comme Redis l'aurait fait de lui-même au bout d'un jour, et demandez encore une fois son état.

# %% id="forget-result"
result.forget()

print(result.state)
assert result.state == "PENDING"
assert not store.exists(key)

# %% [markdown] id="end" lang="en"
# A task that succeeded two days ago looks like one that was never sent. What must last longer belongs in your database.
# [Lesson 4](../lessons/04_tasks.md#write-task) goes on with a task of your own.

# %% [markdown] id="end" lang="fr"
# Une tâche réussie avant-hier ressemble à une tâche jamais envoyée. Ce qui doit durer plus longtemps a sa place dans votre base de données. La
# [leçon 4](../lessons/04_tasks.md#write-task) continue avec une tâche bien à vous.
