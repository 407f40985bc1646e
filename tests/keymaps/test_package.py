"""The list of rooms is whole."""

import pkgutil
import re

import kilnmark.keymaps


def test_every_module_is_in_the_list_of_rooms() -> None:
    listed = re.findall(r"^    (\w+) +\S", kilnmark.keymaps.__doc__ or "", re.MULTILINE)
    assert sorted(listed) == sorted(module.name for module in pkgutil.iter_modules(kilnmark.keymaps.__path__))
