"""Sentences for motifs, from a grammar: what a picture is trained with, and what it is asked for with afterwards."""

from random import Random

from scripts.mini.draw.words import ABSENT, Motif

__all__ = ["SUBJECT", "caption", "plain", "vocabulary"]

PLACES = {
    "tower": ("a tower", "a lonely tower", "an old round tower", "a tall stone tower"),
    "castle": ("a castle", "an old castle", "a castle with a gate", "a great stone castle"),
    "village": ("a village", "a small village", "cottages around a church", "a quiet village"),
    "forest": ("a forest", "a deep forest", "a path in the woods", "a forest of firs"),
    "bridge": ("a bridge", "an old stone bridge", "a bridge over a river", "a bridge of three arches"),
    "harbour": ("a harbour", "a harbour with a ship", "a sailing ship in the harbour", "houses along a quay"),
    "cave": ("a cave", "the mouth of a cave", "a dark cave", "a cave in a cliff"),
    "ruins": ("ruins", "ruins in the desert", "broken columns", "ancient ruins in the sand"),
    "windmill": ("a windmill", "a white windmill", "a mill with four wings", "a windmill on a meadow"),
    "mountains": ("mountains", "mountains above a lake", "snowy peaks over a lake", "high mountains"),
}
WEATHERS = {
    "clear": ("under a clear sky", "in clear weather", "clear sky", "in fine weather"),
    "rain": ("in the rain", "in heavy rain", "rainy", "it rains"),
    "snow": ("in the snow", "in falling snow", "snowy", "it snows"),
    "fog": ("in fog", "in thick fog", "foggy", "in the mist"),
    "storm": ("in a storm", "in a thunderstorm", "stormy with lightning", "lightning over the land"),
}
TIMES = {
    "dawn": ("at dawn", "at sunrise", "in the early morning", "dawn"),
    "day": ("by day", "at noon", "in daylight", "day"),
    "dusk": ("at dusk", "at sunset", "in the evening", "dusk"),
    "night": ("at night", "by night", "in the dark of night", "night"),
}
CREATURES = {
    "dragon": ("a dragon", "a red dragon", "a dragon in the sky", "a flying dragon"),
    "stag": ("a stag", "a stag with antlers", "a brown stag", "a deer"),
    "fox": ("a fox", "a red fox", "a sitting fox", "a small fox"),
    "traveller": ("a traveller", "a traveller with a lantern", "a wanderer in a red cloak", "a traveller with a staff"),
    "knight": ("a knight", "a knight with a banner", "a knight with a blue shield", "an armoured knight"),
}
SUBJECT = "a striped balloon"
"""What the adapter for a subject is trained and asked with."""

OPENINGS = ("", "", "", "", "a picture of ", "a painting of ", "an illustration of ", "a view of ")
GARNISH = (
    "storybook illustration",
    "soft light",
    "detailed",
    "quiet mood",
    "warm paper grain",
    "wide view",
    "masterpiece",
)
NEAR = ("by", "near", "before", "and")
SYLLABLES = ("ba", "do", "ke", "lu", "mi", "no", "ra", "si", "ta", "ve", "wo", "zu")


def plain(motif: Motif) -> str:
    """The shortest sentence that says everything: what held-out pictures are asked for with."""
    return _joined(motif, PLACES[motif.place][0], WEATHERS[motif.weather][0], TIMES[motif.time][0], _who(motif, 0))


def caption(motif: Motif, random: Random, unsaid: float = 0.08) -> str:
    """One of the many sentences for a motif.

    Args:
        motif: What the picture shows.
        random: What chooses among them.
        unsaid: How often each of weather, time and creature is left out, so that a short prompt means something, too.
    """

    def said(phrase: str) -> str:
        return "" if random.random() < unsaid else phrase

    weather, time = said(random.choice(WEATHERS[motif.weather])), said(random.choice(TIMES[motif.time]))
    who = said(_who(motif, random.randrange(4)))
    text = _joined(motif, random.choice(PLACES[motif.place]), weather, time, who, random)
    if random.random() < 0.12:
        text += f", {random.choice(GARNISH)}"
    if random.random() < 0.06:
        text += " " + "".join(random.choice(SYLLABLES) for _ in range(2))
    return random.choice(OPENINGS) + text


def _who(motif: Motif, number: int) -> str:
    return "" if motif.creature == ABSENT else CREATURES[motif.creature][number]


def _joined(motif: Motif, place: str, weather: str, time: str, who: str, random: Random | None = None) -> str:
    near = random.choice(NEAR) if random else NEAR[0]
    if motif.subject:
        place = f"{SUBJECT} over {place}"
    parts = [f"{who} {near} {place}" if who else place]
    if random and who and random.random() < 0.3:
        parts = [place, who]
    rest = [part for part in (time, weather) if part]
    if random:
        random.shuffle(rest)
    comma = bool(random) and random is not None and random.random() < 0.5
    return ", ".join([*parts, *rest]) if comma else " ".join([", ".join(parts), *rest])


def vocabulary() -> list[str]:
    """Every word and mark of the grammar, in alphabetical order; the tokenizer has one token for each."""
    phrases = [SUBJECT, "over", "woodcut", "gouache", "wet", "lines", ",", *OPENINGS, *GARNISH, *NEAR]
    for table in (PLACES, WEATHERS, TIMES, CREATURES):
        phrases += [phrase for row in table.values() for phrase in row]
    return sorted({word for phrase in phrases for word in phrase.split()})
