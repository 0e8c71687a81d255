"""The contract, as a suite: `check_model("mygan")` runs every law that any model must keep.

For the models here it runs because they exist (tests/test_contract.py); a package that brings
its own models runs it on them:

    from sfumato.testing import check_model

    def test_contract():
        check_model("mygan")
"""

from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from sfumato import data as sources
from sfumato import registry, runs
from sfumato.conditions import taken
from sfumato.data.dataset import Batch, Dataset
from sfumato.data.loader import loader
from sfumato.errors import ConfigError, DataError
from sfumato.loop import Loop
from sfumato.model import (
    Autoencoder,
    Classifier,
    Codec,
    Editor,
    Judge,
    Model,
    Sampler,
    Tagger,
    Translator,
)
from sfumato.nn.attributes import encode, width
from sfumato.planning import build, plan
from sfumato.randomness import generator
from sfumato.recipe import Recipe
from sfumato.runs import Run
from sfumato.settings import settings
from sfumato.training import train

Law = Callable[[str], None]


def check_model(name: str) -> None:
    """Run every law on the model `name`; AssertionError says which is broken and by what."""
    for law in LAWS:
        law(name)


def one_step(model: Model, **fields: Tensor) -> None:
    """Train `model` on one batch with these fields, as a run would: for hand-worked steps."""
    _visit(model, [Batch(**fields)])


def law_summary(name: str) -> None:
    """The file's first line is one sentence of 20 to 100 characters."""
    line = registry.summary(name)
    assert 20 <= len(line) <= 100, f"{name}: the summary has {len(line)} characters"
    assert line.endswith("."), f"{name}: the summary is no sentence"


def law_config(name: str) -> None:
    """`Config` is frozen, and every field has a default and a docstring."""
    kind = registry.module(name).Config
    config = kind()
    assert is_dataclass(config)
    for setting in settings(kind):
        assert setting.about, f"{name}: Config.{setting.name} has no docstring"
        try:
            setattr(config, setting.name, None)
        except FrozenInstanceError:
            continue
        raise AssertionError(f"{name}: Config is not frozen")


def law_smoke_differs(name: str) -> None:
    """The smoke recipe's config is unlike the defaults, so that a field nobody reads shows."""
    module = registry.module(name)
    assert "smoke" in module.RECIPES, f"{name} has no smoke recipe"
    assert module.RECIPES["smoke"].model != module.Config(), f"{name}: smoke uses the defaults"


def law_final(name: str) -> None:
    """A model inherits from interfaces alone, so what its file says is all that happens."""
    kind = registry.model_class(name)
    for base in kind.__bases__:
        assert base.__module__ == "sfumato.model", f"{name} inherits from {base.__name__}"


def law_parameters_move(name: str) -> None:
    """Every trainable parameter is changed by training, and none is not a number."""
    recipe = _recipe(name)
    model = build(name, recipe, _data(name))
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    _step_by_hand(model, recipe, weight_decay=0.0)  # which moves what no loss reaches
    for key, weight in model.named_parameters():
        if not weight.requires_grad:
            continue  # frozen
        assert torch.isfinite(weight).all(), f"{name}: {key} is not finite after training"
        assert not torch.equal(weight, before[key]), f"{name}: {key} was never updated"


def law_repeats(name: str) -> None:
    """Training repeats bit for bit from its seed, and differs from another seed."""
    recipe = _recipe(name)
    first, again = _weights_of_smoke(name), _train(name, recipe)
    other = _train(name, replace(recipe, seed=recipe.seed + 1))
    assert _same(first, again), f"{name}: two runs of one seed differ"
    assert not _same(first, other), f"{name}: the seed changes nothing"


def law_fields_are_read(name: str) -> None:
    """A setting that neither learning nor measuring reads is a lie in the help text."""
    recipe, seen = _recipe(name), set()
    plain = recipe.model

    class Watched(type(plain)):  # type: ignore[misc]
        def __getattribute__(self, field: str) -> Any:
            seen.add(field)
            return super().__getattribute__(field)

    model = build(name, replace(recipe, model=Watched(**asdict(plain))), _data(name))
    _step_by_hand(model, recipe)
    named = sources.open(replace(recipe.data, labels=None))  # as held-out images are
    model.eval().measure(named, generator(0, "measure"))
    unread = {field.name for field in fields(plain)} - seen
    assert not unread, f"{name}: nobody reads Config.{', Config.'.join(sorted(unread))}"


def law_bundle(name: str) -> None:
    """A bundle rebuilds the model from its four files, none of them a pickle."""
    model = _model(name)
    with TemporaryDirectory() as folder:
        runs.save_bundle(model, Path(folder) / "bundle")
        twin = runs.load(Path(folder) / "bundle")
        assert sorted(p.name for p in (Path(folder) / "bundle").iterdir()) == sorted(runs.PARTS)
    assert (twin.config, twin.schema) == (model.config, model.schema), (
        f"{name}: the bundle forgets"
    )
    assert _same(twin.state_dict(), model.state_dict()), f"{name}: the bundle changes weights"


def law_outputs(name: str) -> None:
    """Outputs have the declared shape, dtype and range, and repeat; also at weights x 50."""
    model, batch = _model(name).eval(), _data(name).batch(torch.arange(3))
    with torch.no_grad():
        first = _outputs(model, batch)
        for key, value in _outputs(model, batch).items():
            assert torch.equal(value, first[key]), f"{name}: {key} does not repeat in eval mode"
        for weight in model.parameters():
            weight.mul_(50)
        huge = _outputs(model, batch)
    for outputs in (first, huge):
        for key, value in outputs.items():
            assert value.dtype == torch.float32, f"{name}: {key} is {value.dtype}"
            assert len(value) == 3, f"{name}: {key} has {len(value)} rows for 3 images"
            assert torch.isfinite(value).all(), f"{name}: {key} is not finite"
            if key in IMAGES:
                assert value.shape[1:] == model.schema.shape, f"{name}: {key} is {value.shape}"
                assert value.abs().max() <= 1, f"{name}: {key} leaves [-1, 1]"


def law_data_is_checked(name: str) -> None:
    """Data without a field the model needs is refused by the field's name."""
    recipe, data = _recipe(name), _data(name)
    for needed in registry.model_class(name).needs:
        poor = Dataset(
            name="poor",
            schema=data.schema,
            columns={k: v for k, v in data.columns.items() if k != needed},
        )
        if needed == "image":
            continue  # there is no data set without images
        said = ""
        try:
            build(name, recipe, poor)
        except DataError as error:
            said = str(error)
        assert needed in said, f"{name}: data without {needed} is not refused by that name"


def law_fields(name: str) -> None:
    """Training looks at no field of a batch but those of `needs` and `uses`, all it is shown."""
    recipe, data = _recipe(name), _data(name)
    model = build(name, recipe, data)
    seen: set[str] = set()

    class Watched(Batch):
        def __getattribute__(self, field: str) -> Any:
            seen.add(field)
            return super().__getattribute__(field)

    batches = list(loader(data, recipe.batch, 1, recipe.seed))
    _visit(model, [Watched(*batch) for batch in batches])
    more = seen & set(Batch._fields) - {*model.needs, *model.uses}
    assert not more, f"{name}: `uses` must name the fields {more}"


def law_conditions(name: str) -> None:
    """What a sampler can be asked changes its samples; all else is refused by its name."""
    untrained = build(name, _recipe(name), _data(name))
    if not isinstance(untrained, Sampler):
        return
    # a run reads no more of its data than this, so it cannot train before it is right
    lacking = set(untrained.conditions) - set(untrained.needs)
    assert not lacking, f"{name}: needs must name the conditions {lacking}"
    model = _model(name).eval()
    assert isinstance(model, Sampler)
    batch, classes = _data(name).batch(torch.arange(3)), len(model.schema.classes)
    for field, asked in (("label", 0), ("attributes", {"nothing": 0})):
        if field not in model.conditions:
            _refused(model, field, **{field: asked})
    if "label" in model.conditions:
        _refused(model, str(classes), label=classes)
        _refused(model, "-1", label=-1)
        _refused(model, "no such class", label="no such class")
        _differ(model, {"label": 0}, {"label": classes - 1})
    if "attributes" in model.conditions:
        _refused(model, "nothing", attributes={"nothing": 0})
        _differ(
            model,
            {"attributes": {a.name: a.low for a in model.schema.attributes}},
            {"attributes": {a.name: a.high for a in model.schema.attributes}},
        )
    drawn = model.condition(3, generator(0))
    for field in model.conditions:
        want = getattr(batch, field)
        assert (drawn[field].shape, drawn[field].dtype) == (want.shape, want.dtype), (
            f"{name}: condition draws {field} unlike the data's"
        )


def law_codes(name: str) -> None:
    """Columns of the codes that are said to be normal are, and every axis is among the columns."""
    model = _model(name).eval()
    if not isinstance(model, Sampler):
        return
    codes = _codes(model, 2000)
    normal = codes[:, model.normal]
    beyond = float((normal.abs() > 1).double().mean()) if normal.numel() else 0.3173
    assert abs(beyond - 0.3173) < 0.05, (
        f"{name}: {beyond:.1%} of its codes lie beyond 1, of normal ones 31.7 %; set `normal`"
    )
    uniform = codes if model.normal == slice(0) else codes[:, :0]
    if uniform.numel():
        low, high = model.ends
        assert low <= uniform.min() < low + 0.01 * (high - low), (
            f"{name}: set `ends`: codes begin elsewhere"
        )
        assert high - 0.01 * (high - low) < uniform.max() <= high, (
            f"{name}: set `ends`: codes end elsewhere"
        )
    names = [axis.name for axis in model.axes]
    assert len(set(names)) == len(names), f"{name}: two axes share a name"
    for axis in model.axes:
        inside = axis.width >= 1 and 0 <= axis.first <= codes.shape[1] - axis.width
        assert inside, f"{name}: axis {axis.name} leaves the {codes.shape[1]} columns of a code"
        assert axis.low < axis.high, f"{name}: axis {axis.name} goes nowhere"


LAWS: tuple[Law, ...] = (
    law_summary,
    law_config,
    law_smoke_differs,
    law_final,
    law_parameters_move,
    law_repeats,
    law_fields_are_read,
    law_bundle,
    law_outputs,
    law_data_is_checked,
    law_fields,
    law_conditions,
    law_codes,
)
"""Every law, in the order of what they cost."""

IMAGES = ("sample", "painted", "reconstruction", "decompressed", "edited", "translation")
"""Outputs that are pictures."""


def _outputs(model: Model, batch: Batch) -> dict[str, Tensor]:
    """Everything the model's interfaces give for three images."""
    found: dict[str, Tensor] = {}
    if isinstance(model, Sampler):
        found["sample"] = model.sample(3, seed=1)
        given = {field: getattr(batch, field) for field in model.conditions}
        found["painted"] = model.generate(_codes(model, 3), **given).float()
    if isinstance(model, Judge):
        found["verdict"] = model.judge(batch.image, **taken(model.judge, batch))
        found["judge"] = model.features(batch.image, **taken(model.features, batch))
    if isinstance(model, Autoencoder):
        codes = model.encode(batch.image)
        painted = model.decode(codes, **taken(model.decode, batch))
        found |= {"codes": codes, "reconstruction": painted}
    if isinstance(model, Codec):
        files = [model.compress(image, model.qualities) for image in batch.image]
        found["decompressed"] = torch.stack([model.decompress(file) for file in files])
    if isinstance(model, Classifier) and "Classifier" not in model.lacks:
        found |= {"logits": model.logits(batch.image), "features": model.features(batch.image)}
    if isinstance(model, Tagger):
        found |= {"tags": model.tags(batch.image), "seen": model.features(batch.image)}
        wide = width(model.schema)
        assert found["tags"].shape[1] == wide, f"tags have {wide} columns, as encode gives them"
    if isinstance(model, Editor):
        found["edited"] = model.edit(batch.image, encode(batch.attributes, model.schema))
    if isinstance(model, Translator):
        source = batch.image[..., :: model.scale, :: model.scale]
        beside = {"mask": source[:, :1].sign().relu(), "reference": source.flip(0)}
        given = {field: beside[field] for field in model.takes}
        found["translation"] = model.translate(source, **given)
    return found


def _codes(model: Sampler, count: int) -> Tensor:
    """Codes, drawn where the model is."""
    return model.prior(count, generator(1, device=model.device))


def _refused(model: Sampler, word: str, **asked: Any) -> None:
    """Asking for this raises ConfigError, and the message holds `word`."""
    said = ""
    try:
        model.sample(3, seed=1, **asked)
    except ConfigError as error:
        said = str(error)
    assert word in said, f"{type(model).__name__} does not refuse {asked} by name"


def _differ(model: Sampler, one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same codes, asked for one thing and for another, give other images."""
    same = torch.equal(model.sample(3, seed=1, **one), model.sample(3, seed=1, **other))
    assert not same, f"{type(model).__name__} paints {one} and {other} alike"


def _recipe(name: str) -> Recipe:
    return plan(name, recipe="smoke")


@cache
def _data(name: str) -> Dataset:
    return sources.open(_recipe(name).data)


@cache
def _weights_of_smoke(name: str) -> dict[str, Tensor]:
    return _train(name, _recipe(name))


def _train(name: str, recipe: Recipe) -> dict[str, Tensor]:
    """The weights after training the smoke recipe, with another seed where `recipe` has one."""
    with TemporaryDirectory() as folder:
        run = train(
            name,
            recipe="smoke",
            seed=recipe.seed,
            out=Path(folder) / "run",
            progress=False,
            device="cpu",
        )
        return _load(run).state_dict()


def _load(run: Run) -> Model:
    return runs.load(run.path)


def _model(name: str) -> Model:
    model = build(name, _recipe(name), _data(name))
    model.load_state_dict(_weights_of_smoke(name))
    return model


def _step_by_hand(model: Model, recipe: Recipe, **own: float) -> None:
    """A few training steps with the model exactly as given."""
    batches = loader(sources.open(recipe.data), recipe.batch, recipe.steps, recipe.seed)
    _visit(model, batches, **own)


def _visit(model: Model, batches: Iterable[Batch], **own: float) -> None:
    """Train on these batches in PyTorch alone; `own` overrules what is said of parameters."""
    model.train()
    model.loop = Loop(model.configure_optimizers())
    for group in (group for player in model.players for group in player.param_groups):
        group.update(own)
    for index, batch in enumerate(batches, start=model.step):
        model.step = index
        model.training_step(batch, index)


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
