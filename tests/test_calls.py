"""What the functions of `sfumato` itself do beside their work: check, and leave all as it was."""

import pickle
from collections.abc import Mapping
from inspect import Parameter, signature
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sfumato
from sfumato import cli
from sfumato.calls import checked
from sfumato.errors import ConfigError, DeviceError
from sfumato.models.dcgan import DCGAN, Config
from sfumato.schema import Schema
from sfumato.settings import Count


@checked
def verb(place: str | Path, count: Count = 1, *, at: tuple[int, int] = (0, 0), **asked: object):
    return place, count, at, asked


def test_what_is_none_of_what_the_hint_says_is_one_line():
    for words, said in (
        ({"count": 0}, "count must be int >= 1; got 0."),
        ({"count": "many"}, "count must be int >= 1; got 'many'."),
        ({"count": None}, "count must be int >= 1; got None."),
        ({"at": 5}, "at must be int, int; got 5."),
        ({"at": (1.5, 2)}, "at must be int, int; got (1.5, 2)."),
        ({"place": 3}, "place must be str or Path; got 3."),
        (
            {"place": np.zeros((2, 3))},
            "place must be str or Path; got ndarray of float64 and shape (2, 3).",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            verb(**{"place": "here", **words})
        assert str(caught.value) == said


def test_numbers_and_paths_of_other_libraries_become_pythons():
    class Elsewhere:
        def __fspath__(self):
            return "there"

    found = verb(Elsewhere(), np.int64(3), at=[np.int32(1), 2], label=[7])
    assert found == (Path("there"), 3, (1, 2), {"label": [7]})
    assert type(verb("x", torch.tensor(2))[1]) is int


def test_every_public_function_has_hints_that_can_be_checked():
    image = Image.new("RGB", (8, 8))
    for act, said in (
        (lambda: sfumato.stylize(image, image, masks="mask.png"), "masks must be several of"),
        (lambda: sfumato.traverse("dcgan-digits", "z3"), "axes must be several of str; got 'z3'."),
        (lambda: sfumato.evaluate("dcgan-digits", "digits", metrics="fid"), "metrics must be"),
        (lambda: sfumato.upscale(image, scale=2.5), "scale must be int; got 2.5."),
        (lambda: sfumato.complete(image, tries=0), "tries must be int >= 1 or none; got 0."),
        (lambda: sfumato.edit("fader-glyphs", image, "bold=yes"), "attributes must be a mapping"),
        (lambda: sfumato.train("vae", precision=32), "precision must be str or none; got 32."),
        (lambda: sfumato.scatter("fader-glyphs", count=3), "count must be int >= 10; got 3."),
        (lambda: sfumato.manifold("dcgan-digits", 1), "side must be int >= 2; got 1."),
        (lambda: sfumato.reproduce(seeds=0), "seeds must be int >= 1; got 0."),
        (lambda: sfumato.train("vae", minute=3), "setting --minute; did you mean 'minutes'?"),
    ):
        with pytest.raises(ConfigError) as caught:
            act()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_seed_of_numpy_is_the_seed():
    images = sfumato.sample("dcgan-digits", 2, seed=np.int64(5))
    assert torch.equal(images, sfumato.sample("dcgan-digits", 2, seed=5))


def test_a_model_evaluates_while_it_is_asked_and_is_then_as_it_was():
    model = DCGAN(Config(width=4, latent=8), Schema(shape=(1, 16, 16)))
    still = sfumato.sample(model.eval(), 3)
    model.train()
    model.discriminator.eval()
    held = {name: value.clone() for name, value in model.state_dict().items()}
    assert torch.equal(sfumato.sample(model, 3), still)
    assert model.training
    assert not model.discriminator.training
    assert all(torch.equal(value, held[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("several", [list, tuple])
def test_models_among_others_are_as_they_were_too(several):
    @checked
    def asked(models: list[DCGAN] | tuple[DCGAN, ...]) -> list[bool]:
        return [model.training for model in models]

    models = several(DCGAN(Config(width=4), Schema(shape=(1, 16, 16))) for _ in range(2))
    assert asked(models) == [False, False]
    assert all(model.training for model in models)


def test_the_state_of_torch_is_as_it_was():
    torch.manual_seed(3)
    threads, drawn = torch.get_num_threads(), torch.rand(2)
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    try:
        image = sfumato.upscale(Image.new("RGB", (8, 8), "red"), scale=4)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert image.size == (32, 32)
    assert torch.equal(torch.rand(2), drawn)
    assert torch.get_num_threads() == threads


def test_inference_mode_is_no_obstacle_to_learning(tmp_path):
    torch.manual_seed(4)
    drawn = torch.rand(2)
    torch.manual_seed(4)
    with torch.inference_mode():
        run = sfumato.train("vae", recipe="smoke", out=tmp_path / "run", progress=False)
    assert torch.equal(torch.rand(2), drawn)
    assert sfumato.load(run).config == sfumato.load(run.path).config
    assert sfumato.sample(run, 2).shape[0] == 2


def test_a_film_is_painted_by_a_model_that_evaluates():
    model = DCGAN(Config(width=4, latent=8), Schema(shape=(1, 16, 16)))
    words = {"count": 4, "stops": 2, "frames": 2}
    still = [np.asarray(frame) for frame in sfumato.animate(model.eval(), **words)]
    for frame, seen in zip(sfumato.animate(model.train(), **words), still, strict=True):
        assert np.array_equal(np.asarray(frame), seen)
        assert model.training


def test_what_holds_one_thing_after_another_is_several():
    model = DCGAN(Config(width=4, latent=8), Schema(shape=(1, 16, 16))).eval()
    images = sfumato.interpolate(model, [0, 1, 2], 4)
    assert torch.equal(sfumato.interpolate(model, np.arange(3), 4), images)
    assert torch.equal(sfumato.interpolate(model, iter([0, 1, 2]), 4), images)
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    for _ in range(2):  # it has just been written, and then read
        assert sfumato.upscale(file, method="bicubic").size == (32, 32)


def test_a_file_opened_as_text_is_no_path(tmp_path):
    (tmp_path / "picture.png").write_text("a/b")
    with (tmp_path / "picture.png").open() as file, pytest.raises(ConfigError) as caught:
        sfumato.upscale(file)
    assert str(caught.value) == "picture is a file opened as text; open it with mode 'rb'."


def test_a_model_of_other_numbers_is_refused_before_it_computes():
    model = DCGAN(Config(width=4, latent=8), Schema(shape=(1, 16, 16)))
    for kind in (torch.float16, torch.float64):
        for act in (sfumato.sample, lambda one: sfumato.compare([one], "digits")):
            with pytest.raises(ConfigError) as caught:
                act(model.to(kind))
            assert str(caught.value) == f"DCGAN computes in {kind}; say .float() of it first."


def test_no_number_is_without_end():
    with pytest.raises(ConfigError, match=r"^noise must be float >= 0; got inf\.$"):
        sfumato.arithmetic("dcgan-digits", "1", noise=float("inf"))


def test_compare_takes_what_evaluate_takes():
    with pytest.raises(ConfigError, match=r"^compare takes no sead; did you mean 'seed'\?"):
        sfumato.compare(["dcgan-digits"], "digits", sead=1)


def test_names_and_values_stay_a_mapping():
    """Else what is not said would be the default and not what the method takes."""

    @checked
    def act(choices: Config | Mapping[str, object] | None = None):
        return choices

    given = {"width": 8, "nothing": 1}
    assert act(given) is given


def test_functions_are_found_where_they_say_they_are():
    assert pickle.loads(pickle.dumps(sfumato.load)) is sfumato.load
    assert sfumato.load.__doc__ == sfumato.load.__wrapped__.__doc__


def test_a_model_that_reads_is_no_file():
    model = sfumato.load("infogan-mnist")
    assert torch.equal(sfumato.sample(model, 2), sfumato.sample("infogan-mnist", 2))


IMAGE = Image.new("RGB", (16, 16), "red")
PLACED = {
    "animate": lambda **words: sfumato.animate("dcgan-digits", **words),
    "arithmetic": lambda **words: sfumato.arithmetic("dcgan-digits", "1,2 - 3", **words),
    "augment": lambda **words: sfumato.augment("cgan-mnist", "nowhere", "mnist", **words),
    "blend": lambda **words: sfumato.blend(IMAGE, IMAGE, IMAGE, method="gp-gan", **words),
    "classify": lambda **words: sfumato.classify("lenet5-digits", IMAGE, **words),
    "compare": lambda **words: sfumato.compare(["lenet5-digits"], "digits", **words),
    "complete": lambda **words: sfumato.complete(IMAGE, HALF, method="dcgan-digits", **words),
    "compress": lambda **words: sfumato.compress(IMAGE, **words),
    "decompress": lambda **words: sfumato.decompress(b"no .sfu file", **words),
    "edit": lambda **words: sfumato.edit("fader-glyphs", IMAGE, {"bold": "yes"}, **words),
    "evaluate": lambda **words: sfumato.evaluate("lenet5-digits", "digits", **words),
    "interpolate": lambda **words: sfumato.interpolate("dcgan-digits", **words),
    "manifold": lambda **words: sfumato.manifold("dcgan-digits", **words),
    "reconstruct": lambda **words: sfumato.reconstruct("fader-glyphs", IMAGE, **words),
    "relabel": lambda **words: sfumato.relabel("fader-glyphs", IMAGE, **words),
    "restore": lambda **words: sfumato.restore(IMAGE, **words),
    "sample": lambda **words: sfumato.sample("dcgan-digits", 2, **words),
    "scatter": lambda **words: sfumato.scatter("fader-glyphs", "glyphs", **words),
    "search": lambda **words: sfumato.search("lenet5-digits", IMAGE, "digits", **words),
    "stylize": lambda **words: sfumato.stylize(IMAGE, IMAGE, **words),
    "texture": lambda **words: sfumato.texture(IMAGE, **words),
    "translate": lambda **words: sfumato.translate(IMAGE, method="srresnet-jpeg", **words),
    "traverse": lambda **words: sfumato.traverse("dcgan-digits", **words),
    "upscale": lambda **words: sfumato.upscale(IMAGE, **words),
}
"""What reads a place, to be told how."""
HALF = Image.new("L", (16, 16))
HALF.paste(255, (4, 4, 8, 8))


def test_every_verb_that_takes_a_device_takes_one_from_python_too():
    verbs = cli._parser()[1].choices
    placed = {name for name in verbs if "--device" in verbs[name]._option_string_actions}
    assert placed - {"train", "export"} == PLACED.keys()
    for name in PLACED.keys() - {"compare"}:  # whose settings are those of evaluate
        device = signature(getattr(sfumato, name)).parameters["device"]
        assert (device.kind, device.default) == (Parameter.KEYWORD_ONLY, "cpu")


@pytest.mark.parametrize("name", PLACED)
def test_a_place_is_read_to_the_device_that_is_asked_for(name):
    with pytest.raises(DeviceError, match=r"^--device nowhere is not here; this machine has"):
        PLACED[name](device="nowhere")


def test_a_model_that_is_handed_over_stays_where_it_is():
    model = sfumato.load("dcgan-digits")
    here = sfumato.sample(model, 2)
    assert torch.equal(sfumato.sample(model, 2, device="nowhere"), here)
