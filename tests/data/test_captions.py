"""Texts to tokens and back."""

from sfumato.data import captions
from sfumato.data.captions import decode, encode, tokenise


def test_words_are_numbered_by_frequency_and_padded_with_nought():
    tokens, vocabulary = tokenise(["A red, red rose!", "the rose", ""])
    assert vocabulary == ("", "red", "rose", "a", "the")
    assert tokens.tolist() == [[3, 1, 1, 2], [4, 2, 0, 0], [0, 0, 0, 0]]
    assert decode(tokens[0].tolist(), vocabulary) == "a red red rose"


def test_rare_words_and_long_texts_are_cut(monkeypatch):
    monkeypatch.setattr(captions, "WORDS", 2)
    monkeypatch.setattr(captions, "LONGEST", 3)
    tokens, vocabulary = tokenise(["b a a c", "a b b b b b"])
    assert vocabulary == ("", "b", "a")
    assert tokens.tolist() == [[1, 2, 2], [2, 1, 1]]


def test_unknown_words_are_dropped():
    assert encode([["x", "b", "y", "c"]], ("", "b", "c"), 3).tolist() == [[1, 2, 0]]


def test_words_of_other_scripts_and_with_apostrophes_are_words():
    _, vocabulary = tokenise(["Émile's été, 花 well-known _x_"])
    assert set(vocabulary) == {"", "émile's", "été", "花", "well-known", "x"}
