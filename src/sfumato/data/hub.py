"""Data sets fetched through Hugging Face `datasets`: known ones, or any repository id."""

from sfumato.data.source import Source
from sfumato.data.stock import Stock
from sfumato.errors import DataError


def known(source: Source) -> Stock:
    """A known set, from its repository."""
    raise DataError(f"{source.name} is not in $SFUMATO_DATA.")
