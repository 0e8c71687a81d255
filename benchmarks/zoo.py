"""Regenerate a model of the zoo: python benchmarks/zoo.py lenet5-mnist."""

import argparse
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

import sfumato
from sfumato import data, runs
from sfumato.data.source import Source
from sfumato.io.images import save, to_bytes, to_picture
from sfumato.model import Model

ZOO = Path(sfumato.__file__).parent / "zoo"


@dataclass(frozen=True)
class Entry:
    """How one bundle is made, and what may be said of it."""

    model: str
    data: Source | tuple[Source, ...]
    """Several, of one side, are put together."""
    about: str
    licence: str
    config: dict[str, Any] = field(default_factory=dict)
    recipe: str = "laptop"
    changes: dict[str, Any] = field(default_factory=dict)
    share: float = 1.0
    """Of the trained weights in those that ship; the rest are the ones they started from."""
    half: bool = False
    """Whether weights are kept in half precision; what the card says was measured with them so."""


DIGITS = "MNIST (LeCun, Cortes & Burges), CC BY-SA 3.0; these weights: Apache-2.0."
SHARP = Source(name="squares", flip=True)
"""What benchmarks/sharp_squares.py cuts into a folder of that name."""
SHARED = (
    "six photographs that scikit-image and scikit-learn carry (CC0, public domain; danielbuechele "
    "and vultilion, CC BY 2.0), five that are usual in examples (Apache-2.0, CC0), fourteen of "
    "Debian's lomiri-wallpapers (CC0, CC BY 4.0, CC BY-SA 3.0 and 4.0: Aitzol Berasategi, Bolly, "
    "Clements Engelhardt, freespace, Jakkub Mede, Lukas Baubkus, Peter Nerlich, Sander Klootwijk)"
)
SQUARES = (
    ", in squares cut by `python benchmarks/sharp_squares.py squares --side 192 --count {} "
    "--photos FOLDER`; these weights: Apache-2.0."
)
PHOTOS = SHARED + SQUARES.format(6000)
MORE = (
    SHARED + ", eight of its mate-backgrounds (GPL-2+: blackcombwhistler07, Charles Barbin, Hylke "
    "Bons, Jens Ansorg, Lapo Calamandrei, Marco Cogoni, Timothy Schellhase) and eight of its "
    "plasma-workspace-wallpapers (LGPL-3: Dmitri Popov, Ian Hex, Maciej Wiklo, Martin Klapetek, "
    "Risto Saukonpää, Sigi Sagi)" + SQUARES.format("8192 --least 1")
)
MANY_SQUARES = (
    "six photographs that scikit-image and scikit-learn carry (CC0, public domain; danielbuechele "
    "and vultilion, CC BY 2.0), five that are usual in examples (Apache-2.0, CC0), and 149 of "
    "Debian's packages lomiri-wallpapers, mate-backgrounds, plasma-workspace-wallpapers and "
    "gcompris-qt-data, which `python benchmarks/photographs.py FOLDER` gathers with the licence "
    "and the authors of each (CC0, CC BY, CC BY-SA or public domain, but for eight GPL-2+ and "
    "eight LGPL-3; authors below), in squares cut, beside drawn pages, by `python "
    "benchmarks/sharp_squares.py squares --side {} --count {} --least 1 --pages {} --photos FIVE "
    "FOLDER`; these weights: Apache-2.0.\n"
    "- authors: Aaron Logan, Abdulhadi Najjar, Aitzol Berasategi, Alastair Rae, Alessio Sbarbaro, "
    "André Karwath, Andrew Shiva, Arturo de Frias Marques, Bhaskaranaidu, blackcombwhistler07, "
    "Bolly, BS Turner Hof, Chabrez, Charles Barbin, Citron, Clemens Engelhardt, Dan Kamminga, Dan "
    "Mckay, David Brodbeck, David Iliff, Dean Franklin, Derek Keats, Dezertscorpion, Dezidor, "
    "Diego Delso, Diliff, Dirk Ingo Franke, Dmitri Popov, Dmitry G, Dori, Douglas Perkins, Duane "
    "Raver, Ed Bierman, Elarbi alaeddin, Elma, ENERGY.GOV, Evan-Amos, featherboa, Florin "
    "Dumitrescu, Fluffyarse, Francesco Pappalardo, Fvb981, G-Man, Hadal, Hannes Grobe, Hans "
    "Hillewaert, Hao Wei, Harrieta, Hendrix, Hylke Bons, Ian Hex, Imre Solt, Jakub Mede, Jar0d, "
    "J.c.houd, Jdiemer, Jean-Pol Grandmont, Jeff Kubina, Jens Ansorg, Jimmy Engelbrecht, Joadl, "
    "Jón Helgi Jónsson, Kátia Lira, KMJ, Kmanoj, KoS, Kszapsza, Kulmalukko, Laika ac, Lapo "
    "Calamandrei, László Szalai, Lion59, Lolalatorre, Lourdes Cardenal, Luc Viatour, Lukas "
    "Baubkus, M338, Maciej Wiklo, Marco Cogoni, MarlonBSB, Martin Falbisoner, Martin Klapetek, "
    "mattbuck, Mfield, Modeha, Nadya Peek, Necrophorus, Nikunjbhaldoi, Nina, Ondřej Žváček, "
    "OpenCago.info, Pastorius, Peng, Peter Haas, Peter Nerlich, Philippe Guillaume, Pierre Andre "
    "Leclercq, Pink Sherbet Photography, ProjectManhattan, Qurren, Rasbak, Raul654, "
    "Rdglobetrekker, Richard Gifford, Riosolar, Risto Saukonpää, Ryan Hagerty, Sailko, Sander "
    "Klootwijk, Sannse, Shijualex, Shreya13jain, Sigi Sagi, Stan Shebs, Starlight~commonswiki, "
    "suneko, Suricata, Susan G. Detweiler, Tage Olsin, Terry Goss, Timothy Schellhase, Tjcase2, "
    "Trevor (Freespace), Tripy~commonswiki, U.S. Fish and Wildlife Service, U.S. National Oceanic "
    "and Atmospheric Administration, Wolfgang Staudt, Yann, Yearofthedragon"
)
MANY = MANY_SQUARES.format(192, 12288, 768)

SEEN = {"structure": 1.0, "rough": 0.3, "fine": 0.01}
"""Of codecs that keep what is seen from afar."""
SMALL = {"width": 32, "blocks": 6, "lr": 1e-3, "decay_steps": 3_000}
"""SRResNet at full size, where every pixel passes through every layer."""

ENTRIES = {
    "lenet5-mnist": Entry(
        "lenet5",
        Source(name="mnist"),
        "LeNet-5 that names handwritten digits: the feature network and the judge of "
        "*recognisable* for digits.",
        "MNIST (LeCun, Cortes & Burges), CC BY-SA 3.0; these weights: Apache-2.0.",
    ),
    "lenet5-fashion": Entry(
        "lenet5",
        Source(name="fashion-mnist"),
        "LeNet-5 that names pieces of clothing: the feature network and the judge of "
        "*recognisable* for Fashion-MNIST.",
        "Fashion-MNIST (Zalando SE), MIT; these weights: Apache-2.0.",
        # six maps are too few for clothing: 0.896 on the test split
        {"width": 16},
    ),
    "lenet5-digits": Entry(
        "lenet5",
        Source(name="digits", side=28),
        "LeNet-5 that names scikit-learn's handwritten digits, enlarged: the feature network and "
        "the judge of *recognisable* where no file is at hand. MNIST's digits have a margin and "
        "these have none, so `lenet5-mnist` is sure of only 60 % of them.",
        "Optical Recognition of Handwritten Digits (Alpaydin & Kaynak), CC BY 4.0; these weights: "
        "Apache-2.0.",
        {"dropout": 0.3, "decay_steps": 2_000},
        changes={"steps": 2_000, "batch": 64},
    ),
    "tagger-glyphs": Entry(
        "tagger",
        Source(
            name="glyphs", side=32, attributes=("style", "colour", "bold", "paper"), count=60_000
        ),
        "A convolutional network that names style, colour, weight and paper of glyphs: it says "
        "whether what models that learned from them paint is as asked. Several letters and "
        "most figures look alike in the sans and in the typewriter face.",
        "drawn here with the typefaces matplotlib carries (DejaVu, STIX, Computer Modern); these "
        "weights: Apache-2.0.",
    ),
    "fader-glyphs": Entry(
        "fader",
        Source(name="glyphs", side=32, attributes=("bold", "colour"), count=20_000),
        "Fader that sets weight and colour of glyphs: `sfumato edit fader-glyphs letter.png "
        "--attribute bold=+1 --attribute colour=red`. Of other pictures than glyphs it makes "
        "nothing of use.",
        "drawn here with the typefaces matplotlib carries (DejaVu, STIX, Computer Modern); these "
        "weights: Apache-2.0.",
        half=True,
    ),
    "dragan-glyphs": Entry(
        "dragan",
        Source(
            name="glyphs",
            side=32,
            classes=tuple("DGHKMOQUVW"),
            attributes=("style", "colour"),
            count=20_000,
        ),
        "DRAGAN that paints letters in the style and colour asked for: `sfumato sample "
        "dragan-glyphs --attribute colour=green --attribute style=serif`.",
        "drawn here with the typefaces matplotlib carries (DejaVu, STIX, Computer Modern); these "
        "weights: Apache-2.0.",
        half=True,
    ),
    "dcgan-mnist": Entry(
        "dcgan", Source(name="mnist"), "DCGAN that paints MNIST's digits.", DIGITS, half=True
    ),
    "cgan-mnist": Entry(
        "cgan",
        Source(name="mnist"),
        "Conditional GAN that paints the digit it is asked for.",
        DIGITS,
        {"hidden": 256},  # a third of the megabytes, and as readable
        half=True,
    ),
    "infogan-mnist": Entry(
        "infogan",
        Source(name="mnist"),
        "InfoGAN whose category, never told of labels, is the digit; its two codes slant it and "
        "make it broad, each in a mixture of its own.",
        DIGITS,
        {"hidden": 256},
        half=True,
    ),
    "gan-mnist": Entry(
        "gan",
        Source(name="mnist"),
        "The original game, painting handwritten digits: of the GANs here the nearest to MNIST by "
        "Fréchet distance.",
        DIGITS,
        half=True,
    ),
    "frogs-cifar10": Entry(
        "frogs",
        Source(name="cifar10", classes=("frog",), flip=True),
        "GAN of the frogs of CIFAR-10: fur, leaves and legs, seldom a whole frog.",
        "CIFAR-10 (Krizhevsky 2009), free to use with citation; these weights: Apache-2.0.",
        half=True,
    ),
    "srresnet-x4": Entry(
        "srresnet",
        replace(SHARP, patch=96),
        "SRResNet that enlarges photographs four times: what `sfumato upscale` uses. It began "
        "from the weights of that name at commit 6e553a9, which are 18,000 batches of 41 of these "
        "photographs, and is the mean of those weights and what they became (Wang et al. 2018, "
        "https://arxiv.org/abs/1809.00219, section 3.4).",
        MANY,
        {"lr": 6e-4, "decay_steps": 16_000, "turn": True},
        changes={"steps": 16_000, "start": "srresnet-x4"},
        share=0.5,
        half=True,
    ),
    "srresnet-x2": Entry(
        "srresnet",
        replace(SHARP, patch=48),
        "SRResNet that enlarges photographs twice: what `sfumato upscale --scale 2` uses.",
        MANY,
        {"scale": 2, "lr": 1e-3, "decay_steps": 10_000, "turn": True},
        changes={"steps": 10_000},
        half=True,
    ),
    "srgan-x4": Entry(
        "srgan",
        replace(SHARP, patch=96),
        "SRGAN that enlarges photographs four times, sharper and less exact than `srresnet-x4`, "
        "from which it starts: `sfumato upscale --method srgan`. Its painter's weights are 0.8 "
        "times those of the run and 0.2 times those it started from (Wang et al. 2018, "
        "https://arxiv.org/abs/1809.00219, section 3.4), which takes noise away. In an earlier "
        "run the perceptual distance was least at 0.9 on 64 held-out squares (0, 0.3 and 0.5 to 1 "
        "in tenths were tried) and at 0.7 on Set5 (0.3, 0.5, 0.7 and 1). It started from the "
        "`srresnet-x4` of commit 6e553a9.",
        MORE,
        share=0.8,
        half=True,
    ),
    "srresnet-jpeg": Entry(
        "srresnet",
        replace(SHARP, crop=96),
        "SRResNet that takes away what JPEG of quality 5 to 50 did: what `sfumato restore` uses. "
        "Squares of 2 x 2 pixels enter as one place, so that it looks 44 pixels far for the price "
        "of a quarter of the places.",
        MANY,
        {
            "scale": 1,
            "worst": 5,
            "best": 50,
            "width": 64,
            "fold": 2,
            "turn": True,
            "lr": 6e-4,
            "decay_steps": 4_500,
        },
        changes={"steps": 4_500, "batch": 4},
        half=True,
    ),
    "srresnet-blur": Entry(
        "srresnet",
        replace(SHARP, crop=96),
        "SRResNet that sharpens what a Gaussian of up to 2 pixels blurred: what `sfumato restore "
        "--from blur` uses.",
        PHOTOS,
        {"scale": 1, "blur": 2.0, **SMALL},
        changes={"steps": 3_000, "batch": 2},
    ),
    "gp_gan-photos": Entry(
        "gp_gan",
        replace(SHARP, side=64),
        "GP-GAN's network, which makes a small pasted picture one: what `sfumato blend --method "
        "gp-gan` uses.",
        PHOTOS,
        changes={"steps": 4_000},
        half=True,
    ),
    "dcgan-digits": Entry(
        "dcgan",
        Source(name="digits", side=16),
        "DCGAN that paints handwritten digits: the first picture of `sfumato demo`.",
        "Optical Recognition of Handwritten Digits (Alpaydin & Kaynak), CC BY 4.0; these weights: "
        "Apache-2.0.",
        recipe="demo",
    ),
    "codec-photos": Entry(
        "codec",
        replace(SHARP, side=28),
        "A codec of photographs, in colour and grey: what `sfumato compress` uses. Likeness is "
        "SSIM at two scales while it learns, so that it keeps what is seen from afar.",
        MANY_SQUARES.format(64, 24576, 512),
        {**SEEN, "scales": 3, "decay_steps": 7_000},
        changes={"steps": 7_000, "batch": 16, "precision": "32"},
    ),
    "codec-small": Entry(
        "codec",
        (
            Source(name="cifar10", side=28, flip=True),
            Source(name="fashion-mnist", channels=3, count=30_000, flip=True),
        ),
        "A codec of small pictures, in colour and grey: `sfumato compress --model codec-small`. "
        "It learned from CIFAR-10 scaled to 28 pixels, so that the blocks of the JPEG files it "
        "comes in do not coincide with those of the codec, and from Fashion-MNIST. It began from "
        "the weights of that name at commit aaea49b, which had learned from half as much of "
        "Fashion-MNIST, and coded four fifths of it as if it were in colour.",
        "CIFAR-10 (Krizhevsky 2009), free to use with citation; Fashion-MNIST (Zalando SE), MIT; "
        "these weights: Apache-2.0.",
        {**SEEN, "scales": 2, "lr": 6e-4, "decay_steps": 6_000},
        changes={"steps": 6_000, "start": "codec-small", "precision": "32"},
    ),
}


def make(
    name: str, seed: int, target: Path, trained: Path | None = None, precision: str | None = None
) -> None:
    """Train, measure on the test split, and write the bundle with its card."""
    entry = ENTRIES[name]
    with tempfile.TemporaryDirectory() as folder:
        run = runs.Run(trained) if trained else train(entry, seed, precision, Path(folder))
        model, recipe = runs.load(run.path), run.recipe()[1]
        if entry.share < 1:
            mix(model, runs.load(recipe.start), entry.share)
        if entry.half:  # and back: measured as it will be loaded
            model.half().float()
        scores = sfumato.evaluate(model, recipe.data, seed=seed)
    rows = "\n".join(f"| {key} | {score} |" for key, score in scores.items())
    card = (
        f"# {name}\n\n{entry.about}\n\n"
        f"- data: {names(entry.data)}, train split, {model.schema.side} pixels\n"
        f"- licence: {entry.licence}\n"
        f"- seed: {seed}; {recipe.steps:,} steps of {recipe.batch} images; "
        f"torch {torch.__version__.partition('+')[0]}, CPU\n"
        f"- made by: `python benchmarks/zoo.py {name} --seed {seed}`\n\n"
        f"| on the test split | |\n|---|---|\n{rows}\n"
    )
    runs.save_bundle(model.half() if entry.half else model, target / name, card)
    print(card)


def mix(model: Model, other: Model, share: float) -> None:
    """Weights of the same name become `share` of the model's and the rest of the other's."""
    own, given = model.state_dict(), other.state_dict()
    both = {name: torch.lerp(given[name], own[name], share) for name in own if name in given}
    model.load_state_dict(both, strict=False)


def train(entry: Entry, seed: int, precision: str | None, folder: Path) -> runs.Run:
    """As a user would."""
    return sfumato.train(
        entry.model,
        data=source(entry.data, folder / "pictures"),
        recipe=entry.recipe,
        config=entry.config,
        seed=seed,
        **(entry.changes | ({"precision": precision} if precision else {})),
        out=folder / "run",
        device="cpu",
    )


def source(wanted: Source | tuple[Source, ...], folder: Path) -> Source:
    """The source itself; several become a folder that holds the pictures of all, in turn."""
    if isinstance(wanted, Source):
        return wanted
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        for number, part in enumerate(wanted):
            stream = data.open(replace(part, split=split))
            share = part.count or len(stream)
            # of test pictures as many of each, so that a measurement of the first is of all
            share = min(share if split == "train" else 500, len(stream))
            for row in range(share):
                picture = to_picture(to_bytes(stream.batch(torch.tensor([row])).image)[0])
                save(picture, folder / split / f"{row:05}-{number}.png")
    return Source(name=str(folder), flip=wanted[0].flip)


def names(wanted: Source | tuple[Source, ...]) -> str:
    """Of the data, in words."""
    parts = (wanted,) if isinstance(wanted, Source) else wanted
    return ", ".join(dict.fromkeys(f"`{part.name}`" for part in parts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="+", choices=[*ENTRIES, "all"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ZOO, help="folder that receives the bundle")
    parser.add_argument("--run", type=Path, help="a finished run of it, instead of a new one")
    parser.add_argument("--precision", help="named, so that it is not timed on a busy machine")
    given = parser.parse_args()
    for wanted in ENTRIES if "all" in given.name else given.name:
        make(wanted, given.seed, given.out, given.run, given.precision)
