# %% [markdown] id="views" lang="en"
# # 5. Views
#
# A view hands work to a worker and answers at once. Here you send it requests: good ones, bad ones, twenty at a time, and some while the broker is away.
# The project is that of [lesson 5](../lessons/05_views.md#view).

# %% [markdown] id="views" lang="fr"
# # 5. Vues
#
# Une vue confie le travail à un worker et répond aussitôt. Ici, vous envoyez à la vue des requêtes, bonnes ou mauvaises, vingt d'un coup, et quelques-unes en
# l'absence du broker. Le projet est celui de la [leçon 5](../lessons/05_views.md#view).

# %% id="begin"
from course.notebook import begin, check

lesson = begin("05", start=False)

# %% [markdown] id="shorter" lang="en"
# `add` waits 10 seconds, and the form has no field to change that. So you edit the copy of the project that this notebook works on: 0.2 seconds will do.
# Then you start the broker. There is no worker yet, on purpose.

# %% [markdown] id="shorter" lang="fr"
# `add` attend 10 secondes, et aucun champ du formulaire ne permet de changer cette durée. Vous modifiez donc la copie du projet dont se sert ce notebook : 0,2
# seconde suffira. Puis vous démarrez le broker. Il n'y a pas encore de worker, et c'est voulu.

# %% id="edit"
tasks = lesson.project / "myapp/tasks.py"
tasks.write_text(tasks.read_text().replace("seconds=10", "seconds=0.2"))
lesson.start_broker()
lesson.prepare_django()

assert "def add(x, y, seconds=0.2)" in tasks.read_text()

# %% [markdown] id="client" lang="en"
# ## A request without a server
#
# Django's test client calls the view in this very process: no web server, no network. The broker is real, though. `SERVER_NAME` is there because the client
# otherwise calls the site `testserver`, which `ALLOWED_HOSTS` does not hold; Django's test runner adds it, and here nobody does.
#
# Look at the status, and remember that no worker is running.

# %% [markdown] id="client" lang="fr"
# ## Une requête sans serveur
#
# Le client de test de Django appelle la vue dans ce processus même : pas de serveur web, pas de réseau. Le broker, lui, est bien réel. Pourquoi `SERVER_NAME` ?
# Sans lui, le client donne au site le nom `testserver`, absent d'`ALLOWED_HOSTS` ; d'habitude, c'est le lanceur de tests de Django qui l'y ajoute.
#
# Regardez le statut, et souvenez-vous qu'aucun worker ne tourne.

# %% id="post"
from django.test import Client

client = Client(SERVER_NAME="localhost")
response = client.post("/add/", {"x": 4, "y": 6})

assert response.status_code == 202
response.json()

# %% [markdown] id="accepted" lang="en"
# 202 means *accepted*: the work is still to be done. All that the view did is put a message into the queue and write a row.

# %% [markdown] id="accepted" lang="fr"
# 202 veut dire *accepté* : le travail reste à faire. La vue a seulement déposé un message dans la file d'attente et écrit une ligne en base.

# %% id="message"
task_id = response.json()["task_id"]
waiting = lesson.queue()

assert [message["id"] for message in waiting] == [task_id]
assert waiting[0]["args"] == [4, 6] and waiting[0]["kwargs"] == {}
waiting

# %% id="row"
from myapp.models import Addition

addition = Addition.objects.get(task_id=task_id)

assert addition.user is None
addition.x, addition.y, addition.user

# %% [markdown] id="worker" lang="en"
# The message says 4 and 6 and nothing about seconds: a default value is not sent. The worker fills it in, from its own `tasks.py`. Start one, and it does what
# has been waiting. `watch` shows its states, each with the seconds since you began to look.

# %% [markdown] id="worker" lang="fr"
# Le message contient 4 et 6, mais pas la durée : une valeur par défaut n'est pas transmise. C'est le worker qui la fournit, d'après son propre `tasks.py`.
# Démarrez-en un : il exécute ce qui attendait. `watch` affiche les états de la tâche, chacun avec le nombre de secondes écoulées depuis que vous regardez.

# %% id="run"
from celery.result import AsyncResult

result = AsyncResult(task_id)
assert result.state == "PENDING"
lesson.start_worker()
life = lesson.watch(result)

assert life.states[-1] == "SUCCESS" and result.get() == 10

# %% [markdown] id="refused" lang="en"
# ## Requests that start nothing
#
# The form decides what is a number. Look at `fields`: it says which field is wrong, and gives the reason as a `code` that a program can read. The line about a
# bad request is Django's own log. The second cell keeps the codes and drops the rest.

# %% [markdown] id="refused" lang="fr"
# ## Des requêtes qui ne lancent rien
#
# C'est le formulaire qui juge si une valeur est un nombre. Regardez `fields` : vous y lisez quel champ est en cause et pourquoi, avec un `code` qu'un programme
# sait lire. La ligne `Bad Request` vient du journal de Django. La seconde cellule ne garde que les codes.

# %% id="bad"
rows = Addition.objects.count()
response = client.post("/add/", {"x": "four", "y": 6})

assert response.status_code == 400
assert Addition.objects.count() == rows
response.json()


# %% id="codes"
def codes(data):
    fields = client.post("/add/", data).json()["fields"]
    return {name: [error["code"] for error in errors] for name, errors in fields.items()}


reasons = codes({"x": "four", "y": 6})

assert reasons == {"x": ["invalid"]}
reasons

# %% [markdown] id="turn-refused" lang="en"
# ### Your turn: two fields, two reasons
#
# Have both fields refused in one request, for different reasons: `x` with the code `max_value`, `y` with the code `required`.

# %% [markdown] id="turn-refused" lang="fr"
# ### À vous : deux champs, deux raisons
#
# Faites refuser les deux champs en une seule requête, pour des raisons différentes : `x` avec le code `max_value`, `y` avec le code `required`.

# %% id="turn-refused-code" tags=["your-turn"]
data = {"x": ..., "y": ...}

check(lambda: codes(data) == {"x": ["max_value"], "y": ["required"]})

# %% id="turn-refused-solution" tags=["solution"]
data = {"x": 1_000_000_001, "y": ""}

check(lambda: codes(data) == {"x": ["max_value"], "y": ["required"]})

# %% [markdown] id="get" lang="en"
# Now put the numbers in the address, as a link would: that is a `GET`, and the view takes `POST` only. `Allow` in the answer says so.

# %% [markdown] id="get" lang="fr"
# Mettez maintenant les nombres dans l'adresse, comme dans un lien : c'est un `GET`, et la vue n'accepte que `POST`. L'en-tête `Allow` de la réponse le dit.

# %% id="visit"
response = client.get("/add/?x=4&y=6")

assert response.status_code == 405
assert Addition.objects.count() == rows
response["Allow"]

# %% [markdown] id="guide" lang="en"
# ## Two views that do it differently
#
# The first is [the view of many setup guides](../lessons/05_views.md#guide-view): it starts a task on any visit. Browsers that load a page ahead say so in a
# header, `Sec-Purpose`. Nobody has clicked yet, and this view does not look.

# %% [markdown] id="guide" lang="fr"
# ## Deux vues qui s'y prennent autrement
#
# La première est [celle de bien des guides de démarrage](../lessons/05_views.md#guide-view) : toute visite lance une tâche. Un navigateur qui précharge une
# page l'annonce dans un en-tête, `Sec-Purpose`. Personne n'a encore cliqué, et cette vue n'en tient pas compte.

# %% id="prefetch"
from django.http import JsonResponse
from django.test import RequestFactory

from myapp.tasks import add

started = []


def guide_view(request):
    started.append(add.delay(4, 6))
    return JsonResponse({"task_id": started[-1].id})


ahead = RequestFactory().get("/add/", headers={"Sec-Purpose": "prefetch"})
for _ in range(3):
    guide_view(ahead)

lives = lesson.watch(started)
assert [life.states[-1] for life in lives] == ["SUCCESS"] * 3

# %% [markdown] id="waiting" lang="en"
# Three tasks have run for nobody. The second view waits for the result, which looks convenient. Look at how long it holds the request.

# %% [markdown] id="waiting" lang="fr"
# Trois tâches se sont exécutées sans que personne ne les ait demandées. La seconde vue attend le résultat, ce qui paraît commode. Regardez combien de temps
# elle retient la requête.

# %% id="get-in-view"
import time


def waiting_view(request):
    return JsonResponse({"sum": add.delay(4, 6).get(timeout=30)})


start = time.monotonic()
waiting_view(RequestFactory().post("/add/"))
held = time.monotonic() - start

assert held >= 0.2
round(held, 2)

# %% [markdown] id="held" lang="en"
# It holds the request for as long as the task takes, plus the wait in the queue. With the lesson's 10 seconds, a server with four processes would serve 24
# visitors a minute at most, and while all four wait, it answers nobody: not even somebody who only wants the home page.

# %% [markdown] id="held" lang="fr"
# Elle retient la requête pendant toute la tâche, à quoi s'ajoute l'attente dans la file. Avec les 10 secondes de la leçon, un serveur à quatre processus
# servirait au plus 24 visiteurs par minute ; et tant que les quatre attendent, il ne répond à personne, pas même à qui ne veut que la page d'accueil.

# %% [markdown] id="http" lang="en"
# ## As a browser does
#
# Now a web server, and requests over HTTP. The first one sends the numbers and nothing else, as a form on somebody else's site could. Look at the status.

# %% [markdown] id="http" lang="fr"
# ## Comme un navigateur
#
# Maintenant, un serveur web et des requêtes HTTP. La première envoie les nombres et rien d'autre, comme pourrait le faire un formulaire placé sur un autre
# site. Regardez le statut.

# %% id="no-token"
import requests

address = lesson.start_web()
response = requests.post(f"{address}add/", {"x": 4, "y": 6})

assert response.status_code == 403
response.status_code, response.reason

# %% [markdown] id="token" lang="en"
# The CSRF token is missing. The test client did not need one: it has the check switched off, unless you ask for `Client(enforce_csrf_checks=True)`.
#
# A browser gets the page first. The token comes with it twice: as a cookie, and in a hidden field of the form. The page's script sends both back.

# %% [markdown] id="token" lang="fr"
# Il manque le jeton CSRF. Le client de test s'en passait : il désactive ce contrôle, à moins que vous n'écriviez `Client(enforce_csrf_checks=True)`.
#
# Un navigateur demande d'abord la page. Le jeton arrive avec elle, deux fois : dans un cookie, et dans un champ caché du formulaire. Le script de la page
# renvoie les deux.

# %% id="with-token"
import re

browser = requests.Session()
hidden = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
token = hidden.search(browser.get(address).text)[1]
another = hidden.search(browser.get(address).text)[1]
response = browser.post(f"{address}add/", {"x": 4, "y": 6, "csrfmiddlewaretoken": token})

assert response.status_code == 202
assert len({browser.cookies["csrftoken"], token, another}) == 3
len(browser.cookies["csrftoken"]), len(token)

# %% [markdown] id="masked" lang="en"
# The two are not even the same text. The cookie holds the secret; the field holds it mixed with a random mask, and the mask itself, so it is twice as long and
# differs on each page. Django undoes the mask before it compares.

# %% [markdown] id="masked" lang="fr"
# Les deux textes diffèrent pourtant. Le cookie contient le secret ; le champ contient ce secret mêlé à un masque aléatoire, et le masque lui-même : il est deux
# fois plus long, et change à chaque page. Django ôte le masque avant de comparer.

# %% [markdown] id="twenty" lang="en"
# ## Twenty requests at once
#
# Ten threads send twenty forms. One worker with two processes has to run them, each for 0.2 seconds. Look at `done`, the tasks that have ended when the last
# visitor has the answer, and at the seconds it took to send all twenty.

# %% [markdown] id="twenty" lang="fr"
# ## Vingt requêtes à la fois
#
# Dix threads envoient vingt formulaires. Un seul worker, à deux processus, exécute les tâches, qui durent chacune 0,2 seconde. Regardez `done`, le nombre de
# tâches terminées quand le dernier visiteur a sa réponse, puis le temps, en secondes, qu'a pris l'envoi des vingt formulaires.

# %% id="send"
from concurrent.futures import ThreadPoolExecutor


def post(x, y):
    form = {"x": x, "y": y, "csrfmiddlewaretoken": token}
    return requests.post(f"{address}add/", form, cookies=browser.cookies)


start = time.monotonic()
with ThreadPoolExecutor(10) as pool:
    responses = list(pool.map(post, range(20), range(20)))
sending = time.monotonic() - start
results = [AsyncResult(response.json()["task_id"]) for response in responses]
done = sum(result.ready() for result in results)

assert [response.status_code for response in responses] == [202] * 20
done, round(sending, 2)

# %% [markdown] id="rows" lang="en"
# The visitors did not wait for their tasks: the first number says how many of the twenty had ended by then. Twenty answers, twenty different ids, twenty rows.
# Watch the worker do the rest.

# %% [markdown] id="rows" lang="fr"
# Les visiteurs n'ont pas attendu leurs tâches : le premier nombre dit combien, sur vingt, étaient alors finies. Vingt réponses, vingt identifiants différents,
# vingt lignes. Regardez le worker faire le reste.

# %% id="watch"
ids = {result.id for result in results}
assert len(ids) == 20
assert Addition.objects.filter(task_id__in=ids).count() == 20

lives = lesson.watch(results)
assert sorted(result.get() for result in results) == list(range(0, 40, 2))

# %% [markdown] id="side-by-side" lang="en"
# All visitors had their answers in less time than the tasks would take one after the other. And two processes share the tasks, which brings the whole down to
# about half.

# %% [markdown] id="side-by-side" lang="fr"
# Tous les visiteurs ont eu leur réponse en moins de temps que n'en prendraient les tâches l'une après l'autre. Et comme deux processus se les partagent, la
# durée totale est à peu près divisée par deux.

# %% id="timeline"
runs = lesson.timeline(results)
together = sum(run.end - run.start for run in runs)

assert len(runs.lanes) == 2
assert runs.seconds < together
assert sending < together
runs


# %% id="rates-right"
# For the check of your turn.
def rates_right(accepted, ran, processes):
    assert abs(accepted * sending - 20) < 1
    assert abs(ran * runs.seconds - 20) < 1
    assert accepted * 0.2 <= processes <= 2 * accepted / ran + 1
    return processes == int(processes)


# %% [markdown] id="turn-rates" lang="en"
# ### Your turn: can the worker keep up?
#
# A view can take requests faster than the worker runs tasks. For a moment, that is what a queue is for; for an hour, it is not. Compute `accepted`, the
# requests per second (`sending` is how long all of them took), and `ran`, the tasks per second (`runs.seconds`, from the first start to the last end). Then
# `processes`: how many processes would the worker need if visitors kept coming at that rate? A whole number: round up.

# %% [markdown] id="turn-rates" lang="fr"
# ### À vous : le worker suit-il ?
#
# Une vue peut accepter les requêtes plus vite que le worker n'exécute les tâches. Pendant un moment, la file d'attente est là pour cela ; pendant une heure,
# non. Calculez `accepted`, le nombre de requêtes par seconde (`sending` est le temps qu'elles ont pris, toutes ensemble), et `ran`, le nombre de tâches par
# seconde (`runs.seconds`, du premier début à la dernière fin). Puis `processes` : combien de processus faudrait-il au worker si les visiteurs continuaient
# d'arriver à ce rythme ? Arrondissez à l'entier supérieur.

# %% id="turn-rates-code" tags=["your-turn"]
accepted = ...
ran = ...
processes = ...

check(lambda: rates_right(accepted, ran, processes))

# %% id="turn-rates-solution" tags=["solution"]
import math

accepted = 20 / sending
ran = 20 / runs.seconds
processes = math.ceil(accepted / (ran / 2))  # two processes ran them

check(lambda: rates_right(accepted, ran, processes))

# %% [markdown] id="silent" lang="en"
# ## An answer that comes too late
#
# From here on, things fail. First you stop the worker, so that messages stay in the queue.

# %% [markdown] id="silent" lang="fr"
# ## Une réponse qui vient trop tard
#
# Place aux pannes. D'abord, vous arrêtez le worker, pour que les messages restent dans la file.

# %% id="stop-worker"
lesson.stop("worker")

# %% [markdown] id="freeze" lang="en"
# Then you freeze the broker: it keeps its connections and says nothing. The view gives up after half a second. 1 + 1 is sent before that, 2 + 2 during. Look at
# what the visitor is told; the lines before that are the logs of the view and of Django.

# %% [markdown] id="freeze" lang="fr"
# Puis vous figez le broker : il garde ses connexions et se tait. La vue renonce au bout d'une demi-seconde. 1 + 1 part avant la panne, 2 + 2 pendant. Regardez
# ce que la vue répond au visiteur ; les lignes qui précèdent viennent des journaux de la vue et de Django.

# %% id="frozen"
import os
import signal

client.post("/add/", {"x": 1, "y": 1})
os.kill(lesson.pid("broker"), signal.SIGSTOP)
start = time.monotonic()
try:
    response = client.post("/add/", {"x": 2, "y": 2})
finally:
    os.kill(lesson.pid("broker"), signal.SIGCONT)

assert time.monotonic() - start >= 0.5
assert response.status_code == 503
response.json()["error"]

# %% [markdown] id="lost" lang="en"
# The visitor is told that it failed, and perhaps presses the button again. What does the queue hold, now that the broker goes on?

# %% [markdown] id="lost" lang="fr"
# Le visiteur apprend que sa demande a échoué, et appuie peut-être de nouveau sur le bouton. Que contient la file, maintenant que le broker fonctionne de
# nouveau ?

# %% id="queued-all-the-same"
waiting = lesson.queue()
lost = [message["id"] for message in waiting if message["args"] == [2, 2]]

assert lost
assert not Addition.objects.filter(task_id__in=lost).exists()
waiting

# %% [markdown] id="all-the-same" lang="en"
# 2 + 2 is queued all the same. The message had waited in the connection, and the broker read it when it went on; only its answer came too late. The view cannot
# tell this from a message that never arrived, so its sentence promises neither. The task will run, and has no row: nobody knows its id. See [Published or
# not](../delivery.md#published-or-not).

# %% [markdown] id="all-the-same" lang="fr"
# 2 + 2 est quand même dans la file. Le message attendait dans la connexion, et le broker l'a lu à son réveil ; seule sa réponse est venue trop tard. Pour la
# vue, rien ne distingue ce cas de celui d'un message jamais arrivé : sa phrase ne promet donc ni l'un ni l'autre. La tâche s'exécutera, mais sans ligne en
# base : personne ne connaît son identifiant. Voyez [Publié ou pas](../delivery.md#published-or-not).

# %% [markdown] id="gone" lang="en"
# ## Quick and slow failures
#
# Now the broker ends for good, and refuses connections. How long until `.delay()` raises? A new Python measures it, in the project of lesson 4, which lacks the
# settings of [this lesson](../lessons/05_views.md#give-up). `of="04"` names that project, and `broker=True` gives it the address of this notebook's broker,
# where nobody answers now. That takes a while: it goes on in the background, and you go on here.

# %% [markdown] id="gone" lang="fr"
# ## Échouer vite, échouer lentement
#
# Cette fois, le broker s'arrête vraiment, et toute connexion est refusée. Combien de temps s'écoule avant que `.delay()` ne lève une exception ? Un autre
# processus Python le mesure, dans le projet de la leçon 4, auquel il manque les réglages de [la leçon 5](../lessons/05_views.md#give-up). `of="04"` désigne ce
# projet, et `broker=True` lui donne l'adresse du broker de ce notebook, où plus personne ne répond. Cela prend un moment : la mesure continue en arrière-plan,
# et vous continuez ici.

# %% id="slow"
lesson.stop("broker")

code = """
import time
from myapp.tasks import add

start = time.monotonic()
try:
    add.delay(4, 6)
except Exception as error:
    seconds = round(time.monotonic() - start, 2)
    print(type(error).__name__, seconds, " ".join(str(error).split()), sep=", ")
"""
background = ThreadPoolExecutor(1)
slow = background.submit(lesson.shell, code, of="04", broker=True)

# %% [markdown] id="quick" lang="en"
# The same code in this lesson's project, meanwhile. Look at the exception, the seconds, and who could not be reached: one server is broker and result store
# here, so both are gone.

# %% [markdown] id="quick" lang="fr"
# Pendant ce temps, exécutez le même code dans le projet de cette leçon. Regardez l'exception, la durée en secondes, et ce que Celery n'a pas pu joindre : ici,
# un même serveur est à la fois broker et backend de résultats ; les deux manquent donc.

# %% id="with-settings"
kind, seconds, text = lesson.shell(code, broker=True).strip().split(", ")
quick = float(seconds)

assert kind == "RuntimeError" and "result store" in text
kind, quick, text

# %% [markdown] id="told" lang="en"
# The view catches this error and answers 503 with its sentence. The web server is the one from before; only the broker is missing. It
# answers sooner than the new Python above: its connections were open already.

# %% [markdown] id="told" lang="fr"
# La vue intercepte cette erreur et répond 503, avec sa phrase. Le serveur web est toujours le même ; seul le broker manque. Ce serveur web répond plus vite que
# le nouveau processus ci-dessus : ses connexions étaient déjà ouvertes.

# %% id="unavailable"
rows = Addition.objects.count()
start = time.monotonic()
response = post(3, 3)
view = time.monotonic() - start

assert response.status_code == 503
assert "may have been queued all the same" in response.json()["error"]
assert Addition.objects.count() == rows
response.status_code, round(view, 2)

# %% [markdown] id="no-result" lang="en"
# Now lesson 4's project again, but the call asks for no result. Which exception is it this time? The two cells after it prepare your turn.

# %% [markdown] id="no-result" lang="fr"
# Revenez au projet de la leçon 4, mais avec un appel qui ne demande pas de résultat. Quelle exception obtenez-vous, cette fois ? Les deux cellules suivantes
# préparent l'exercice.

# %% id="ignore-result"
no_result = code.replace("add.delay(4, 6)", "add.apply_async((4, 6), ignore_result=True)")
kind, seconds, text = lesson.shell(no_result, of="04", broker=True).split(", ")
unasked = float(seconds)

assert kind == "OperationalError"
kind, unasked

# %% id="raised"
raised = []
for options in [{}, {"ignore_result": True}]:
    try:
        add.apply_async((4, 6), **options)
    except Exception as error:
        raised.append(error)

assert len(raised) == 2


# %% id="send-or-none"
from kombu.exceptions import EncodeError


def send(errors, *args, **options):
    try:
        return add.apply_async(args, **options).id
    except errors:
        return None


def right_ones(errors):
    send(errors, 4, 6)
    send(errors, 4, 6, ignore_result=True)
    return all(isinstance(one, errors) for one in raised) and not issubclass(EncodeError, errors)


# %% [markdown] id="turn-errors" lang="en"
# ### Your turn: catch the right errors
#
# `send` is to return `None` when the queue cannot be reached, with a result or without. A programmer's mistake must not pass for that: while the broker runs,
# `send(errors, 4, object())` raises `EncodeError`, as [in lesson 4](../lessons/04_tasks.md#model-instance), and it has to go on doing so. `Exception` would be
# too wide, then. What belongs in `errors`? `OperationalError` comes from `kombu.exceptions`, like `EncodeError`.

# %% [markdown] id="turn-errors" lang="fr"
# ### À vous : interceptez les bonnes erreurs
#
# `send` doit renvoyer `None` quand la file est injoignable, que l'appel demande un résultat ou non. Une erreur de programmation ne doit pas passer pour une
# panne : tant que le broker tourne, `send(errors, 4, object())` lève `EncodeError`, comme [dans la leçon 4](../lessons/04_tasks.md#model-instance), et doit
# continuer à le faire. `Exception` serait donc trop large. Que mettre dans `errors` ? `OperationalError` vient de `kombu.exceptions`, comme `EncodeError`.

# %% id="turn-errors-code" tags=["your-turn"]
errors = ...

check(lambda: right_ones(errors))

# %% id="turn-errors-solution" tags=["solution"]
from kombu.exceptions import OperationalError

errors = (OperationalError, RuntimeError)

check(lambda: right_ones(errors))

# %% [markdown] id="nineteen" lang="en"
# `OperationalError` and `RuntimeError` are the two in `BROKER_ERRORS` of `myapp/tasks.py`. Now back to what has been running in the background. It may take a
# few seconds more.

# %% [markdown] id="nineteen" lang="fr"
# `OperationalError` et `RuntimeError` sont les deux exceptions de `BROKER_ERRORS`, dans `myapp/tasks.py`. Revenez à la mesure en arrière-plan. Elle demande
# peut-être encore quelques secondes.

# %% id="result-store"
kind, seconds, text = slow.result().split(", ")

assert kind == "RuntimeError" and "result store" in text
assert float(seconds) > 15
assert float(seconds) > 3 * max(quick, view, unasked)
float(seconds), unasked, quick

# %% [markdown] id="why" lang="en"
# 19 seconds, and without a result a fraction of that. So the broker is not what takes so long. `.delay()` first subscribes to the result, and by default tries
# twenty times to reach the result store, a second apart. This lesson's [`retry_policy`](../settings.md#retry-policy) leaves it at the first. A visitor of
# lesson 4's project would have waited all this time for the same bad news.

# %% [markdown] id="why" lang="fr"
# 19 secondes, et bien moins sans résultat. Ce n'est donc pas le broker qui prend tout ce temps. `.delay()` s'abonne d'abord au résultat et, par défaut, essaie
# vingt fois de joindre le backend de résultats, à une seconde d'intervalle. Le réglage [`retry_policy`](../settings.md#retry-policy) de cette leçon s'en tient
# au premier essai. Avec le projet de la leçon 4, un visiteur aurait attendu tout ce temps pour la même mauvaise nouvelle.

# %% [markdown] id="back" lang="en"
# ## The broker is back
#
# Start the broker, and leave the web server alone. The error said that the application must be restarted. See whether that is so.

# %% [markdown] id="back" lang="fr"
# ## Le broker est de retour
#
# Démarrez le broker, sans toucher au serveur web. D'après le message d'erreur, il faut redémarrer l'application. Voyez ce qu'il en est.

# %% id="recovered"
lesson.start_broker()
response = post(5, 6)

assert response.status_code == 202
lesson.queue()

# %% [markdown] id="kept" lang="en"
# The view has recovered by itself. The broker keeps its queue in a file, so what waited before it ended is there, too: 2 + 2 among it, which the view did not
# dare to promise. 3 + 3 is not: that one was refused. A worker runs what is left.

# %% [markdown] id="kept" lang="fr"
# La vue fonctionne de nouveau, d'elle-même. Le broker garde sa file dans un fichier : ce qui attendait avant son arrêt est encore là, y compris 2 + 2, que la
# vue n'osait pas promettre. 3 + 3 n'y est pas : celui-là a été refusé. Un worker exécute le reste.

# %% id="run-the-rest"
waiting = lesson.queue()
assert [2, 2] in [message["args"] for message in waiting]
assert [3, 3] not in [message["args"] for message in waiting]

lesson.start_worker()
lives = lesson.watch([AsyncResult(message["id"]) for message in waiting])
assert all(life.states[-1] == "SUCCESS" for life in lives)

# %% [markdown] id="end" lang="en"
# Why was the worker stopped all the while? With this lesson's settings, one that loses the broker with messages in its hands
# [may end](../lessons/05_views.md#slow-failure). Lesson 6 mends that, and shows the visitor the result.

# %% [markdown] id="end" lang="fr"
# Pourquoi avoir laissé le worker à l'arrêt pendant tout ce temps ? Avec les réglages de cette leçon, un worker qui perd le broker alors qu'il détient des
# messages [s'arrête parfois](../lessons/05_views.md#slow-failure). La leçon 6 y remédie, et montre le résultat au visiteur.
