# %% [markdown] id="instance" lang="en"
# # 2. The Celery instance: which app is it?
#
# [Lesson 2](../lessons/02_celery_instance.md#celery-instance) creates a Celery application, the *app*, and imports it when Django starts. Here you ask, in
# several processes, which app Celery uses, which tasks it knows, and under which names. A Django app such as `myapp` is something else; it is called by its
# name here.
#
# There is no broker at this stage, and you need none: nothing in this notebook is sent anywhere, and `start=False` starts no worker. Run the cells from top to
# bottom.

# %% [markdown] id="instance" lang="fr"
# # 2. L'instance Celery : laquelle est-ce ?
#
# La [leçon 2](../lessons/02_celery_instance.md#celery-instance) crée une application Celery, l'*app*, et l'importe au démarrage de Django. Ici, vous demandez à
# plusieurs processus quelle app Celery utilise, quelles tâches elle connaît, et sous quels noms. Une application Django comme `myapp` est autre chose ; ce
# notebook la désigne toujours par son nom.
#
# À ce stade, il n'y a pas de broker, et vous n'en avez pas besoin : ce notebook n'envoie rien et, avec `start=False`, aucun worker ne démarre. Exécutez les
# cellules de haut en bas.

# %% id="begin"
from course.notebook import begin, check

lesson = begin("02", start=False)

# %% [markdown] id="current" lang="en"
# ## One line in `__init__.py`
#
# `lesson.shell` runs a few lines in a *new* Python, through `manage.py shell`, in the project of the lesson. With `patch="no_import"` it does so in a copy of
# the project whose `myproject/__init__.py` is [empty again](../lessons/02_celery_instance.md#no-import). `main` is the name in `Celery('…')`. Compare what the
# two print.

# %% [markdown] id="current" lang="fr"
# ## Une ligne dans `__init__.py`
#
# `lesson.shell` exécute quelques lignes dans un *nouveau* processus Python, avec `manage.py shell`, dans le projet de la leçon. Avec `patch="no_import"`, il
# les exécute dans une copie du projet où `myproject/__init__.py` est [de nouveau vide](../lessons/02_celery_instance.md#no-import). `main` est le nom donné à
# `Celery('…')`. Comparez les deux affichages.

# %% id="with-and-without"
ask = "import celery; print(celery.current_app.main)"
imported = lesson.shell(ask).strip()
forgotten = lesson.shell(ask, patch="no_import").strip()

print(imported, forgotten)
assert (imported, forgotten) == ("myproject", "default")

# %% [markdown] id="default-meaning" lang="en"
# `default` is not an error: it is an app that Celery makes up when somebody asks for the current one and there is none. It has read none of your settings.
#
# In lesson 2 that costs nothing yet, since there is nothing to read. So take the project of lesson 4, which has settings and a task `add`, and ask `add` for
# its app and for the broker it would be sent to. `as_uri()` only writes the address down, with `**` where a password would
# be, even if there is none; it does not connect. `amqp://` is the address of RabbitMQ, another broker.

# %% [markdown] id="default-meaning" lang="fr"
# `default` n'est pas une erreur : c'est une app que Celery se fabrique quand on lui demande l'app courante et qu'il n'y en a pas. Elle n'a lu aucun de vos
# réglages.
#
# Dans la leçon 2, c'est encore sans conséquence, puisqu'il n'y a rien à lire. Prenez donc le projet de la leçon 4, qui a des réglages et une tâche `add`.
# Demandez à `add` quelle est son app, et à quel broker irait son message. `as_uri()` se contente de donner l'adresse, sans se connecter, avec `**` à la place
# du mot de passe, même s'il n'y en a pas. Une adresse en `amqp://` est celle de RabbitMQ, un autre broker.

# %% id="default-broker"
ask = "from myapp.tasks import add; print(add.app.main, add.app.connection().as_uri())"
right = lesson.shell(ask, of="04")
wrong = lesson.shell(ask, of="04", patch="no_import")

print(right + wrong)
assert right.split() == ["myproject", "redis://:**@localhost:6379/0"]
assert wrong.split() == ["default", "amqp://guest:**@localhost:5672//"]

# %% [markdown] id="default-broker-after" lang="en"
# Same task, same `settings.py`. Without the import, `add` belongs to `default`, and `add.delay()` would look for RabbitMQ on this machine. The settings are
# right, and nobody reads them.
#
# `at_start` puts one line of Python at the start of a process, in the project with the empty `__init__.py`. It returns the name of the app that is current
# then, and the tasks of it that are not Celery's own. See what it returns for a line that does nothing:

# %% [markdown] id="default-broker-after" lang="fr"
# La tâche est la même, `settings.py` aussi. Sans l'import, `add` appartient à `default`, et `add.delay()` chercherait un serveur RabbitMQ sur cette machine.
# Les réglages sont justes, mais personne ne les lit.
#
# `at_start` exécute une ligne de Python au début d'un processus, dans le projet au `__init__.py` vide, et renvoie le nom de l'app alors courante, suivi des
# tâches de cette app qui ne viennent pas de Celery. Voyez ce qu'elle renvoie pour une ligne qui ne fait rien :


# %% id="at-start"
def at_start(line):
    code = f"""{line}
from celery import current_app as app
print(app.main, *(name for name in app.tasks if not name.startswith("celery.")))
"""
    return lesson.shell(code, patch="no_import").strip().split("\n")[-1]


found = at_start("pass")
print(found)
assert found == "default"

# %% [markdown] id="turn-repair" lang="en"
# ### Your turn: make it right for one process
#
# Your app is in `myproject/celery.py`. Find one line of Python which, at the start of a process, makes it the current app, `debug_task` included. Type the line
# in the place of the three dots.

# %% [markdown] id="turn-repair" lang="fr"
# ### À vous : réparez un seul processus
#
# Votre app est dans `myproject/celery.py`. Trouvez une ligne de Python qui, exécutée au début d'un processus, fait d'elle l'app courante, avec sa tâche `debug_task`.
# Tapez-la à la place des trois points.

# %% id="repair" tags=["your-turn"]
line = "..."

found = at_start(line)
print(found)
check(lambda: found.split() == ["myproject", "myproject.celery.debug_task"])

# %% id="repair-solution" tags=["solution"]
line = "import myproject.celery"

found = at_start(line)
print(found)
check(lambda: found.split() == ["myproject", "myproject.celery.debug_task"])

# %% [markdown] id="turn-repair-after" lang="en"
# An app makes itself the current one when it is created. That is why `celery -A myproject` works without the import in `__init__.py`, and hides that it is
# missing: the command runs `celery.py` by itself. With the import, every process does.

# %% [markdown] id="turn-repair-after" lang="fr"
# Une app devient d'elle-même l'app courante au moment où elle est créée. Voilà pourquoi `celery -A myproject` fonctionne sans l'import dans `__init__.py`, et
# masque son absence : la commande charge `celery.py` de son côté. Avec l'import, tous les processus le chargent.

# %% [markdown] id="threads" lang="en"
# ## The current app, in every thread
#
# From here on you are in the notebook's own Python, which has the project of the lesson at hand. Import the app, and ask for the current one, here and in
# another thread.

# %% [markdown] id="threads" lang="fr"
# ## L'app courante, dans tous les threads
#
# À partir d'ici, vous êtes dans le processus du notebook, qui peut importer le projet de la leçon. Importez l'app, et demandez quelle est l'app courante, ici
# et dans un autre thread (fil d'exécution).

# %% id="other-thread"
from concurrent.futures import ThreadPoolExecutor

import celery

from myproject import celery_app


def elsewhere():
    with ThreadPoolExecutor() as pool:
        return pool.submit(lambda: celery.current_app.main).result()


print(celery.current_app.main, elsewhere())
assert celery.current_app.main == elsewhere() == "myproject"

# %% [markdown] id="other-thread-after" lang="en"
# That is less obvious than it looks. Celery keeps *one current app per thread*: the one that was created there last. A web server often answers in other
# threads than the one that imported your app, and in those no app was created. They use the fallback of the process. That is the first app created while
# `DJANGO_SETTINGS_MODULE` is in the environment, here yours; if there is none, it is the `default` that you know.
#
# `manage.py` sets the variable. The `celery` command does not, and so needs the `os.environ.setdefault(…)` *above* `Celery('myproject')`. Create an app `shop`
# with and without the variable, in the project with the empty `__init__.py`, so that yours is not there first. Compare what the other thread gets:

# %% [markdown] id="other-thread-after" lang="fr"
# Cela n'allait pas de soi. Celery garde *une app courante par thread* : la dernière qui y a été créée. Or un serveur web répond souvent dans d'autres threads
# que celui qui a importé votre app, et aucune app n'y a été créée. Ces threads prennent alors l'app de secours du processus : la première créée pendant que
# `DJANGO_SETTINGS_MODULE` est dans l'environnement, ici la vôtre. À défaut, c'est l'app `default` que vous connaissez.
#
# `manage.py` définit cette variable. La commande `celery` ne le fait pas : d'où `os.environ.setdefault(…)` *au-dessus* de `Celery('myproject')`. Créez une app
# `shop` avec et sans la variable, dans le projet au `__init__.py` vide, pour que la vôtre ne soit pas créée avant elle. Comparez ce qu'obtient l'autre thread :

# %% id="without-variable"
remove = "import os; del os.environ['DJANGO_SETTINGS_MODULE']"
code = """
import celery; from threading import Thread
celery.Celery("shop")
print(celery.current_app.main)
Thread(target=lambda: print(celery.current_app.main)).start()
"""
kept = lesson.shell(code, patch="no_import").split()
removed = lesson.shell(remove + code, patch="no_import").split()

print(kept, removed)
assert kept == ["shop", "shop"] and removed == ["shop", "default"]

# %% [markdown] id="lazy" lang="en"
# ## Nothing is read before it is needed
#
# Django imports `myproject.settings`, so Python runs `myproject/__init__.py` *first*, and with it `celery.py`. When
# `config_from_object('django.conf:settings', …)` is called, `settings.py` has not run yet. Ask the app, in a new Python, whether it has read its settings
# (`configured`) and completed its list of tasks (`finalized`); then use the list, and ask again.

# %% [markdown] id="lazy" lang="fr"
# ## Rien n'est lu avant qu'on en ait besoin
#
# Django importe `myproject.settings` : Python exécute donc *d'abord* `myproject/__init__.py`, et `celery.py` avec lui. Au moment de l'appel à
# `config_from_object('django.conf:settings', …)`, `settings.py` n'a pas encore été exécuté. Demandez à l'app, dans un nouveau processus Python, si elle a lu
# ses réglages (`configured`) et complété sa liste de tâches (`finalized`) ; utilisez ensuite cette liste, et reposez la question.

# %% id="lazy-look"
code = """
from myproject import celery_app
print(celery_app.configured, celery_app.finalized)
len(celery_app.tasks)
print(celery_app.configured, celery_app.finalized)
"""
said = lesson.shell(code)

print(said)
assert said.split() == ["False", "False", "True", "True"]

# %% [markdown] id="lazy-after" lang="en"
# Django had started, and the app had read nothing. `config_from_object` notes *where* the settings are, `@app.task` notes *that* there is a task. Both wait for
# the first use: that is how `celery.py` can run before `settings.py`. Here the list was the first use, and the settings came with it, for each task takes its
# defaults from them.

# %% [markdown] id="lazy-after" lang="fr"
# Django a démarré, et l'app n'a encore rien lu. `config_from_object` note *où* sont les réglages, `@app.task` note *qu'il y a* une tâche. L'un et l'autre
# attendent qu'on en ait besoin : c'est ainsi que `celery.py` peut s'exécuter avant `settings.py`. Ici, il a suffi d'utiliser la liste. Celery
# a lu les réglages du même coup, car chaque tâche y prend ses valeurs par défaut.

# %% [markdown] id="names" lang="en"
# ## A task is a name
#
# Look at the list of tasks: how many come from Celery, and what is the other one called?

# %% [markdown] id="names" lang="fr"
# ## Une tâche, c'est un nom
#
# Regardez la liste des tâches : combien viennent de Celery, et comment s'appelle l'autre ?

# %% id="registry"
names = lesson.shell("from myproject import celery_app; print(*sorted(celery_app.tasks))").split()

own = [name for name in names if not name.startswith("celery.")]
assert own == ["myproject.celery.debug_task"]
names

# %% [markdown] id="registry-after" lang="en"
# `celery.backend_cleanup` clears old results away; `celery.chord`, `celery.group` and the others are the pieces that Celery builds workflows from. Yours has a
# name made of the module and the function, which the next cell takes apart. The name is all that a message says about the code to run: no function travels.

# %% [markdown] id="registry-after" lang="fr"
# `celery.backend_cleanup` efface les vieux résultats ; `celery.chord`, `celery.group` et les autres sont les briques dont Celery se sert pour combiner des
# tâches. Le nom de la vôtre réunit celui du module et celui de la fonction ; la cellule suivante le décompose. Ce nom est tout ce qu'un message dit du code à
# exécuter : la fonction, elle, ne voyage pas.

# %% id="name-parts"
from myproject.celery import debug_task

task = celery_app.tasks[debug_task.name]
print(task.__module__, task.__name__)
assert task == debug_task
assert task.name == f"{task.__module__}.{task.__name__}"

# %% [markdown] id="name-main" lang="en"
# Now make an app in this notebook, and a task. `set_as_current=False` leaves your project's app the current one. `shared=False` keeps the task in this one app;
# without it, Celery gives apps that are created later a copy. A notebook's code has no module with a useful name: Python calls it `__main__`. Look at the name
# that the task gets.

# %% [markdown] id="name-main" lang="fr"
# Créez maintenant une app dans ce notebook, et une tâche. Avec `set_as_current=False`, l'app courante reste celle de votre projet. Avec `shared=False`, la
# tâche reste dans cette seule app ; sinon, Celery en donne un exemplaire aux apps créées plus tard. Le code d'un notebook n'a pas de module au nom parlant :
# pour Python, c'est `__main__`. Regardez le nom que reçoit la tâche.

# %% id="shop"
import os

from celery import Celery

shop = Celery("shop", set_as_current=False)


@shop.task(shared=False)
def where():
    return os.getpid()


print(__name__, where.name)
assert (__name__, where.name) == ("__main__", "shop.where")

# %% [markdown] id="shop-after" lang="en"
# The app's own name has taken the place of `__main__`, so the name in `Celery('…')` is not for people alone. Start a file `shop.py` as a script, and its module
# is `__main__`. A worker imports the same file as `shop`. Both arrive at `shop.where` only because the app is called `shop`.

# %% [markdown] id="shop-after" lang="fr"
# Le nom de l'app a pris la place de `__main__` : le nom donné à `Celery('…')` n'est donc pas qu'une étiquette pour les humains. Si vous lancez un fichier
# `shop.py` comme un script, son module s'appelle `__main__`. Un worker, lui, importe le même fichier sous le nom `shop`. Les deux n'aboutissent à `shop.where`
# que parce que l'app s'appelle `shop`.

# %% [markdown] id="turn-name" lang="en"
# ### Your turn: rename a function, keep the task
#
# A task `shop.ping` is in use, and messages with this name wait in a queue. Somebody renames the function to `pong`. Change the cell so that the function is
# called `pong`, and the task still `shop.ping`. The decorator takes the task's name: `name=`.

# %% [markdown] id="turn-name" lang="fr"
# ### À vous : renommez la fonction, gardez la tâche
#
# Une tâche `shop.ping` est en service, et des messages qui portent ce nom attendent dans une file. Quelqu'un renomme la fonction en `pong`. Modifiez la cellule
# pour que la fonction s'appelle bien `pong`, et la tâche toujours `shop.ping`. Le décorateur prend le nom de la tâche en argument : `name=`.

# %% id="rename" tags=["your-turn"]
other = Celery("shop", set_as_current=False)


@other.task(shared=False)
def pong():
    return "pong"


check(lambda: pong.__name__ == "pong" and pong.name == "shop.ping" and pong.app is other)

# %% id="rename-solution" tags=["solution"]
other = Celery("shop", set_as_current=False)


@other.task(name="shop.ping", shared=False)
def pong():
    return "pong"


check(lambda: pong.__name__ == "pong" and pong.name == "shop.ping" and pong.app is other)

# %% [markdown] id="shared" lang="en"
# ## `@app.task` and `@shared_task`
#
# `where` was made with `@shop.task`, which names its app. `@shared_task`, which every lesson from the fourth on uses, names none. Write such a task into
# `myapp/tasks.py`, where tasks usually live, and import it.

# %% [markdown] id="shared" lang="fr"
# ## `@app.task` et `@shared_task`
#
# `where` a été créée avec `@shop.task`, qui nomme son app. `@shared_task`, que vous emploierez dans toutes les leçons à partir de la quatrième, n'en nomme
# aucune. Écrivez une tâche de cette sorte dans `myapp/tasks.py`, là où se trouvent d'ordinaire les tâches, et importez-la.

# %% id="shared-task"
tasks = lesson.project / "myapp" / "tasks.py"
tasks.write_text("""\
from celery import shared_task

@shared_task
def ping():
    return "pong"
""")

from myapp.tasks import ping

assert ping() == "pong"
ping.name

# %% [markdown] id="two-apps" lang="en"
# Now `shop` is the current app for a moment. Which app do the two tasks find, before and after?

# %% [markdown] id="two-apps" lang="fr"
# `shop` devient maintenant, pour un instant, l'app courante. Quelle app chacune des deux tâches trouve-t-elle, avant et après ?

# %% id="whose"
before = (where.app.main, ping.app.main)
shop.set_current()
after = (where.app.main, ping.app.main)
celery_app.set_current()

print(before, after)
assert before == ("shop", "myproject")
assert after == ("shop", "shop")
assert "myapp.tasks.ping" in shop.tasks and "myapp.tasks.ping" in celery_app.tasks

# %% [markdown] id="whose-after" lang="en"
# `where` stays with the app that it was made with. `ping` looks for the current app *each time it is used*, and every app has its own copy of it. That is why
# an application such as `myapp` can hold tasks without importing your project, and why it all depends on the import in `__init__.py`.
#
# It is also why a project has one app only. A second `Celery(…)`, created later in the same thread, would become the current one, and your shared tasks would
# follow it.

# %% [markdown] id="whose-after" lang="fr"
# `where` reste liée à l'app qui l'a créée. `ping` cherche l'app courante *chaque fois qu'on l'utilise*, et chaque app en a son propre exemplaire. C'est pour
# cela qu'une application comme `myapp` peut contenir des tâches sans rien importer de votre projet, et pour cela aussi que tout repose sur l'import dans
# `__init__.py`.
#
# C'est enfin pour cela qu'un projet n'a qu'une app. Une seconde `Celery(…)`, créée plus tard dans le même thread, deviendrait l'app courante, et vos tâches
# partagées la suivraient.

# %% [markdown] id="discover" lang="en"
# ## Who finds `tasks.py`
#
# `app.autodiscover_tasks()` looks for a `tasks.py` in each application of `INSTALLED_APPS`. Like the rest, it only notes that it is to do so. A worker does it
# when it starts; in another process, `import_default_modules()` does the same. In the project of lesson 4, whose `add` is in `myapp/tasks.py`, see whether the
# app knows it before and after.

# %% [markdown] id="discover" lang="fr"
# ## Qui trouve `tasks.py`
#
# `app.autodiscover_tasks()` cherche un `tasks.py` dans chaque application d'`INSTALLED_APPS`. Comme le reste, cet appel note seulement qu'il faudra le faire.
# Un worker s'en charge à son démarrage ; dans un autre processus, `import_default_modules()` fait de même. Prenez le projet de la leçon 4, dont la tâche `add`
# est dans `myapp/tasks.py`, et regardez si l'app la connaît avant et après.

# %% id="discover-04"
code = """
from myproject import celery_app
print("myapp.tasks.add" in celery_app.tasks)
celery_app.loader.import_default_modules()
print("myapp.tasks.add" in celery_app.tasks)
"""
said = lesson.shell(code, of="04")

print(said)
assert said.split() == ["False", "True"]

# %% [markdown] id="discover-04-after" lang="en"
# So a web process knows only those tasks whose module something has imported, and it needs no others: to send a task, a view imports it. The whole list is
# what a worker prints when it starts, under `[tasks]`.
#
# Now have the app of lesson 2 look for the `tasks.py` that you wrote above, in a new Python. `found_with` adds a line to `settings.py` for that time, here an
# empty one.

# %% [markdown] id="discover-04-after" lang="fr"
# Un processus web ne connaît donc que les tâches dont le module a été importé, et il n'a pas besoin des autres : pour envoyer une tâche, une vue l'importe.
# La liste complète est celle qu'un worker affiche à son démarrage, sous `[tasks]`.
#
# Dans un nouveau processus Python, demandez maintenant à l'app de la leçon 2 de chercher le `tasks.py` que vous avez écrit plus haut. `found_with` ajoute pour
# l'occasion une ligne à `settings.py` ; ici, une ligne vide.


# %% id="discover-02"
look = """
from myproject import celery_app as app
app.loader.import_default_modules()
print(*(name for name in app.tasks if not name.startswith("celery.")))
"""
settings = lesson.project / "myproject" / "settings.py"
original = settings.read_text()


def found_with(line):
    settings.write_text(f"{original}\n{line}\n")
    said = lesson.shell(look)
    settings.write_text(original)
    return said.strip().split("\n")[-1]


found = found_with("")
print(found)
assert found == "myproject.celery.debug_task"

# %% [markdown] id="turn-discover" lang="en"
# ### Your turn: have it found
#
# The file is there, it is correct, and Celery has not seen it, without a word. Something is missing in `settings.py`. Write the line that `found_with` adds at
# its end.

# %% [markdown] id="turn-discover" lang="fr"
# ### À vous : faites trouver le fichier
#
# Le fichier est là, il est correct, et Celery ne l'a pas vu. Rien ne vous en a averti. Il manque quelque chose dans `settings.py`. Écrivez la ligne que
# `found_with` ajoute à la fin de ce fichier.

# %% id="install" tags=["your-turn"]
line = "..."

found = found_with(line)
print(found)
check(lambda: "myapp.tasks.ping" in found.split())

# %% id="install-solution" tags=["solution"]
line = "INSTALLED_APPS += ['myapp']"

found = found_with(line)
print(found)
check(lambda: "myapp.tasks.ping" in found.split())

# %% [markdown] id="call" lang="en"
# ## Call, do not send
#
# What works without a broker? A task called like a function. `debug_task` prints its *request*, which is what Celery knows of this call and has
# nothing to do with HTTP; `where`, from above, returns the id of the process that runs it.

# %% [markdown] id="call" lang="fr"
# ## Appeler, sans envoyer
#
# Qu'est-ce qui marche sans broker ? Une tâche appelée comme une fonction. `debug_task` affiche sa requête (`request`) : ce que Celery sait de cet appel, sans
# rapport avec HTTP. `where`, définie plus haut, renvoie le numéro du processus qui l'exécute.

# %% id="call-debug"
debug_task()

assert where() == os.getpid()

# %% [markdown] id="call-after" lang="en"
# The request is nearly empty: no id, no message, because no message was sent. The process is the notebook's own.
#
# To *send* a task, the app needs a broker, and to hear of it again, a place for results. Look at what it has of either; `AsyncResult(id).get()` asks for the
# result of the task with that id.

# %% [markdown] id="call-after" lang="fr"
# La requête est presque vide : ni identifiant ni message, puisque rien n'a été envoyé. Le processus est celui du notebook.
#
# Pour *envoyer* une tâche, l'app a besoin d'un broker ; pour en avoir des nouvelles, d'un endroit où garder les résultats. Regardez de quoi elle dispose ;
# `AsyncResult(id).get()` demande le résultat de la tâche qui porte cet identifiant.

# %% id="no-broker"
print(celery_app.conf.broker_url, celery_app.connection().as_uri())
assert celery_app.conf.broker_url is None
assert celery_app.connection().as_uri() == "amqp://guest:**@localhost:5672//"

refused = None
try:
    celery_app.AsyncResult("some-id").get(timeout=1)
except NotImplementedError as error:
    refused = str(error).splitlines()[0]
print(refused)
assert refused == "No result backend is configured."

# %% [markdown] id="end" lang="en"
# The app is yours, and it has no settings: it would try RabbitMQ on this machine, and keep no results, as `default` does. So do not call `debug_task.delay()`
# yet. [Lesson 3](../lessons/03_settings.md#write-settings) gives it a broker and a place for results.

# %% [markdown] id="end" lang="fr"
# L'app est bien la vôtre, mais elle n'a aucun réglage : elle chercherait un serveur RabbitMQ sur cette machine et ne garderait pas les résultats, comme le fait
# `default`. N'appelez donc pas encore `debug_task.delay()`. La [leçon 3](../lessons/03_settings.md#write-settings) lui donne un broker et un endroit où garder
# les résultats.
