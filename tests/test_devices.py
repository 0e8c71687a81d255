"""What learns, paints and measures on the CPU does so on another device, and gives the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from elsewhere import present
from PIL import Image
from torch.nn.functional import conv2d

from sfumato import available, stylize, stylizing, trainer
from sfumato import data as sources
from sfumato.callbacks.card import Card
from sfumato.cli import main
from sfumato.imaging.objective import Style, carried
from sfumato.planning import plan
from sfumato.preset import Preset
from sfumato.randomness import generator
from sfumato.runs import load
from sfumato.stylizing import Tell
from sfumato.testing import _outputs
from sfumato.training import train

FEW = {"iterations": 2, "evaluations": 3}
WAYS = [{"method": "pass"}, *({"method": way, "choices": FEW} for way in ("fast", "gatys"))]
VERBS = """
sample RUNS/dcgan -n 4 --truncation 0.7 -o out.png
animate RUNS/dcgan -n 2 --stops 2 --frames 2 -o out.gif
traverse RUNS/vae --steps 2 -o out.png
arithmetic RUNS/dcgan 1,2-3 -o out.png
reconstruct RUNS/vae -n 2 -o out.png
search RUNS/vae photo.png --in . -o out.png
classify RUNS/lenet5 photo.png
augment dcgan-digits --data digits --labels 20 --ratio 0.5 --named-by lenet5-digits -o augmented
evaluate RUNS/dcgan -n 20 --features lenet5-digits
evaluate RUNS/dcgan -n 20 --probe
export RUNS/dcgan -o out.zip
edit fader-glyphs photo.png --attribute bold=yes -o out.png
decompress out.sfu -o out.png
upscale photo.png -o out.png
complete photo.png --mask mask.png -o out.png
complete grey.png --mask mask.png --method RUNS/dcgan --tries 2 --steps 2 -o out.png
blend photo.png style.png --mask mask.png --method gp-gan -o out.png
stylize photo.png --style style.png --iterations 1 --evaluations 2 -o out.png
stylize walk.gif --style style.png --iterations 1 --evaluations 2 -o out.gif
texture style.png --size 24x20 --iterations 1 --evaluations 2 -o out.png
"""


@pytest.fixture
def elsewhere():
    """The device, while it is there."""
    with present() as name:
        yield name


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of small ones to work in."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    photo = picture(rng, 40, 32)
    photo.save("photo.png")
    photo.convert("L").save("grey.png")
    picture(rng, 44, 36).save("style.png")
    photo.save("walk.gif", save_all=True, append_images=[picture(rng, 40, 32)], duration=100)
    mask = Image.new("L", (40, 32))
    mask.paste(255, (10, 8, 20, 18))
    mask.save("mask.png")


def picture(rng, wide, high):
    small = Image.fromarray(rng.integers(60, 200, (5, 6, 3), dtype=np.uint8))
    return small.resize((wide, high), Image.Resampling.BILINEAR)


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        (lambda here, there: here + there, "same device"),
        (lambda here, there: there @ here, "same device"),
        (lambda here, there: torch.cat([there, here]), "same device"),
        (lambda here, there: conv2d(there[None, None], here[None, None]), "same device"),
        (lambda here, there: there.index_select(0, here[0].long()), "same device"),
        (lambda here, there: there.masked_fill_(here > 0, 0), "same device"),
        (lambda here, there: here[there.long()], "indices should be either on cpu or"),
        (lambda here, there: here.add_(there), "same device"),
        (lambda here, there: there.numpy(), "can't convert elsewhere:0 device type tensor"),
        (lambda here, there: np.asarray(there), "can't convert elsewhere:0 device type tensor"),
        (lambda here, there: torch.rand(2, generator=generator(0, device=there.device)), "'cpu'"),
        (lambda here, there: there.clone().normal_(generator=generator(0)), "'elsewhere'"),
    ],
)
def test_devices_do_not_mix(mix, said, elsewhere):
    here = torch.eye(3)
    with pytest.raises((RuntimeError, TypeError), match=said):
        mix(here, here.to(elsewhere))


def test_what_a_gpu_takes_of_the_cpu_is_taken(elsewhere):
    here, there = torch.arange(4.0), torch.arange(4.0, device=elsewhere)
    for found in (there[here.long()], there * torch.tensor(1.0), there.clone().copy_(here)):
        assert found.device.type == elsewhere
        assert torch.equal(found.cpu(), here)
    assert (there.sum().item(), there.tolist()) == (6.0, here.tolist())


def test_gradients_there_are_the_cpus(elsewhere):
    """Through convolution, a view that is written to, and a gradient of a gradient."""
    found = []
    for device in ("cpu", elsewhere):
        torch.manual_seed(0)
        weight, image = (torch.rand(size).to(device) for size in ((2, 1, 3, 3), (1, 1, 8, 8)))
        weight.requires_grad_()
        maps = conv2d(image, weight).tanh() * 2
        maps[:, 1, 2:4] *= 3
        (slope,) = torch.autograd.grad(maps.square().sum(), weight, create_graph=True)
        slope.square().sum().backward()
        assert weight.grad.device.type == torch.device(device).type
        found.append(weight.grad.cpu())
    assert torch.equal(*found)


FORKS = [
    ("aae", {"task": "unsupervised"}),
    ("aae", {"task": "clusters"}),
    ("aae", {"task": "supervised"}),
    ("vae", {"likelihood": "gaussian", "binarise": False}),
    ("vae", {"layout": "residual"}),
    ("infogan", {"deviation": "fixed"}),
    ("convgan", {"norm": "spectral"}),
    ("pyramid_svm", {"kind": "pyramid"}),
]
"""What the recipe `smoke` leaves out of models whose ways part."""


@pytest.mark.parametrize(("name", "config"), [*((name, {}) for name in available()), *FORKS])
def test_every_model_learns_answers_and_measures_there(
    name, config, elsewhere, tmp_path, monkeypatch
):
    monkeypatch.setattr(Card, "write", lambda card: None)  # plots take longer than all the rest
    few = plan(name, recipe="smoke").data
    source = few if config.get("task") != "supervised" else replace(few, labels=None)
    words = {"recipe": "smoke", "data": source, "config": config, "out": tmp_path / "run"}
    run = train(name, steps=1, progress=False, device=elsewhere, **words)
    batch = sources.open(source).batch(torch.arange(3))
    here, there = load(run.path), load(run.path, elsewhere)
    with torch.no_grad():
        want, found = _outputs(here, batch), _outputs(there, batch.to(elsewhere))
    for key, value in want.items():
        assert torch.allclose(value, found[key].cpu(), atol=1e-5), f"{name}: {key} differs"
    held = sources.open(replace(source, labels=None, count=8))
    for key, score in there.measure(held, generator(0, device=there.device)).items():
        assert np.isfinite(score.value), f"{name}: {key}"


def test_a_run_goes_on_there(elsewhere, tmp_path):
    """With a judge's memory, an average of the weights, and the optimisers' own numbers."""
    words = {"progress": False, "out": tmp_path / "run"}
    train("cyclegan", recipe="smoke", steps=1, device=elsewhere, ema=0.9, **words)
    train("cyclegan", steps=2, resume=True, **words)


@pytest.mark.parametrize(
    "line", VERBS.split("\n")[1:-1], ids=lambda line: line.partition(" -o")[0]
)
def test_verbs_compute_there(line, elsewhere, runs, pictures, capsys):
    if line.startswith("decompress"):
        assert main(["compress", "photo.png", "-o", "out.sfu", "--device", elsewhere]) == 0
    place = runs["dcgan"].removesuffix("/dcgan")
    code = main([*line.replace("RUNS", place).split(), "--device", elsewhere])
    assert code == 0, capsys.readouterr().err


@pytest.mark.parametrize("words", WAYS, ids=lambda words: words["method"])
def test_styles_there_are_the_cpus(words, elsewhere, pictures, monkeypatch):
    """Also with regions, matched colours, noise to begin with and tiles."""
    monkeypatch.setattr(stylizing, "quick_in_half", lambda: False)  # as it is there
    words = {**words, "masks": ["mask.png"], "soften": 2, "colour": "matched"}
    want = stylize("photo.png", "style.png", **words)
    found = stylize("photo.png", "style.png", device=elsewhere, **words)
    assert np.array_equal(np.asarray(want), np.asarray(found))


def test_a_painting_goes_on_there(elsewhere, pictures, monkeypatch):
    """One that was left on the CPU, in two regions, from noise, in tiles and by Adam."""
    monkeypatch.setattr(stylizing, "quick_in_half", lambda: False)
    choices = {"start": "noise", "tile": 32, "optimizer": "adam", **FEW}
    words = {"masks": ["mask.png"] * 2, "method": "gatys", "choices": choices}

    def painted(**more):
        return np.asarray(stylize("photo.png", ["style.png"] * 2, **words, **more))

    def stop(progress):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        painted(keep="steps", tell=Tell(iteration=stop))
    want = painted()
    assert np.array_equal(painted(keep="steps", resume=True, device=elsewhere), want)
    assert np.array_equal(painted(device=elsewhere), want)


def test_styles_that_share_a_region_share_it_there(elsewhere):
    region = torch.rand(1, 1, 4, 4)
    one, two, three = carried(
        [Style(torch.rand(1, 3, 4, 4), region=r) for r in (region, region, None)],
        torch.device(elsewhere),
    )
    assert one.region is two.region
    assert (one.region.device.type, three.region) == (elsewhere, None)


@pytest.mark.parametrize(
    ("device", "devices", "said"),
    [("cpu", 2, ("cpu", 2)), ("cuda", 1, ("cuda", 1)), ("cuda:1", 1, ("cuda", [1]))],
)
def test_a_device_by_number_is_the_one_that_lightning_takes(device, devices, said, monkeypatch):
    """Its own words for the second GPU are an accelerator and a list, not cuda:1."""
    heard = {}
    monkeypatch.setattr(trainer.L.Trainer, "__init__", lambda self, **words: heard.update(words))
    trainer.build_trainer(Preset(device=device, devices=devices), [], [], 1)
    assert (heard["accelerator"], heard["devices"]) == said
