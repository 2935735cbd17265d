"""How a notebook is told what does not work: one sentence, no traceback."""


class NotebookError(Exception):
    """Something cannot be done. The message is for the reader, who sees nothing else."""

    def _render_traceback_(self) -> list[str]:
        # Asked by IPython in place of the lines of code that led here.
        return [str(self)]
