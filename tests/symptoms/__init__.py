"""How each symptom of docs/en/symptoms.md comes about: a module for each group of the page.

A function is a symptom: its name is the symptom's id, its argument a Lab to break things in,
and what it returns is the text that came. A Log is read until the symptom has come.
"""
