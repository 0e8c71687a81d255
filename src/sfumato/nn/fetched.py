"""Weights that others published: a file of the hub, from its cache or fetched once."""

from hashlib import file_digest
from pathlib import Path

from sfumato.errors import DataError


def fetched(repository: str, file: str, *, what: str, lacking: str, instead: str) -> Path:
    """The file on disk; `what` is said on stderr where it has to be fetched first.

    What is fetched must have the SHA-256 that the hub states; no more of it is looked at. Raises
    DataError in one line where it cannot be had: `lacking` says whose absence that is, and
    `instead` what would work.
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
        return Path(held)
    message = f"fetching {what} from {repository}"
    Console(stderr=True).print(message, markup=False, soft_wrap=True)
    spoken = hub.get_verbosity()
    hub.set_verbosity_error()  # not a line for every retry: the one below says it all
    try:
        stated = get_hf_file_metadata(hf_hub_url(repository, file), timeout=10).etag
        path = Path(hf_hub_download(repository, file))
    except Exception as error:  # the hub's client raises errors of half a dozen libraries
        raise DataError(
            f"{lacking} not here and cannot be fetched ({type(error).__name__}); connect once, "
            f"{instead}."
        ) from None
    finally:
        hub.set_verbosity(spoken)
    with path.open("rb") as found:
        digest = file_digest(found, "sha256").hexdigest()
    if digest != stated:
        for place in (path.resolve(), path):  # a link of the cache to what was fetched
            place.unlink(missing_ok=True)
        raise DataError(f"{path} has SHA-256 {digest}, not {stated}; it was deleted: try again.")
    return path
