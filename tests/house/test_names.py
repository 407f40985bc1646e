"""Names and sizes: one name for one class, modules to be read at a sitting, and no model's name outside its rooms."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    path.as_posix().rpartition("/kilnmark/")[2]: path.read_text(encoding="utf-8")
    for path in sorted(ROOT.glob("*/kilnmark/*/**/*.py"))
}
"""Every module of the product by its path below the import root."""

MODULE_LINES = 300
FUNCTION_LINES = 60
GUIDANCE = re.compile(r"guidance(?!_embedder|_in\b)")
"""The number of a picture; a model's layers that are named for it are another thing."""
GUIDANCE_ROOMS = 8
"""Beside those of the families, of which each reads it."""

MODEL_NAMES = re.compile(
    r"dev|krea-dev|kontext-dev|schnell|"
    r".*(FLUX\.\d|Flux\d|flux[23]-klein|Z-Image|ZImage|z-image|Krea ?2|krea-2|[Qq]wen-[Ii]mage).*",
    re.DOTALL,
)
"""What the families and their variants are called, as whole texts of code and as parts of identifiers."""

FAMILY_ROOMS = (
    "engine/families/flux1/",
    "engine/families/flux2/",
    "engine/families/flux3/",
    "engine/families/krea2/",
    "engine/families/qwen_image/",
    "engine/families/z_image/",
    "protocol/picture/rows/",
)
"""Where each family is known, and all that is its own."""

MODEL_ROOMS = (*FAMILY_ROOMS, "protocol/picture/catalog.py", "keymaps/zoo/")
"""Where their names may stand: in their rooms and rows, where one is meant if nobody names any, and in the zoo."""


@dataclass(frozen=True)
class Names:
    """What a module calls its classes, its functions that are too long, and models."""

    classes: tuple[str, ...]
    long_functions: tuple[str, ...]
    models: tuple[str, ...]


def names_in(text: str) -> Names:
    """Of a module. Its tree goes at once: to keep those of all would cost more than to read each."""
    found = list(ast.walk(ast.parse(text)))
    return Names(
        tuple(node.name for node in found if isinstance(node, ast.ClassDef)),
        tuple(long_functions(found)),
        tuple(model_names(found)),
    )


@cache
def names() -> Mapping[str, Names]:
    """Of every module of the product."""
    return {file: names_in(text) for file, text in MODULES.items()}


def doubled(modules: Mapping[str, Names]) -> dict[str, list[str]]:
    """Class names that stand in more than one module, and in which."""
    places = defaultdict(set)
    for file, found in modules.items():
        for name in found.classes:
            places[name].add(file)
    return {name: sorted(files) for name, files in sorted(places.items()) if len(files) > 1}


def long_functions(found: Iterable[ast.AST]) -> list[str]:
    functions = (node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES]


def test_no_class_name_stands_in_two_modules() -> None:
    assert doubled(names()) == {}


def test_a_doubled_name_is_seen() -> None:
    modules = {"a.py": names_in("class One: ..."), "b.py": names_in("class Two:\n    class One: ...")}
    assert doubled(modules) == {"One": ["a.py", "b.py"]}


def test_every_folder_of_modules_says_what_it_is() -> None:
    folders = {file.rpartition("/")[0] for file in MODULES}
    assert [folder for folder in sorted(folders) if not MODULES.get(f"{folder}/__init__.py", "").strip()] == []


def test_no_module_is_longer_than_a_sitting() -> None:
    lines = {file: text.count("\n") for file, text in MODULES.items()}
    assert {file: count for file, count in lines.items() if count > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_page() -> None:
    assert {file: found.long_functions for file, found in names().items() if found.long_functions} == {}


def test_a_long_function_is_seen() -> None:
    body = "        pass\n" * FUNCTION_LINES
    found = names_in(f"def short():\n    pass\n\nclass C:\n    async def long():\n{body}")
    assert found.long_functions == ("long",)


def model_names(found: Iterable[ast.AST]) -> list[str]:
    """The texts and names of a module, its docstrings and comments aside, that are a model's."""
    notes = {id(node.value) for node in found if isinstance(node, ast.Expr)}
    said = []
    for node in found:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            said.append(node.value)
        elif isinstance(node, ast.Name):
            said.append(node.id)
    return [name for name in said if MODEL_NAMES.fullmatch(name)]


def test_a_model_is_named_in_its_own_rooms_only() -> None:
    named = {file for file, found in names().items() if not file.startswith(MODEL_ROOMS) and found.models}
    assert named == set()


def test_a_models_name_is_seen() -> None:
    text = '"""dev"""\nx = VARIANTS["dev"]\ny = Flux2Klein()\nz = "a FLUX.1 directory"\nw = "device"\n"""schnell"""\n'
    assert sorted(names_in(text).models) == ["Flux2Klein", "a FLUX.1 directory", "dev"]


def test_guidance_is_known_to_few() -> None:
    others = {file: text for file, text in MODULES.items() if not file.startswith(FAMILY_ROOMS)}
    assert len([file for file, text in others.items() if GUIDANCE.search(text)]) <= GUIDANCE_ROOMS


def test_paths_of_the_command_line_are_of_the_type_that_knows_a_home() -> None:
    users = {path for path, text in MODULES.items() if "click.Path" in text}
    assert users == {"client/cli/paths.py"}, "write HomePath"
