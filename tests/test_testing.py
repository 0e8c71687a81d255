"""The contract suite passes who keeps the contract, and names what is broken by who does not."""

from pathlib import Path

import pytest

from sfumato.testing import (
    check_model,
    law_codes,
    law_conditions,
    law_fields,
    law_outputs,
    law_parameters_move,
)

STENCIL = Path(__file__).parent / "plugins" / "stencil.py"


@pytest.fixture
def variant(tmp_path, monkeypatch):
    """Write the stencil under another name, with some of its text replaced."""
    monkeypatch.setenv("SFUMATO_MODELS", str(tmp_path))

    def write(name, *changes):
        text = STENCIL.read_text("utf-8")
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        return name

    return write


def test_a_conditional_model_that_keeps_the_contract_passes(plugins):
    check_model("stencil")


@pytest.mark.parametrize(
    ("law", "old", "new", "said"),
    [
        (
            law_conditions,
            "self.letters(label) + marks",
            "self.letters(0 * label) + marks",
            "alike",
        ),
        (law_conditions, "+ marks +", "+ 0 * marks +", "alike"),
        (law_conditions, '("image", "label", "attributes")', '("image",)', "needs must name"),
        (law_codes, "torch.randn(", "torch.rand(", "set `normal`"),
        (law_fields, "rows = (", "batch.caption\n        rows = (", "caption"),
        (law_outputs, "mixed.tanh()", "mixed.sinh()", "leaves|not finite"),
    ],
    ids=["deaf to labels", "deaf to attributes", "needs", "uniform", "fields", "range"],
)
def test_what_breaks_the_contract_is_named(variant, request, law, old, new, said):
    name = variant("broken_" + request.node.callspec.id.replace(" ", "_"), old, new)
    with pytest.raises(AssertionError, match=said):
        law(name)


IDLE = """self.idle = nn.Parameter(torch.ones(pixels))
        self.configure_optimizers = lambda: torch.optim.AdamW(self.parameters(), lr=0.02)
        self.noise ="""


def test_what_only_decays_does_not_learn(variant):
    """A parameter whose slope is 0, which weight decay moves all the same."""
    name = variant("broken_decay", "self.noise =", IDLE, "+ marks +", "+ marks + 0 * self.idle +")
    with pytest.raises(AssertionError, match=r"idle was never updated"):
        law_parameters_move(name)
