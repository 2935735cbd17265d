"""Runs in the learner's interpreter, in a copy of the learner's project.

`python -m course_probe STEP REQUEST ANSWER` does one step (a function in `steps`) and writes what
it saw as JSON. It needs no more than what the lessons install, and takes nothing for granted.
"""
