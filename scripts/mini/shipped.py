"""Judges the model and the adapters that the product ships, without training anything: `make mini`.

The classifier that judges is kept beside this module, and is judged by drawings first.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scripts.mini.draw.words import STYLES
from scripts.mini.judge import shown
from scripts.mini.ledger import Ledger
from scripts.mini.model.classifier import judge, kept_classifier
from scripts.mini.model.directory import load_tokenizer, read_directory
from scripts.mini.painter import Painter
from scripts.mini.plan import FULL
from scripts.mini.pool import PoolSpec, drawings
from scripts.mini.styles import styled

__all__ = ["CLASSIFIER", "MiniJudged"]

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "daemon" / "kilnmark" / "models" / "mini"
PACKS = ROOT / "genre_packs"
CLASSIFIER = Path(__file__).parent / "kept" / "classifier.safetensors"
PROMPTS = 200
DRAWN = 200


@dataclass(frozen=True, slots=True)
class MiniJudged:
    """What `make mini` finds.

    Args:
        held_out: Share of attributes that are as asked for, of pictures of combinations never drawn.
        styles: Share of pictures without and with an adapter whose style is told right.
        wheel_bytes: Size of the wheel.
        real: Share of attributes that the classifier tells right of drawings it never saw.
        real_style: The same of their styles.
        whole: Share of pictures with every attribute as asked for.
        by_attribute: Share of right ones by attribute.
        by_style: Share of right styles by style.
        prompts: Held-out prompts that were painted.
        styled_prompts: Prompts that were painted in each style.
    """

    held_out: float
    styles: float
    wheel_bytes: int
    real: float
    real_style: float
    whole: float
    by_attribute: Mapping[str, float]
    by_style: Mapping[str, float]
    prompts: int
    styled_prompts: int


def main() -> None:
    """Paint, judge, build the wheel, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    parser.add_argument("--sheets", type=Path, help="a folder for sheets of what was painted (PNG)")
    parser.add_argument("--prompts", type=int, default=PROMPTS, help="held-out prompts to paint")
    parser.add_argument("--uv", default=".uv/bin/uv", help="what builds the wheel")
    asked = parser.parse_args()
    if asked.sheets:
        asked.sheets.mkdir(parents=True, exist_ok=True)
    found = msgspec.json.encode(_judged(asked.prompts, asked.sheets, wheel_bytes(asked.uv)))
    print(found.decode())
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(found) + b"\n")


def wheel_bytes(uv: str) -> int:
    """Size of the wheel that this tree makes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.stat().st_size


def shipped_adapter(name: str, packs: Path = PACKS) -> Path:
    """An adapter's file, wherever in the packs it lies.

    Raises:
        FileNotFoundError: There is none of the name, or more than one.
    """
    found = sorted(packs.rglob(f"{name}.safetensors"))
    if len(found) != 1:
        raise FileNotFoundError(f"{packs}: has {len(found)} files called {name}.safetensors, and not one")
    return found[0]


def _judged(prompts: int, sheets: Path | None, size: int) -> MiniJudged:
    classifier = kept_classifier(CLASSIFIER)
    parts, _ = read_directory(MODEL)
    painter = Painter(parts, load_tokenizer(MODEL))
    made = shown(painter, classifier, prompts, sheets and sheets / "held-out.png")
    adapters = {name: shipped_adapter(name) for name in (*STYLES[1:], "balloon")}
    worn = styled(painter, classifier, adapters, max(2, prompts // 4), sheets and sheets / "styles.png")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder)
        pools = (
            PoolSpec("unseen", DRAWN, held_out=True, seed=FULL.unseen.seed),
            PoolSpec("styled", DRAWN, styles=STYLES, held_out=True, seed=FULL.unseen_styled.seed),
        )
        real, real_styled = (judge(classifier, drawings(kept, pool, Ledger(kept / "spent.json"))) for pool in pools)
    return MiniJudged(
        held_out=made.held_out,
        styles=worn.styles,
        wheel_bytes=size,
        real=real.mean,
        real_style=real_styled.by_attribute["style"],
        whole=made.whole,
        by_attribute={name: share for name, share in made.by_attribute.items() if name != "style"},
        by_style=worn.by_style,
        prompts=made.prompts,
        styled_prompts=worn.prompts,
    )


if __name__ == "__main__":
    main()
