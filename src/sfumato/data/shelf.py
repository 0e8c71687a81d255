"""Known data sets that the user keeps in `$SFUMATO_DATA`."""

import os
import re
from pathlib import Path

ALIASES = {
    "mnist": {"mnist"},
    "fashion-mnist": {"fashionmnist"},
    "cifar10": {
        "cifar10",
        "cifar10batchespy",
        "cifar10batchesbin",
        "cifar10python",
        "cifar10binary",
    },
    "celeba": {"celeba", "imgalignceleba"},
}
"""What a folder or archive may be called, small letters and figures only."""


def found(name: str) -> Path | None:
    """The folder or archive in `$SFUMATO_DATA` that holds a known set, however it is spelt."""
    root = os.environ.get("SFUMATO_DATA")
    if not root or not Path(root).is_dir():
        return None
    for path in sorted(Path(root).iterdir()):
        stem = re.sub(r"\.(tar|tgz|zip|tar\.gz)$", "", path.name.lower())
        if re.sub(r"[^a-z0-9]", "", stem) in ALIASES[name]:
            return path
    return None
