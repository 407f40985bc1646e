"""Pictures of requests: found below the roots, kept while they are needed, and told by their content."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from kilnmark.daemon.asked.pictures import AskedPictures, PictureFiles, sent_folder
from kilnmark.protocol.picture.given import InlinePicture
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams, PictureRefused, StorageFailed
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand
from tests.keymaps.pictures.shown import HEIGHT, WIDTH, colours, put, saved
from tests.protocol.picture.test_spec import command

DATA = saved(colours())
INLINE = InlinePicture(data=DATA)


class Pictures:
    """Those of one daemon, and what its open jobs need."""

    def __init__(self, folder: Path, limit: int = 1 << 20) -> None:
        self.roots, self.output = folder / "roots", folder / "output"
        self.roots.mkdir()
        self.needed: list[RenderCommand] = []
        self.settings = Settings(
            socket=folder / "s", output_dir=self.output, image_roots=(self.roots,), inline_bytes=limit
        )
        self.asked = AskedPictures(self.settings, lambda: self.needed)

    @property
    def kept(self) -> list[Path]:
        folder = sent_folder(self.settings)
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def found(self, params: RenderParams) -> PictureFiles:
        async def find() -> PictureFiles:
            async with self.asked.kept(params) as request:
                files = await self.asked.looked_at(request)
                self.needed = [
                    msgspec.structs.replace(command(), init_image=files.start, reference_images=list(files.references))
                ]
                return files

        return asyncio.run(find())


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    return Pictures(tmp_path)


def asked(**said: object) -> RenderParams:
    return msgspec.structs.replace(RenderParams(prompt="a mill"), **said)


def test_a_path_below_a_root_is_looked_at(pictures: Pictures) -> None:
    path = put(pictures.roots)
    found = pictures.found(asked(init_image="a.png"))
    assert found.start == str(path)
    assert found.given.start is not None
    assert found.given.start[1:] == (WIDTH, HEIGHT, "")
    assert pictures.kept == []


def test_references_keep_their_order(pictures: Pictures) -> None:
    put(pictures.roots, "b.png", colours(64))
    put(pictures.roots)
    found = pictures.found(asked(reference_images=["b.png", "a.png"]))
    assert [picture.width for picture in found.given.references] == [64, WIDTH]
    assert [Path(path).name for path in found.references] == ["b.png", "a.png"]


def test_what_was_made_here_may_be_started_from(pictures: Pictures) -> None:
    pictures.output.mkdir()
    assert pictures.found(asked(init_image=str(put(pictures.output)))).start


@pytest.mark.parametrize(
    ("path", "words"),
    [("gone.png", "no such file"), ("/etc/hostname", "outside the image roots"), ("text.png", "is no picture")],
)
def test_a_refusal_names_file_field_and_mend(pictures: Pictures, path: str, words: str) -> None:
    (pictures.roots / "text.png").write_text("a mill")
    with pytest.raises(PictureRefused) as caught:
        pictures.found(asked(reference_images=[path]))
    assert path in caught.value.message
    assert words in caught.value.message
    assert " - at `$.params.reference_images[0]`; " in caught.value.message


def test_what_came_within_a_request_stays_while_a_job_needs_it(pictures: Pictures) -> None:
    found = pictures.found(asked(init_image=INLINE))
    assert [path.read_bytes() for path in pictures.kept] == [DATA]
    assert pictures.kept[0].stat().st_mode & 0o777 == 0o600
    assert found.start == str(pictures.kept[0])
    pictures.needed = []
    pictures.asked.forget_unneeded()
    assert pictures.kept == []


def test_the_same_picture_is_kept_once_and_mended_where_it_was_damaged(pictures: Pictures) -> None:
    first = pictures.found(asked(reference_images=[INLINE, INLINE]))
    pictures.kept[0].write_bytes(b"another")
    assert pictures.found(asked(init_image=INLINE)).start == first.references[0] == first.references[1]
    assert pictures.kept[0].read_bytes() == DATA


def test_what_another_request_has_in_hand_stays(pictures: Pictures) -> None:
    async def two() -> int:
        async with pictures.asked.kept(asked(init_image=INLINE)):
            async with pictures.asked.kept(asked(init_image=INLINE)):
                pass
            return len(pictures.kept)

    assert asyncio.run(two()) == 1
    assert pictures.kept == []


def test_another_daemon_with_the_same_output_folder_leaves_it_alone(pictures: Pictures) -> None:
    pictures.found(asked(init_image=INLINE))
    other = AskedPictures(pictures.settings.model_copy(update={"socket": pictures.roots / "s"}), list)
    other.forget_unneeded()
    assert [path.read_bytes() for path in pictures.kept] == [DATA]


def test_a_picture_that_is_too_large_for_a_request_is_refused_with_the_mend(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path, limit=100)
    with pytest.raises(InvalidParams) as caught:
        pictures.found(asked(init_image=INLINE))
    assert f"has {len(DATA)} bytes and 100 may come within a request" in caught.value.message
    assert "--inline-image" in caught.value.message
    assert pictures.kept == []


def test_one_that_cannot_be_kept_is_told(pictures: Pictures) -> None:
    pictures.output.write_text("in the way")
    with pytest.raises(StorageFailed, match="could not be kept"):
        pictures.found(asked(init_image=INLINE))
