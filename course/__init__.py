"""The machinery behind the course: see DESIGN in CONTRIBUTING.md for the parts."""
