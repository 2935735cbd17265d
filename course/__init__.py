"""The machinery behind the course; CONTRIBUTING.md says what each module does."""
