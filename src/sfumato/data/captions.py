"""Texts as rows of tokens."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

WORDS = 10_000
"""Words a vocabulary keeps: the most frequent."""
LONGEST = 64
"""Tokens a caption keeps: the first."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def tokenise(texts: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Tokens, axes N L, and the vocabulary: small letters, most frequent first, "" for padding."""
    lines = words(texts)
    counts = Counter(word for line in lines for word in line)
    kept = sorted(counts, key=lambda word: (-counts[word], word))[:WORDS]
    vocabulary = ("", *kept)
    length = min(LONGEST, max(map(len, lines), default=0)) or 1
    return encode(lines, vocabulary, length), vocabulary


def words(texts: Sequence[str]) -> list[list[str]]:
    """Each text's words, in small letters."""
    return [_WORD.findall(text.lower()) for text in texts]


def encode(lines: Sequence[Sequence[str]], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Words to tokens, int64 N L; words outside the vocabulary are dropped, the rest is padded."""
    number = {word: token for token, word in enumerate(vocabulary)}
    tokens = np.zeros((len(lines), length), np.int64)
    for row, line in enumerate(lines):
        known = [number[word] for word in line if word in number][:length]
        tokens[row, : len(known)] = known
    return tokens


def decode(tokens: Sequence[int], vocabulary: Sequence[str]) -> str:
    """Tokens back to a text."""
    return " ".join(vocabulary[token] for token in tokens if token)
