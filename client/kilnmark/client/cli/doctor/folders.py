"""Folders and their disks: where adapters and images are read, and where pictures and the journal are written."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.keymaps.files.outputs import SPARE

__all__ = ["free_bytes", "look_at_folders", "nearest_folder", "place_to_write"]

PLENTY = 1 << 30
"""Bytes below which somebody should make room: some hundreds of pictures of the usual size."""


def look_at_folders(patient: Patient) -> Iterator[Observation]:
    """Those of the daemon that runs, else of the one that would be started here."""
    status, settings = patient.status, patient.settings
    if status is not None:
        yield from _roots([Path(root) for root in status.lora_roots])
        yield from _image_roots([Path(root) for root in status.image_roots])
        yield from place_to_write("pictures", Path(status.output_dir), "--output-dir")
    elif settings is not None and patient.can_serve:
        yield from _roots(list(settings.lora_roots))
        yield from _image_roots(list(settings.image_roots))
        yield from place_to_write("pictures", settings.output_dir, "--output-dir")


def _roots(roots: list[Path]) -> Iterator[Observation]:
    if not roots:
        yield warning("adapters", "there is no folder to read them from", "name one with --lora-root")
    for root in roots:
        yield _root(root, "adapters", "--lora-root")


def _image_roots(roots: list[Path]) -> Iterator[Observation]:
    """Without any, pictures start from those that are made here, and from those of packs."""
    for root in roots:
        yield _root(root, "images", "--image-root")


def _root(root: Path, about: str, option: str) -> Observation:
    try:
        found = root.stat()
    except FileNotFoundError:
        return ok(about, f"{root} is not there; {about} in it would be read")
    except OSError as error:
        return fault(about, f"{root} cannot be looked at: {error.strerror}", "mend it, or name another root")
    if not stat.S_ISDIR(found.st_mode):
        return fault(about, f"{root} is no folder", f"name another with {option}")
    if not os.access(root, os.R_OK | os.X_OK):
        return fault(about, f"{root} cannot be read", f"run `chmod u+rx {root}`, or name another with {option}")
    return ok(about, f"those below {root}")


def place_to_write(about: str, folder: Path, option: str) -> Iterator[Observation]:
    """Whether files can be made in a folder, or the folder itself, and for how many bytes there is room.

    Args:
        about: What for.
        folder: It need not be there.
        option: What names another.
    """
    there, made = nearest_folder(folder), "" if folder.exists() else ", which will be made"
    if not there.is_dir():
        yield fault(about, f"{there} is no folder", f"move it away, or name another place with {option}")
        return
    found = os.statvfs(there)
    free = found.f_bavail * found.f_frsize
    room = f"{free / 1e9:.1f} GB are free for {folder}{made}"
    if found.f_flag & os.ST_RDONLY:
        yield fault(about, f"{there} is on a disk that is read-only", f"name another place with {option}")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield fault(about, f"nothing can be made in {there}", f"name another place with {option}")
    elif free < SPARE or (found.f_files and not found.f_favail):
        lack = room if free < SPARE else f"the disk of {there} takes no more files"
        yield fault(about, lack, f"make room, or name a place on another disk with {option}")
    elif free < PLENTY:
        yield warning(about, room, f"make room, or name a place on another disk with {option}")
    else:
        yield ok(about, room)


def nearest_folder(path: Path) -> Path:
    """A path, or what is nearest above it of what is there."""
    return next(each for each in (path, *path.parents) if os.path.lexists(each))


def free_bytes(path: Path) -> int:
    """Of the disk that a path is, or would be, on."""
    found = os.statvfs(nearest_folder(path))
    return found.f_bavail * found.f_frsize
