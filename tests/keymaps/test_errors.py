"""How a refusal reads."""

from kilnmark.keymaps.errors import MissingFile, OutsideRoots, RefusedFile, UnfitAdapter, UnsafeFile, shorten


def test_a_refusal_is_one_sentence_with_file_key_problem_and_mend() -> None:
    error = UnfitAdapter("/loras/a.safetensors", "has rank 4", "export it again", key="x.lora_up.weight")
    assert str(error) == "/loras/a.safetensors: key 'x.lora_up.weight': has rank 4; export it again"


def test_a_refusal_of_the_file_as_a_whole_names_no_key() -> None:
    error = UnsafeFile("/loras/a.ckpt", "is a pickle", "export it as safetensors")
    assert error.key is None
    assert str(error) == "/loras/a.ckpt: is a pickle; export it as safetensors"


def test_an_endless_key_is_cut_in_the_message_and_kept_in_the_facts() -> None:
    error = UnsafeFile("a", "bad", "mend", key="k" * 5000)
    assert len(str(error)) < 200
    assert error.key == "k" * 5000


def test_control_characters_of_a_key_are_escaped() -> None:
    assert shorten("a\x1b[31m\n") == r"'a\x1b[31m\n'"


def test_every_refusal_is_a_refused_file() -> None:
    assert all(issubclass(kind, RefusedFile) for kind in (MissingFile, OutsideRoots, UnsafeFile, UnfitAdapter))
