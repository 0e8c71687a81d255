"""Progress on stderr, for people only: into a file or a pipe nothing of it is written."""

from rich.console import Console
from rich.progress import Progress


def bar() -> Progress:
    """A progress bar that goes when it is done, and is not there where nobody looks."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)
