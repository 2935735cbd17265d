"""`python -m course`, and what `.venv/bin/course` calls."""

from course.cli import main

main()
