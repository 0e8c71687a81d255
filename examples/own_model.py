"""Train a model of your own: a file in a folder that $SFUMATO_MODELS names is enough."""

import os
import sys
from pathlib import Path

os.environ["SFUMATO_MODELS"] = str(Path(__file__).parent / "models")

import sfumato
from sfumato.io.images import save_grid

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/pixels")

print(sfumato.available(), "—", sfumato.summary("pixels"))
sfumato.train("pixels", data="digits", out=folder, config={"lr": 0.1})
save_grid(sfumato.load(folder).sample(16, seed=0), folder / "pixels.png", zoom=4)
