"""A painting put aside in a folder, and taken up again exactly where it was left."""

import json
from hashlib import blake2b
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sfumato.errors import RunError
from sfumato.imaging.descent import Descent
from sfumato.imaging.gatys import Progress
from sfumato.io.files import atomic

FILE = "painting.safetensors"


def mark(*parts: object) -> str:
    """Digest of all that a painting depends on: tensors by their bytes, the rest by its words."""
    state = blake2b(digest_size=16)
    for part in parts:
        plain = part.detach().cpu().contiguous().numpy() if isinstance(part, Tensor) else None
        state.update(repr(part).encode() if plain is None else plain.tobytes())
        state.update(b"|")
    return state.hexdigest()


def put_aside(progress: Progress, folder: Path, of: str) -> None:
    """Write all that going on needs; `of` is the painting's `mark`."""
    descent = progress.descent
    tensors = {"images": descent.images}
    tensors |= {f"step.{n}": step for n, step in enumerate(descent.steps)}
    tensors |= {f"bend.{n}": bend for n, bend in enumerate(descent.bends)}
    if descent.slope is not None:
        tensors["slope"] = descent.slope
    facts = {
        "scale": progress.scale,
        "iteration": progress.iteration,
        "count": descent.count,
        "loss": descent.loss,
        "optimizer": descent.optimizer,
        "rate": descent.rate,
    }
    words = {"facts": json.dumps(facts), "losses": json.dumps(progress.losses), "of": of}
    with atomic(folder / FILE, durable=False) as path:
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        path.write_bytes(save(whole, metadata=words))


def taken_up(folder: Path, of: str, device: str = "cpu") -> Progress:
    """The painting in a folder, to go on with on `device`, wherever it was left.

    Raises RunError where there is none, or one of other pictures.
    """
    path = folder / FILE
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            # copies: what is mapped from a file keeps it from being replaced on Windows
            tensors = {n: file.get_tensor(n).to(device, copy=True) for n in file.keys()}  # noqa: SIM118
        facts, losses = json.loads(words["facts"]), json.loads(words["losses"])
    except FileNotFoundError:
        raise RunError(f"{folder} holds no painting to go on with.") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    if words.get("of") != of:
        raise RunError(
            f"{folder} holds a painting of other pictures or choices: to go on, say the same, "
            "--iterations too, or name another folder."
        )
    count = sum(name.startswith("step.") for name in tensors)
    descent = Descent(
        tensors["images"],
        optimizer=facts["optimizer"],
        rate=facts["rate"],
        steps=[tensors[f"step.{n}"] for n in range(count)],
        bends=[tensors[f"bend.{n}"] for n in range(count)],
        count=facts["count"],
        loss=facts.get("loss"),
        slope=tensors.get("slope"),
    )
    return Progress(descent, facts["scale"], facts["iteration"], losses)
