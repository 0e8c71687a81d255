"""Known data sets that the user keeps in `$SFUMATO_DATA`, in the forms they are handed out in."""

import os
import re
from pathlib import Path

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
"""Endings of the archives that are read like folders."""
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
    "facades": {"facades", "cmpfacades", "cmpfacadesbase256x256"},
    "gtsrb": {"gtsrb", "gtsrbtraining", "gtsrbfinaltrainingimages"},
    "anime-faces": {"animefaces"},
}
"""What a folder or archive may be called, small letters and figures only."""
FORMS = {
    "mnist": "train-images-idx3-ubyte.gz and the three files like it",
    "fashion-mnist": "train-images-idx3-ubyte.gz and the three files like it",
    "cifar10": "cifar-10-python.tar.gz",
    "celeba": "img_align_celeba.zip and list_attr_celeba.txt",
    "facades": "an archive with photo/NAME.jpg and label/NAME.png",
    "gtsrb": "the pictures in folders 00 to 42, called TRACK_FRAME",
    "anime-faces": "the pictures and tags.csv (columns file, hair, eyes)",
}
"""What to put there."""


def is_archive(path: str | Path) -> bool:
    """Whether the ending is an archive's."""
    return str(path).lower().endswith(ARCHIVES)


def found(name: str) -> Path | None:
    """The folder or archive in `$SFUMATO_DATA` that holds a known set, however it is spelt."""
    root = os.environ.get("SFUMATO_DATA")
    if name not in ALIASES or not root or not Path(root).is_dir():
        return None
    for path in sorted(Path(root).iterdir()):
        stem = re.sub(r"(\.tar\.gz|\.tar|\.tgz|\.zip)$", "", path.name.lower())
        if re.sub(r"[^a-z0-9]", "", stem) in ALIASES[name]:
            return path
    return None


def wish(name: str) -> str:
    """What the user can do to have a known set here."""
    if os.environ.get("SFUMATO_DATA"):
        return f"put {FORMS[name]} into $SFUMATO_DATA/{name}"
    return f"set $SFUMATO_DATA to a folder and put {FORMS[name]} into its sub-folder {name}"
