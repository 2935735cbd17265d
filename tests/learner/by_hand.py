"""Blocks as the built page has them, for pages made by hand."""

import html


def block(language: str, text: str, title: str = "", extra: str = "") -> str:
    """A block of code."""
    name = f'<span class="filename">{title}</span>' if title else ""
    classes = f"language-{language} {extra} highlight"
    return f'<div class="{classes}">{name}<pre><code>{html.escape(text)}</code></pre></div>\n'


def terminal(text: str, title: str = "") -> str:
    """What is typed in a terminal, and what comes back."""
    return block("console", text, title)


def browser(text: str) -> str:
    """A step in the browser."""
    return block("text", text, "Browser", "browser")


def part(*blocks: str) -> str:
    """A part that is undone."""
    return f'<div class="break"><h3 id="break">Break</h3>{"".join(blocks)}</div>'
