"""What the notebooks call: a broker and workers in the background, and looks at what they do.

    from course.notebook import begin, check

    lesson = begin("04")              # a copy of lesson 4, a broker and a worker, all ready
    from myapp.tasks import add       # the copy can be imported

    result = add.delay(4, 6, seconds=1)
    lesson.watch(result)              # its states, as they come
    lesson.queue()                    # the messages that wait
    lesson.log()                      # what the worker has said
    lesson.timeline(results)          # which process ran which task when

All of it ends with the kernel, however that ends.
"""

from course.notebook.faults import NotebookError
from course.notebook.lesson import Lesson, begin
from course.notebook.timeline import draw
from course.notebook.turns import check

__all__ = ("Lesson", "NotebookError", "begin", "check", "draw")
