"""Files of the hub: checked as they come, and not again."""

import hashlib
from types import SimpleNamespace

import pytest

from sfumato.errors import DataError
from sfumato.nn.fetched import fetched

BYTES = b"weights"
DIGEST = hashlib.sha256(BYTES).hexdigest()
OTHER = "0" * 64
WORDS = {"what": "them", "lacking": "they are", "instead": "do without"}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub whose client stores a file by the digest that is `stated`, behind a link."""
    hub = SimpleNamespace(served=BYTES, stated=DIGEST, asked=0, link=tmp_path / "file")

    def held(repository, file):
        return str(hub.link) if hub.link.exists() else None

    def serve(repository, file):
        hub.asked += 1
        (tmp_path / hub.stated).write_bytes(hub.served)
        hub.link.symlink_to(tmp_path / hub.stated)
        return str(hub.link)

    facts = lambda *args, **words: SimpleNamespace(etag=hub.stated)  # noqa: E731
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", held)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", facts)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", serve)
    return hub


@pytest.mark.parametrize("known", [DIGEST, None])
def test_a_file_is_fetched_once(hub, known):
    for _ in range(2):
        assert fetched("me/mine", "file", **WORDS, sha256=known).read_bytes() == BYTES
    assert hub.asked == 1


def test_a_file_that_the_hub_has_changed_is_not_fetched(hub):
    said = f"file of me/mine has SHA-256 {DIGEST} today, not {OTHER}; do without."
    with pytest.raises(DataError) as caught:
        fetched("me/mine", "file", **WORDS, sha256=OTHER)
    assert str(caught.value) == said
    assert hub.asked == 0


@pytest.mark.parametrize("known", [DIGEST, None])
def test_a_file_that_came_damaged_is_deleted(hub, known):
    hub.served = b"weight"
    with pytest.raises(DataError, match=f", not {DIGEST}; it was deleted: try again."):
        fetched("me/mine", "file", **WORDS, sha256=known)
    assert not hub.link.is_symlink()


def test_a_file_of_the_cache_is_the_one_that_is_known(hub):
    """Another program may have fetched it, before or after the hub changed it."""
    fetched("me/mine", "file", **WORDS)
    with pytest.raises(DataError, match=f"file has SHA-256 {DIGEST}, not {OTHER}; delete it"):
        fetched("me/mine", "file", **WORDS, sha256=OTHER)
