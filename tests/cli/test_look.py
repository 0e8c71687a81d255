"""list and show say what the files say."""

from dataclasses import replace

import pytest

import sfumato
from sfumato import capabilities, parts, registry
from sfumato.recipe import Recipe
from sfumato.schema import Schema


def test_list_names_every_model_with_its_summary_and_interfaces(shell):
    models = shell.answer("list")["models"]
    assert list(models) == sfumato.available()
    assert models["dcgan"] == {
        "summary": sfumato.summary("dcgan"),
        "interfaces": ["Sampler", "Judge"],
        "conditions": [],
    }


def test_list_prints_a_line_for_each_model_and_for_shipped_weights(shell):
    code, out, err = shell.run("list")
    assert (code, err) == (0, "")
    models, shipped = out.split("\n\n")
    assert [line.split()[0] for line in models.splitlines()] == sfumato.available()
    zoo = registry.shipped()
    assert [line.split()[0] for line in shipped.splitlines()[1:]] == list(zoo)
    assert shell.answer("list")["zoo"] == zoo
    for about in zoo.values():
        assert 20 < len(about) < 160
        assert about.endswith(".")


@pytest.mark.parametrize("name", sfumato.available())
def test_tags_read_from_the_file_are_those_of_the_class(name):
    from sfumato import model as contract

    kind = registry.model_class(name)
    signed = [tag for tag in capabilities.VERBS if issubclass(kind, getattr(contract, tag))]
    assert list(capabilities.tags(name)) == signed


@pytest.mark.parametrize("name", sfumato.available())
def test_conditions_read_from_the_file_are_those_of_the_class(name):
    assert capabilities.conditions(name) == getattr(registry.model_class(name), "conditions", ())


def test_what_a_model_can_be_asked_for_is_told(shell, plugins):
    assert shell.answer("list")["models"]["stencil"]["conditions"] == ["label", "attributes"]
    _, out, _ = shell.run("list")
    assert "[Sampler, Judge; asked for label, attributes]" in out
    assert shell.answer("show", "stencil")["conditions"] == ["label", "attributes"]
    assert "asked for   label, attributes" in shell.run("show", "stencil")[1]
    assert "asked for   nothing" in shell.run("show", "dcgan")[1]


def test_show_tells_settings_recipes_and_parameters(shell):
    shown = shell.answer("show", "dcgan")
    assert shown["model"] == "dcgan"
    latent = next(field for field in shown["config"] if field["name"] == "latent")
    about = "Width Z of the noise vector."
    assert latent == {"name": "latent", "type": "int >= 1", "default": 100, "about": about}
    assert shown["recipes"]["smoke"]["model"]["latent"] == 8
    assert shown["recipes"]["smoke"]["data"]["name"] == "digits"
    # the publication's networks, counted without the publication's data
    assert shown["parameters"]["paper"] == {
        "generator": {"trainable": 3_576_707, "total": 3_576_707},
        "discriminator": {"trainable": 2_765_633, "total": 2_765_633},
    }
    assert all(shown["parameters"].values())


def test_show_tells_what_shipped_weights_and_runs_can_be_asked_for(shell, runs):
    found = shell.answer("show", "fader-glyphs")
    assert found["model"] == "fader"
    assert found["attributes"]["bold"] == ["no", "yes"]
    assert found["card"].startswith("# fader-glyphs\n")
    found = shell.answer("show", runs["vae"])
    assert (found["model"], found["interfaces"]) == ("vae", ["Sampler", "Autoencoder"])
    code, out, _ = shell.run("show", "cgan-mnist")
    assert code == 0
    assert "classes     0, 1, 2" in out
    assert "asked for   label" in out
    assert shell.refusal("show", "fader-glyph").startswith("no model named 'fader-glyph'")


def test_show_prints_every_field_and_recipe_for_people(shell):
    _, out, _ = shell.run("show", "vae")
    assert all(f"--model.{name} " in out for name in ("latent", "width", "beta", "lr"))
    assert "smoke: digits; 4 batches of 8" in out
    assert "--model.width 16 --model.latent 4" in out or "--model.latent 4 --model.width 16" in out


def test_an_outline_costs_no_memory_and_counts_like_the_model():
    vae = registry.module("vae")
    recipe = replace(vae.RECIPES["smoke"], model=vae.Config(latent=4, hidden=16, depth=0))
    schema = Schema(shape=(1, 8, 8))
    sketch = parts.outline("vae", recipe, schema)
    assert {weight.device.type for weight in sketch.parameters()} == {"meta"}
    # dense layers: 64-16, 16-2x4; 4-16, 16-64
    assert parts.parameters(sketch) == {
        "encoder": {"trainable": 64 * 16 + 16 + 16 * 8 + 8, "total": 1176},
        "decoder": {"trainable": 4 * 16 + 16 + 16 * 64 + 64, "total": 1168},
    }


def test_memory_grows_with_the_batch_and_never_below_the_weights():
    recipe: Recipe = registry.module("dcgan").RECIPES["smoke"]
    sketch = parts.outline("dcgan", recipe, Schema(shape=(1, 16, 16)))
    weights = 4 * sum(weight.numel() for weight in sketch.parameters())
    one, two = parts.memory(sketch, 8), parts.memory(sketch, 16)
    assert 4 * weights < one < two
    assert two - one == pytest.approx(one - 4 * weights)
