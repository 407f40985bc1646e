"""`python -P -m kilnmark.engine.families.flux2.training --config FILE`: mflux-train for FLUX.2-kleins of any size.

mflux-train builds every FLUX.2-klein at the sizes of the published ones. This program reads the same configuration and
writes the same checkpoints, by mflux's own classes for training, around a base as the engine loads it: `mini`, or a
directory of whatever dimensions. What mflux would do silently wrong, or half, is refused before anything is computed.
"""

import argparse
import sys
from collections.abc import Iterator as Iterating
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
from mflux.models.common.training.dataset.batch import DataItem
from mflux.models.common.training.dataset.data_cache import TrainingDataCache
from mflux.models.common.training.dataset.dataset import Dataset
from mflux.models.common.training.dataset.disk_backed_data import DiskBackedData
from mflux.models.common.training.lora.target_injector import inject_lora_targets
from mflux.models.common.training.optimization.optimizer import Optimizer
from mflux.models.common.training.state.training_spec import TrainingSpec
from mflux.models.common.training.state.zip_util import ZipUtil
from mflux.models.common.training.statistics.statistics import Statistics
from mflux.models.common.training.trainer import TrainingTrainer
from mflux.models.common.training.utils import TrainingUtil
from mflux.utils.exceptions import StopTrainingException
from mflux.utils.exif_orientation import oriented_size

from kilnmark.engine.compute import limit_blas
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux2.schooling import KleinSchool, StepsTold, StoppableBatches, WholeCheckpoints, tell
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["TrainingRefused", "main", "train"]

_STOPPED = 130
"""The exit status after a signal that let it write a last checkpoint."""


_SMALL = 50_000_000
"""Numbers of a transformer below which a second thread of the BLAS saves a twelfth of the time where nothing else runs,
takes twice of it where something does, and lets what is learnt differ from one machine to the next."""


class TrainingRefused(KilnmarkError):
    """A training cannot be done as it is configured; the message says what to change."""


def main(arguments: list[str] | None = None) -> int:
    """Train as the command line says.

    Returns:
        The exit status: 1 where it was refused, 130 where a signal ended it behind a last checkpoint.
    """
    parser = argparse.ArgumentParser(prog="python -P -m kilnmark.engine.families.flux2.training", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--config", type=Path, metavar="FILE", help="mflux-train's configuration, JSON")
    which.add_argument("--resume", type=Path, metavar="ZIP", help="a checkpoint, to go on from")
    parser.add_argument("--dry-run", action="store_true", help="only say whether it could begin")
    asked = parser.parse_args(arguments)
    try:
        spec = read_spec(asked.config, asked.resume, makes_folder=not asked.dry_run)
        if not asked.dry_run:
            train(spec)
    except (TrainingRefused, BaseUnavailable) as error:
        sys.stderr.write(f"training was refused: {error}\n")
        return 1
    except StopTrainingException as error:
        tell(str(error))
        return _STOPPED
    return 0


def read_spec(config: Path | None, resume: Path | None, *, makes_folder: bool = True) -> TrainingSpec:
    """What is to be trained, read by mflux.

    Args:
        config: A configuration file. Exactly one of both is given.
        resume: A checkpoint's zip.
        makes_folder: Whether the folder of its checkpoints is made; mflux adds the time to the name of one that exists.

    Raises:
        TrainingRefused: It cannot be read, or says what is not done here.
    """
    try:
        spec = TrainingSpec.resolve(
            str(config) if config else None, str(resume) if resume else None, create_output_dir=makes_folder
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise TrainingRefused(f"{config or resume}: {told}") from error
    for problem in _problems(spec):
        raise TrainingRefused(f"{config or resume}: {problem}")
    return spec


def _problems(spec: TrainingSpec) -> Iterating[str]:
    """What this program does not do as it is told."""
    if spec.is_edit:
        yield "pairs of pictures (_in and _out) are trained by mflux-train alone; give single pictures"
    for target in spec.lora_layers.targets:
        if target.alpha is not None and target.alpha != target.rank:
            yield (
                f"alpha {target.alpha:g} of {target.module_path} would be trained with and stand in no checkpoint, "
                f"so that the adapter is read at another strength; leave it out, or make it the rank, {target.rank}"
            )


def train(spec: TrainingSpec) -> None:
    """Train until the end, or until SIGINT or SIGTERM, after which what was learnt so far is saved.

    StepsTold is told on stdout, a line a step: `step 12 of 300, loss 1.034`.

    Args:
        spec: As `read_spec` gives it.

    Raises:
        BaseUnavailable: Its base cannot be loaded.
        TrainingRefused: A layer or a picture is not as it has to be.
        StopTrainingException: A signal ended it.
    """
    mx.random.seed(spec.seed)
    if spec.cache_limit_gb:
        mx.set_cache_limit(int(spec.cache_limit_gb * 1e9))
    school = KleinSchool(*_base(spec), spec.quantize)
    if school.numbers < _SMALL:
        limit_blas(1)
    with _refusals(spec):
        _put_pairs(school, spec)
        tell(f"encoding {len(spec.data)} pictures")
        dataset = Dataset(_kept(school, spec) if spec.low_ram else list(_encoded(school, spec)))
    state = WholeCheckpoints(
        StoppableBatches.begun(spec, dataset), Optimizer.from_spec(spec), Statistics.from_spec(spec)
    )
    with StepsTold(state) as progress:
        try:
            TrainingTrainer.train(adapter=school, training_spec=spec, training_state=state)
        except StopTrainingException:
            state.save(school, spec)
            raise
    tell(f"trained {state.iterator.num_iterations} steps in {progress.seconds:.0f} s")


def _base(spec: TrainingSpec) -> tuple[str, str]:
    """The name of a base, and its place: a name of the catalog, or a directory."""
    place = spec.model_path or spec.model
    name = spec.model if spec.model in VARIANTS else place
    return name, place


@contextmanager
def _refusals(spec: TrainingSpec) -> Iterating[None]:
    """Errors of mflux and of Pillow about what it was given, as refusals."""
    try:
        yield
    except (OSError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise TrainingRefused(f"{spec.config_path or spec.checkpoint_path}: {error}") from error


def _put_pairs(school: KleinSchool, spec: TrainingSpec) -> None:
    """Fresh pairs beside the layers that are to learn, or those of the checkpoint."""
    if spec.lora_layers.state_path is None:
        inject_lora_targets(school.transformer(), spec.lora_layers.targets)
        return
    ZipUtil.unzip(spec.checkpoint_path, spec.lora_layers.state_path, lambda path: school.load_lora_adapter(path=path))


def _kept(school: KleinSchool, spec: TrainingSpec) -> DiskBackedData:
    """The same on disk beside the dataset, where mflux has its cache, and read when it is needed."""
    cache = TrainingDataCache.wipe_and_init(data_root=Path(spec.data_root))
    for item in _encoded(school, spec):
        TrainingDataCache.save_item(
            paths=cache,
            data_id=item.data_id,
            prompt=item.prompt,
            image_path=item.image_name,
            width=item.width,
            height=item.height,
            clean_latents=item.clean_latents,
            cond=item.cond,
        )
    return DiskBackedData(data_specs=spec.data, cache_paths=cache)


def _encoded(school: KleinSchool, spec: TrainingSpec) -> Iterating[DataItem]:
    """Every picture and its caption as the transformer reads them, at the picture's own size or below the largest."""
    for number, item in enumerate(spec.data):
        width, height = oriented_size(item.image.resolve())
        width, height = TrainingUtil.resolve_dimensions(
            width=width,
            height=height,
            max_resolution=spec.max_resolution,
            error_template=f"{item.image} is {{width}} x {{height}}, and fewer than 16 pixels teach nothing",
        )
        latents, cond = school.encode_data(
            data_id=number, image_path=item.image, prompt=item.prompt, width=width, height=height
        )
        yield DataItem(number, item.prompt, item.image, latents, cond, width, height)


if __name__ == "__main__":
    sys.exit(main())
