# %% [markdown] id="tasks" lang="en"
# # 4. Tasks
#
# `add` is an ordinary function with `@shared_task` above it. Here you call it in three ways; see also [lesson 4](../lessons/04_tasks.md#write-task).

# %% [markdown] id="tasks" lang="fr"
# # 4. Tâches
#
# `add` est une fonction ordinaire, avec `@shared_task` au-dessus. Vous l'appelez ici de trois façons ; voyez aussi la [leçon 4](../lessons/04_tasks.md#write-task).

# %% id="begin"
from course.notebook import begin, check

lesson = begin("04")

# %% id="import"
from myapp.tasks import add

add.name

# %% id="delay"
result = add.delay(4, 6, seconds=1)
life = lesson.watch(result)

assert life.states[-1] == "SUCCESS"

# %% id="many"
results = [add.delay(n, n, seconds=0.2) for n in range(20)]
lives = lesson.watch(results)

# %% id="timeline"
lesson.timeline(results)

# %% id="queue"
lesson.queue()

# %% id="turn-sum" tags=["your-turn"]
answer = ...

check(lambda: answer == add(4, 6, seconds=0))

# %% id="turn-sum-solution" tags=["solution"]
answer = 10

check(lambda: answer == add(4, 6, seconds=0))
