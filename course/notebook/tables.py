"""A list that a notebook shows as a table."""

from collections.abc import Mapping
from html import escape
from typing import Any

from course.messages import say


class Table(list[dict[str, Any]]):
    """Rows with the same columns, under a caption."""

    def __init__(self, caption: str, columns: Mapping[str, str], rows: list[dict[str, Any]]):
        """columns: the heading of each key of a row that is shown, in order."""
        super().__init__(rows)
        self.caption = caption
        self.columns = columns

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(title)}</th>' for title in self.columns.values())
        body = "".join(
            "<tr>"
            + "".join(f"<td><code>{escape(str(row[key]))}</code></td>" for key in self.columns)
            + "</tr>"
            for row in self
        )
        if not self:
            body = f'<tr><td colspan="{len(self.columns)}">{say("table_empty")}</td></tr>'
        return (
            f"<table><caption>{escape(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        lines = [
            ", ".join(f"{title} = {row[key]}" for key, title in self.columns.items())
            for row in self
        ]
        return "\n".join([self.caption, *(lines or [say("table_empty")])])
