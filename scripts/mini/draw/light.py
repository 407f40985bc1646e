"""The light of a time of day in a weather: the colours of the air, and what a thing's own colour becomes in it."""

from dataclasses import dataclass, replace

from scripts.mini.draw.sheet import Colour, mix, scaled

__all__ = ["Light", "light_of", "rgb"]


def rgb(text: str) -> Colour:
    """A colour from six hexadecimal digits."""
    return int(text[:2], 16) / 255, int(text[2:4], 16) / 255, int(text[4:6], 16) / 255


@dataclass(frozen=True, slots=True)
class Light:
    """What the air looks like and does.

    Args:
        zenith: The sky at the top.
        middle: The sky half-way down.
        horizon: The sky where it meets the land.
        haze: What distance turns everything into.
        tint: What every colour is multiplied by.
        thickness: How quickly distance does it: 0 never, 1 at once.
        lamps: Whether windows are lit.
        white: How much of the ground lies under snow, 0 or 1.
    """

    zenith: Colour
    middle: Colour
    horizon: Colour
    haze: Colour
    tint: Colour
    thickness: float = 0.55
    lamps: bool = False
    white: float = 0.0

    def on(self, own: Colour, depth: float = 0.0) -> Colour:
        """A thing's own colour in this light, `depth` from 0 (here) to 1 (the horizon)."""
        return mix(scaled(own, self.tint), self.haze, min(1.0, depth * self.thickness * 1.6))

    def ground(self, own: Colour, depth: float = 0.0) -> Colour:
        """The same for what snow lies on."""
        return self.on(mix(own, rgb("f4f6fb"), 0.88 * self.white), depth)


TIMES_OF_DAY = {
    "dawn": Light(rgb("8fb0d8"), rgb("f3cdbf"), rgb("ffe9b8"), rgb("f2d3c2"), (1.0, 0.90, 0.86)),
    "day": Light(rgb("3f8fd6"), rgb("8ec5ea"), rgb("dff1f4"), rgb("c6e2ee"), (1.0, 1.0, 1.0)),
    "dusk": Light(rgb("493a7c"), rgb("c2507a"), rgb("ff9d4d"), rgb("b8607a"), (0.80, 0.56, 0.60), 0.6, lamps=True),
    "night": Light(rgb("0b1233"), rgb("182a5c"), rgb("34528c"), rgb("22386c"), (0.27, 0.35, 0.58), 0.6, lamps=True),
}


def light_of(time: str, weather: str) -> Light:
    """The light of a time of day as a weather leaves it."""
    return {"clear": _clear, "rain": _rain, "snow": _snow, "fog": _fog, "storm": _storm}[weather](TIMES_OF_DAY[time])


def _clear(light: Light) -> Light:
    return light


def _rain(light: Light) -> Light:
    grey = scaled(rgb("8d9aa8"), _brightness(light))
    sky = [mix(colour, grey, 0.62) for colour in (light.zenith, light.middle, light.horizon)]
    tint = scaled(light.tint, (0.80, 0.86, 0.92))
    return replace(light, zenith=scaled(sky[0], 0.8), middle=sky[1], horizon=sky[2], haze=sky[1], tint=tint)


def _snow(light: Light) -> Light:
    pale = scaled(rgb("dde5ee"), _brightness(light))
    sky = [mix(colour, pale, 0.55) for colour in (light.zenith, light.middle, light.horizon)]
    return replace(light, zenith=sky[0], middle=sky[1], horizon=sky[2], haze=mix(light.haze, pale, 0.6), white=1.0)


def _fog(light: Light) -> Light:
    pale = mix(light.haze, scaled(rgb("d8dcdd"), _brightness(light)), 0.55)
    sky = [mix(colour, pale, 0.82) for colour in (light.zenith, light.middle, light.horizon)]
    return replace(light, zenith=sky[0], middle=sky[1], horizon=sky[2], haze=pale, thickness=1.25)


def _storm(light: Light) -> Light:
    dark = scaled(rgb("3c4152"), 0.35 + 0.75 * _brightness(light))
    sky = [mix(light.zenith, dark, 0.85), mix(light.middle, dark, 0.70), mix(light.horizon, dark, 0.42)]
    tint = scaled(light.tint, (0.62, 0.66, 0.74))
    haze = mix(light.haze, dark, 0.6)
    return replace(light, zenith=scaled(sky[0], 0.8), middle=sky[1], horizon=sky[2], haze=haze, tint=tint)


def _brightness(light: Light) -> float:
    return sum(light.tint) / 3
