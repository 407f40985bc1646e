"""What the hub says of a model's repository: the commit, and each file of the model with its size and its hash.

Everything here comes from the network, and becomes names of files: what is not of the expected form is refused.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kilnmark.client.cli.models.errors import HubFailed, ModelNotPublished, NothingToFetch
from kilnmark.client.cli.models.site import CONNECT_TIMEOUT, HubSite, Later
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.family import Variant

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from huggingface_hub.hf_api import RepoSibling

__all__ = ["Published", "PublishedFile", "ask_hub"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file.

    Attributes:
        path: In its repository.
        nbytes: What it takes.
        digest: SHA-256 of large files, in hex; of others the hash that git has for them, SHA-1 with a head before.
        is_git: It is the latter.
    """

    path: str
    nbytes: int
    digest: str
    is_git: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A model as it is published.

    Attributes:
        commit: Of its repository.
        files: Its own, the small ones first.
        licence: What its page says; empty: nothing.
        gated: It is given to those alone who accepted its licence.
    """

    commit: str
    files: tuple[PublishedFile, ...]
    licence: str
    gated: bool

    @property
    def contents(self) -> tuple[PublishedFile, ...]:
        """The first file of each content: several of the same are kept once."""
        return tuple({file.digest: file for file in reversed(self.files)}.values())[::-1]

    @property
    def nbytes(self) -> int:
        """What all of it takes, each content once."""
        return sum(file.nbytes for file in self.contents)


def ask_hub(variant: Variant, site: HubSite) -> Published:
    """Ask for the state of a variant's repository that its engine takes.

    Raises:
        ModelProblem: It is published nowhere, or the hub does not say what it has of it.
    """
    if not variant.repository:
        raise NothingToFetch(variant)
    info = _info(variant, site)
    try:
        return _read(variant, info)
    except (ValueError, AttributeError, TypeError) as error:
        raise HubFailed(site.address, f"what it says of {variant.repository} cannot be used: {error}") from error


def _info(variant: Variant, site: HubSite) -> "ModelInfo":
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=site.address, token=site.token or False, library_name="kilnmark")
    what = f"{variant.repository} at {variant.revision}" if variant.revision else variant.repository
    try:
        return api.model_info(
            variant.repository, revision=variant.revision or None, files_metadata=True, timeout=CONNECT_TIMEOUT
        )
    except HfHubHTTPError as error:
        refusal = site.refusal(error.response, variant.repository, what)
        raise HubFailed(site.address, refusal.reason) if isinstance(refusal, Later) else refusal from error
    except httpx.TransportError as error:
        raise HubFailed(site.address, str(error) or type(error).__name__) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HubFailed(site.address, f"it does not answer as a hub does ({error})") from error


def _read(variant: Variant, info: "ModelInfo") -> Published:
    """Raises ValueError or the like where something is not as it has to be."""
    commit = info.sha or ""
    if not _COMMIT.fullmatch(commit) or (variant.revision and commit != variant.revision):
        raise ValueError(f"its commit is {commit!r}")
    family = family_of(variant)
    wanted = family.files_of(variant)
    siblings = [each for each in info.siblings or [] if any(fnmatchcase(each.rfilename, name) for name in wanted)]
    for part in family.parts:
        if not any(part.holds(each.rfilename) for each in siblings):
            raise ModelNotPublished("the hub", f"weights in {part.folder} of {variant.repository}")
    files = sorted(map(_file, siblings), key=lambda file: (file.nbytes, file.path))
    licence = info.card_data.get("license_name") or info.card_data.get("license") if info.card_data else None
    return Published(commit, tuple(files), str(licence or ""), bool(info.gated))


def _file(sibling: "RepoSibling") -> PublishedFile:
    path = PurePosixPath(sibling.rfilename)
    if path.is_absolute() or ".." in path.parts or "\\" in sibling.rfilename or "\0" in sibling.rfilename:
        raise ValueError(f"{sibling.rfilename!r} is no name of a file")
    lfs = sibling.lfs
    size, digest = (sibling.size, sibling.blob_id) if lfs is None else (lfs.size, lfs.sha256)
    if not isinstance(size, int) or size < 0 or not (_COMMIT if lfs is None else _SHA256).fullmatch(digest or ""):
        raise ValueError(f"{path} has no size or hash")
    return PublishedFile(str(path), size, digest or "", lfs is None)
