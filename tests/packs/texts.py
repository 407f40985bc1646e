"""What files of a pack look like in the wild: sound ones, odd ones, and ones with entries that nobody can use.

Only texts and bytes live here; `tree.py` lays them out. `@` stands for the place's name, `~FILE~` for an adapter of the
genre. A line that ends in `  <<< what is wrong` is a planted problem: the mark is cut off before the file is written.
Each fault stands on the first line of its entry, so that the entry and the value at fault have the same line.
"""

from typing import Final, NamedTuple

__all__ = ["CREATURES", "GENRE_STYLES", "HISTORIES", "MARK", "PORTRAITS", "WORLD_STYLES", "Text"]

MARK: Final = "  <<< "


class Text(NamedTuple):
    """One way a file may look.

    Attributes:
        body: With marks and `@`; bytes where it is not text, and then all of it is unusable.
        names: The entries that can be used, in order, with `@`. Of a style: empty; a planted problem in one that is
            usable costs no entry.
        usable: False where nothing of the file can be used.
    """

    body: str | bytes
    names: tuple[str, ...] = ()
    usable: bool = True


def _broken(body: str | bytes) -> Text:
    return Text(body, usable=False)


_SOUND_STYLE = """\
# What @ looks like.
name: The @ country
positive_suffix: soft light, muted colours, @
negative_prompt: text, watermark
preferred_model: flux
base_seed: 4711
mood_board: [dusk, {texture: felt}]
loras:
  - name: brush
    file: ~FILE~
    scale: 0.8
    applies_to: [portrait, landscape, scene, creature]
    trigger: brushwork
"""

GENRE_STYLES: Final = (
    Text(_SOUND_STYLE),
    Text("\ufeff" + _SOUND_STYLE.replace("\n", "\r\n")),
    Text("---\nlora: ~FILE~\nlora_scale: 0.5\npositive_suffix: 'flat: pair of old'\n...\n"),
    Text(
        "tiers_used: &all [portrait, landscape, scene, creature]\n"
        "positive_suffix: >-\n  folded over\n  two lines\n"
        "loras: [{name: brush, file: ~FILE~, scale: 1, applies_to: *all}]\n"
    ),
    _broken(
        "positive_suffix: two of one name\nloras:\n"
        "  - {name: brush, file: ~FILE~, scale: 0.8, applies_to: [landscape]}\n"
        "  - {name: brush, file: ~FILE~, scale: 0.4, applies_to: [landscape]}  <<< the name is taken\n"
    ),
    _broken(
        "positive_suffix: an unclosed quote\nloras:\n  - name: brush\n    file: 'loras/brush.safetensors  <<< quote"
    ),
)
"""The last two are unusable: a genre of that kind has no pictures at all."""

_TWELVE_PLACES = """\
positive_suffix: low tide light over @
visual_tag_overrides:
  the_shore:
    positive_suffix: wet granite, kelp, grey morning
    style_note: Always the same two boats.
  old_town:
    positive_suffix: narrow brick houses, washing lines
    palette: [brick, soot, {accent: bottle green}]
    style_note: Nobody looks up.
  North Quarter:
    positive_suffix: >-
      tall grain stores,
      pulleys and doves
  salt-marsh: {positive_suffix: 'reeds, flat water', style_note: null}
  ferry stairs: {positive_suffix: worn steps below a lantern, mood: waiting}
  counting house: {positive_suffix: a hundred lit windows}
  orchard: {positive_suffix: rows of drowned apple trees, references: [plate 4, plate 9]}
  lighthouse: {positive_suffix: a slow white beam}
  灯台: {positive_suffix: a slow white beam}
  mill: still wheel, green weir
  observatory: {positive_suffix: a cracked dome, priority: 3}
  gaol: {positive_suffix: high blind walls, style_note: 'no prisoners, ever'}
  sunken quay: {style_note: nobody has been there}  <<< it has no positive_suffix
"""
"""The art direction of a world of twelve places, as people write it, and a thirteenth that no entry is of."""

WORLD_STYLES: Final = (
    Text(_TWELVE_PLACES),
    Text("positive_suffix: the @ light\nloras:\n  exclude: []\n  add: []\n"),
    Text("# inherits everything\npositive_suffix: wind over @\nbase_seed: 12\n"),
    Text("loras:\n  add:\n    - {name: haze, file: ~FILE~, scale: 0.3, applies_to: [landscape, portrait, creature]}\n"),
    Text("\ufeff---\nnegative_prompt: ''\npalette:\n  - ochre\n  - 3\n  - null\n"),
    _broken(
        "positive_suffix: loras as in a genre\n"
        "loras: [{name: haze, file: ~FILE~, scale: 1, applies_to: [landscape]}]  <<< a list\n"
    ),
    _broken("positive_suffix: nobody by that name\nloras: {exclude: [ghost]}  <<< excludes an unknown name\n"),
    _broken(
        "loras:\n  add:\n"
        "    - {name: haze, file: ~FILE~, applies_to: [landscape]}  <<< scale is missing\n"
        "    - {name: dusk, file: ~FILE~, scale: 1, applies_to: []}  <<< applies to nothing\n"
    ),
    _broken("base_seed: 3\npositive_suffix: [a, list]  <<< a list where a text belongs\n"),
    _broken("loras:\n  add:\n\t- {name: haze}  <<< a tab\n"),
    _broken("preferred_model: paintbrush-9000  <<< no such model\nbase_seed: 3\n"),
    _broken(
        "base_seed: 1\nloras:\n  add:\n"
        "    - {name: gone, file: loras/gone.safetensors, scale: 1, applies_to: [landscape]}  <<< file is absent\n"
    ),
    _broken(
        "base_seed: 1\nloras:\n  add:\n"
        "    - {name: out, file: ../../../../out.safetensors, scale: 1, applies_to: [landscape]}  <<< outside\n"
    ),
)

_PLAIN_HISTORY = """\
title: What happened at @
chapters:
  - title: The first winter
    summary: Prose about @ that no prompt may ever hold. NEVER IN A PROMPT.
    points_of_interest:
      - name: The ferry stairs of @
        description: Stone steps that go down into the water.
        visual_prompt: wet granite stairs into a green river, a moored ferry, morning mist
        region: the shore
        type: landmark
      - name: The counting house of @
        description: A narrow house with a hundred windows.
        region: the old town
        type: building
  - title: The second winter
    points_of_interest:
      - {name: The drowned orchard of @, visual_prompt: 'apple trees in a flooded valley, ice', type: wild}
"""
_PLAIN_NAMES = ("The ferry stairs of @", "The counting house of @", "The drowned orchard of @")

HISTORIES: Final = (
    Text(_PLAIN_HISTORY, _PLAIN_NAMES),
    Text("\ufeff" + _PLAIN_HISTORY.replace("\n", "\r\n"), _PLAIN_NAMES),
    Text(
        '---\n{"chapters": [{"points_of_interest": [{"name": "The JSON gate of @", "description": "a gate"}]}]}\n...\n',
        ("The JSON gate of @",),
    ),
    Text(
        "shore: &shore {region: the shore, type: landmark}\n"
        "chapters:\n  - points_of_interest:\n"
        "      - {<<: *shore, name: '灯台 of @', description: 'a lighthouse: it hums'}\n"
        '      - {<<: *shore, name: "Ærø/../@ \\u2603", visual_prompt: "snow"}\n'
        "  - points_of_interest: []\n  - title: nothing here\n",
        ("灯台 of @", "Ærø/../@ \u2603"),
    ),
    Text(
        "chapters:\n"
        "- points_of_interest:\n"
        "  - name: Long prose at @\n"
        "    visual_prompt: |-\n      a bridge of ropes,\n      far below it fog\n"
        "    3: a key that is no text\n"
        "    chapters: [{points_of_interest: [{name: a decoy}]}]\n",
        ("Long prose at @",),
    ),
    Text(
        "chapters:\n  - points_of_interest:\n"
        "      - description: It has no name.  <<< name is missing\n"
        "      - name: The one good well of @\n        description: A well.\n"
        "      - a sentence instead of an entry  <<< a text where a mapping belongs\n"
        "      - name: [a, list]  <<< a list where a text belongs\n        description: A list.\n"
        "      - null  <<< nothing where a mapping belongs\n",
        ("The one good well of @",),
    ),
    Text(
        "chapters:\n"
        "  - not a chapter but a sentence  <<< a text where a mapping belongs\n"
        "  - points_of_interest: the tower, the mill  <<< a text where a list belongs\n"
        "  - points_of_interest:\n"
        "      - {name: The tower of @, visual_prompt: {mood: grim}}  <<< a mapping where a text belongs\n"
        "      - {name: The mill of @, description: A mill.}\n"
        "      - {name: '   ', description: Its name is blank.}  <<< name is blank\n",
        ("The mill of @",),
    ),
    _broken("chapters:\n  - points_of_interest:\n      - name: 'The quote that never ends  <<< unclosed quote"),
    _broken("chapters:\n  - points_of_interest:\n\t- name: behind a tab  <<< a tab\n"),
    _broken("chapters:\n  - points_of_interest: [{name: open]  <<< the wrong bracket\n"),
    _broken("chapters: []\ntitle: twice\nchapters: []  <<< the key is there already\n"),
    _broken(b""),
    _broken("- chapters  <<< a list where a mapping belongs\n- points_of_interest\n"),
    _broken("chapters: []\n---  <<< a second document\nchapters: []\n"),
    _broken("chapters:\n  - points_of_interest: *nowhere  <<< an alias of nothing\n"),
    _broken(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\xff\xfe"),
)

PORTRAITS: Final = (
    Text(
        "characters:\n"
        "  - name: Ilse of @\n    role: ferrywoman\n    type: human\n"
        "    appearance: grey braid, oilskin coat\n    culture_aesthetic: river people, brass and rope\n"
        "  - {name: Oddmund of @, role: bell-ringer, appearance: 'very tall, one ear'}\n",
        ("Ilse of @", "Oddmund of @"),
    ),
    Text(
        '\ufeffcharacters:\n- name: "The Miller\'s Daughter of @"\n  role: miller\n  notes: |\n    none\n',
        ("The Miller's Daughter of @",),
    ),
    Text(
        "characters:\n"
        "  - role: a role without a name  <<< name is missing\n"
        "  - name: Runa of @\n    role: weaver\n"
        "  - 17  <<< a number where a mapping belongs\n",
        ("Runa of @",),
    ),
    _broken("characters: Runa and Ilse  <<< a text where a list belongs\n"),
    _broken("characters:\n  - name: Runa\n    role: weaver\n    role: smith  <<< the key is there already\n"),
    _broken("characters:\n  - name: R\u00e9my  <<< not UTF-8\n".encode("latin-1")),
)

CREATURES: Final = (
    Text(
        "creatures:\n  - name: Fogcalf of @\n    description: A calf made of fog.\n    habitat: meadows\n",
        ("Fogcalf of @",),
    ),
    Text("creatures: [{name: Lamp eel of @, visual_prompt: 'an eel with a lantern'}]\n", ("Lamp eel of @",)),
    Text(
        "creatures:\n  - {name: Stair crab of @, description: A crab.}\n  - ~  <<< nothing where a mapping belongs\n",
        ("Stair crab of @",),
    ),
    _broken("creatures: {name: one, description: not a list}  <<< a mapping where a list belongs\n"),
    _broken("creatures:\n  - name: @crab  <<< a word cannot begin with this sign\n".replace("@crab", "`crab")),
)
