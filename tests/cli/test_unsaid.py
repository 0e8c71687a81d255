"""An option that would not be looked at is refused, and nothing is written."""

import pytest
from PIL import Image

HELD = "of held-out images, and pictures are named; leave it out."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("reconstruct VAE a.png -n 3", f"-n is {HELD}"),
        ("reconstruct VAE a.png --seed 0", f"--seed is {HELD}"),
        ("reconstruct VAE a.png --data digits", f"--data is {HELD}"),
        ("interpolate VAE a.png a.png --seeds 0,1", "--seeds is where codes are drawn, and pict"),
        ("traverse VAE a.png --seed 1", "--seed is of an image that is drawn, and a picture is"),
        ("traverse VAE a.png --truncation 1", "--truncation is of an image that is drawn, and a"),
        ("sample VAE --each --columns 2", "--columns is of a grid, and --each writes single"),
        ("arithmetic VAE 3+4 -n 5", "-n is of the sheet of seeds, and a sum is named"),
        ("arithmetic VAE --noise 0.5", "--noise is of a sum, and none is named"),
        ("classify LENET a.png --seed 3", "--seed is for a data set, and pictures are named"),
        ("search VAE a.png --in mine --split train", "--split is of a data set, and of a folder"),
        ("stylize a.png --style a.png --method pass --soften 5", "--soften is of the edges of"),
        ("stylize a.png --style a.png --method gatys --rate 0.1", "--rate is of --optimizer adam"),
        ("texture a.png --rate 0.1", "--rate is of --optimizer adam"),
        ("traverse VAE --data digits", "--data is for the codes of pictures, and none is named"),
    ],
    ids=lambda part: part.partition(";")[0] if isinstance(part, str) else "",
)
def test_it_is_named(shell, runs, words, said):
    Image.new("RGB", (8, 8), "red").save("a.png")
    (shell.folder / "mine").mkdir()
    Image.new("RGB", (8, 8), "blue").save("mine/b.png")
    places = {"VAE": runs["vae"], "LENET": runs["lenet5"]}
    refused = shell.refusal(*(places.get(word, word) for word in words.split()))
    assert refused.startswith(said)
    assert refused.endswith("leave it out.")
    assert {path.name for path in shell.folder.iterdir()} == {"a.png", "mine"}
