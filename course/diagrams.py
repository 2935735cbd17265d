import hashlib
import textwrap


def name(source: str) -> str:
    return hashlib.sha256(textwrap.dedent(source).strip().encode()).hexdigest()[:12] + ".svg"
