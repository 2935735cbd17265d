"""`check`: has a learner's own project reached a stage, and if not, why?

`check.py` runs the stages in order (`stages/`, one module each) in a `sandbox.py`: a copy of the
project, with a broker and processes of its own. What has to happen in the learner's own
interpreter is in `inside/`. `told.py` puts a verdict into words, which are in `mistakes/`.
"""
