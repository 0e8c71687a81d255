"""Weights that others published: a file of the hub, from its cache or fetched once."""

import re
from hashlib import file_digest
from pathlib import Path

from sfumato.errors import DataError


def fetched(
    repository: str,
    file: str,
    *,
    what: str,
    lacking: str,
    instead: str,
    sha256: str | None = None,
) -> Path:
    """The file on disk; `what` is said on stderr where it has to be fetched first.

    What is fetched must have the SHA-256 that the hub states, which must be `sha256` where that is
    known; no more of it is looked at, and of a file of the cache only the digest it was stored by.
    Raises DataError in one line where it cannot be had or is another: `lacking` says whose
    absence that is, and `instead` what would work.
    """
    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )
    from huggingface_hub.utils import logging as hub
    from rich.console import Console

    if isinstance(held := try_to_load_from_cache(repository, file), str):
        if sha256 and (found := _stored_by(Path(held))) not in (None, sha256):
            raise DataError(f"{held} has SHA-256 {found}, not {sha256}; delete it: try again.")
        return Path(held)
    message = f"fetching {what} from {repository}"
    Console(stderr=True).print(message, markup=False, soft_wrap=True)
    spoken = hub.get_verbosity()
    hub.set_verbosity_error()  # not a line for every retry: the one below says it all
    try:
        stated = get_hf_file_metadata(hf_hub_url(repository, file), timeout=10).etag
        # before a byte of it comes: what is in the cache is not looked at again
        if sha256 and stated != sha256:
            raise DataError(
                f"{file} of {repository} has SHA-256 {stated} today, not {sha256}; {instead}."
            )
        path = Path(hf_hub_download(repository, file))
    except DataError:
        raise
    except Exception as error:  # the hub's client raises errors of half a dozen libraries
        raise DataError(
            f"{lacking} not here and cannot be fetched ({type(error).__name__}); connect once, "
            f"{instead}."
        ) from None
    finally:
        hub.set_verbosity(spoken)
    with path.open("rb") as read:
        digest = file_digest(read, "sha256").hexdigest()
    if digest != stated:
        for place in (path.resolve(), path):  # a link of the cache to what was fetched
            place.unlink(missing_ok=True)
        raise DataError(f"{path} has SHA-256 {digest}, not {stated}; it was deleted: try again.")
    return path


def _stored_by(path: Path) -> str | None:
    """The SHA-256 that the hub's client stored a file by: its name behind the cache's link."""
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else None
