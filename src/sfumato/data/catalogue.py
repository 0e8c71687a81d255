"""Every name that data can have, and the module that opens it; imports nothing heavy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One named source."""

    module: str
    """Module of `sfumato.data` with a function `stock(source)`."""
    summary: str
    """One line for people."""
    known: bool = False
    """Looked for in `$SFUMATO_DATA`, then fetched; otherwise it needs no file at all."""


ENTRIES = {
    "digits": Entry("digits", "1,797 real handwritten digits of 8x8, from scikit-learn"),
    "mnist": Entry("mnist", "70,000 handwritten digits, 28x28 grey, 10 classes", known=True),
    "fashion-mnist": Entry(
        "mnist", "70,000 pieces of clothing, 28x28 grey, 10 classes", known=True
    ),
}
"""Name to entry, in the order they are listed."""
