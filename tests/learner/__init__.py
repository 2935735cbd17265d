"""The machine learner: follows the built page of a lesson to the letter, in real terminals and
a real browser, from the snapshot before it to its own."""

from .run import Report, follow

__all__ = ["Report", "follow"]
