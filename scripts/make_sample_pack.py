"""Puts what a training made where the product has it: `mini`'s directory, and the adapters of the sample pack.

`python -m scripts.make_sample_pack TRAINED`, where TRAINED holds `mini/` and `loras/`. Everything there is read by the
product's own readers before anything is copied, so that nothing half trained or half written gets in.
"""

import shutil
import sys
from pathlib import Path

from kilnmark.client.cli.demo.exhibits import TRAINED
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.files.weights import read_weights
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import judge

__all__ = ["MODEL", "PACKS", "VARIANT", "keep"]

ROOT = Path(__file__).parent.parent
PACKS = ROOT / "genre_packs"
MODEL = ROOT / "daemon" / "kilnmark" / "models" / "mini"
VARIANT = "mini"


def keep(trained: Path, packs: Path = PACKS, model: Path = MODEL) -> list[Path]:
    """Copy the model and its adapters over what is there.

    Args:
        trained: The folder of a training.
        packs: The folder of packs.
        model: Where the model's directory goes.

    Returns:
        Everything that was written.

    Raises:
        WeightsProblem: The directory is not `mini`.
        ValueError: An adapter does not engage whole; it is named, with the reason.
    """
    read_weights(trained / VARIANT).called(VARIANT)
    sources = {name: trained / "loras" / f"{name}.safetensors" for name in TRAINED}
    for source in sources.values():
        judged = judge(evidence(read_adapter(source, load_shapes(VARIANT)), 1.0))
        if judged.verdict is not Verdict.ENGAGED:
            raise ValueError(f"{source} is {judged.verdict.value}: {judged.reason}")
    shutil.rmtree(model, ignore_errors=True)
    shutil.copytree(trained / VARIANT, model)
    goals = {name: packs / file for name, file in TRAINED.items()}
    for name, goal in goals.items():
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sources[name], goal)
    return [*(path for path in sorted(model.rglob("*")) if path.is_file()), *goals.values()]


if __name__ == "__main__":
    for written in keep(Path(sys.argv[1])):
        written.chmod(0o644)
        print(f"{written}: {written.stat().st_size} bytes")
