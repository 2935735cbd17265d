"""`course notebooks`: JupyterLab on the notebooks, in the reader's language."""

from course import catalogue

FOLDER = catalogue.STATE / "jupyter"


def environment() -> dict[str, str]:
    """Variables under which Jupyter reads and writes our folder, not the user's own."""
    return {
        "JUPYTER_CONFIG_DIR": str(FOLDER / "config"),
        "JUPYTER_DATA_DIR": str(FOLDER / "data"),
        "JUPYTER_RUNTIME_DIR": str(FOLDER / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_NO_CONFIG": "",
        "IPYTHONDIR": str(FOLDER / "ipython"),
    }
