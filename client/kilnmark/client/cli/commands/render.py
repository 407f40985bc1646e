"""`kilnmark render`: one picture of a running daemon, and what each adapter changed.

It turns options into one call of `Client` and the result into one document or one table. Errors are left to `cli`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from kilnmark.client.cli.chosen import MOST, ChosenPlace, RenderedPictures, chosen_seeds
from kilnmark.client.cli.exits import exit_code_of_reports
from kilnmark.client.cli.left import telling_uncancelled
from kilnmark.client.cli.options import (
    ScaledPath,
    WholeNumber,
    draft_option,
    extra_lora_option,
    given_picture,
    json_option,
    scaled_path,
    seconds,
    socket_option,
)
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.client.sync import Client
from kilnmark.protocol.picture.catalog import PRIORITIES
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["render"]


@click.command()
@click.argument("prompt")
@click.option(
    "--lora",
    "loras",
    type=scaled_path,
    multiple=True,
    metavar="PATH[:SCALE[,BLOCKS=SCALE]]",
    help="An adapter and its scale (1 when left out); with others for some blocks behind it, it is that of the rest: "
    "ink.safetensors:0.8,double=0.3,single.20-37=1. Repeat it for a stack, in stack order.",
)
@extra_lora_option
@click.option("--negative-prompt", metavar="TEXT", help="What not to paint, where the base can take it.")
@click.option("--tier", metavar="NAME", help="The kind of picture: portrait, landscape, scene, ...")
@click.option("--variant", metavar="NAME", help="The base to paint on; `kilnmark status` lists those that there are.")
@click.option("--seed", type=int, metavar="N", help="Left out, the daemon draws one and says which.")
@click.option("--seeds", metavar="N,N,...", help="A picture for each of these seeds.")
@click.option(
    "-n", "count", type=WholeNumber(1, MOST), metavar="COUNT", help="So many pictures, each with the next seed."
)
@click.option(
    "--output",
    "-o",
    type=HomePath(),
    metavar="FILE",
    help="Put a copy there, too; of several pictures each with its seed in its name. A folder gets them as they are.",
)
@click.option("--steps", type=int, metavar="N", help="Denoise steps, 1 to 100.")
@click.option("--guidance", type=float, metavar="G", help="How closely to follow the prompt, 0 to 30.")
@click.option("--width", type=int, metavar="PIXELS", help="A multiple of 16.")
@click.option("--height", type=int, metavar="PIXELS", help="A multiple of 16.")
@click.option(
    "--init-image", metavar="FILE", help="The picture to start from, below an --image-root of the daemon; see --inline."
)
@click.option(
    "--strength", type=float, metavar="S", help="How much of --init-image stays: 0 nothing, 1 all. [default: 0.4]"
)
@click.option(
    "--reference",
    "reference_images",
    multiple=True,
    metavar="FILE",
    help="A picture that the base looks at while it paints. Repeatable.",
)
@click.option(
    "--inline", is_flag=True, help="Send pictures within the request, to a daemon that cannot read their files."
)
@click.option(
    "--genre", metavar="NAME", help="Compose the stack from this content pack instead of --lora; needs --tier."
)
@click.option("--world", metavar="NAME", help="A setting inside the genre.")
@click.option("--place", metavar="NAME", help="What is painted, by region or name, for the genre's art direction.")
@click.option(
    "--on-mismatch",
    type=click.Choice(["error", "warn"]),
    default="error",
    show_default=True,
    help="When an adapter does not engage wholly: refuse the render, or make it and exit with 3.",
)
@click.option("--job-id", metavar="ID", help="Your own key: the same render is not made twice.")
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES),
    default="normal",
    show_default=True,
    help="Before which other renders it is painted.",
)
@click.option("--notify-url", metavar="URL", help="Where its end is told, on a host that the daemon allows.")
@draft_option
@click.option("--probe", is_flag=True, help="Also measure how far each adapter moves a small forward pass.")
@click.option(
    "--no-cache", "cache", flag_value=False, default=True, help="Paint it anew, even when the same picture exists."
)
@click.option("--timeout", type=seconds, metavar="SECONDS", help="Cancel the render when it takes longer.")
@socket_option
@json_option
def render(
    prompt: str,
    *,
    loras: tuple[ScaledPath, ...],
    init_image: str | None,
    reference_images: tuple[str, ...],
    inline: bool,
    timeout: float | None,
    socket: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Make a picture of PROMPT and show what each adapter changed.

    The daemon writes the picture into its output folder. What is not given, the tier decides, else the variant.
    """
    from kilnmark.client.tracing import traced_command

    chosen = chosen_seeds(options.pop("seed"), options.pop("count"), options.pop("seeds"))
    if len(chosen) > 1 and options["job_id"] is not None:
        raise click.UsageError("--job-id names one render; leave it out, or ask for one picture")
    output = options.pop("output")
    place = None if output is None else ChosenPlace(output, chosen)
    asked = {
        "lora_paths": [lora.path for lora in loras],
        "lora_scales": [lora.scale for lora in loras],
        "lora_block_scales": [lora.blocks for lora in loras],
        "init_image": None if init_image is None else given_picture(init_image, inline=inline),
        "reference_images": [given_picture(file, inline=inline) for file in reference_images],
    }
    with traced_command():  # which ends after the results were shown: a collector that hangs takes its time
        with Client(socket, render_timeout=timeout) as client:
            results = []
            for result in _rendered(client, prompt, chosen, {**asked, **options}):
                results.append(result if place is None else place.put(result))
                _show(results, as_json=as_json)
        if as_json:
            write_document(results[0] if len(chosen) == 1 else RenderedPictures(results=results))
    click.get_current_context().exit(exit_code_of_reports(report for each in results for report in each.loras))


def _rendered(
    client: Client, prompt: str, seeds: Sequence[int | None], asked: dict[str, Any]
) -> Iterator[RenderResult]:
    """One picture after the other; the first that cannot be had ends it."""
    from kilnmark.client.cli.views.progress import progress_bar

    for number, seed in enumerate(seeds, 1):
        words = "render" if len(seeds) == 1 else f"render {number}/{len(seeds)}"
        with (
            telling_uncancelled(client, named=asked["job_id"] is not None),
            progress_bar(words) as on_progress,
        ):
            result = client.render(prompt, seed=seed, on_progress=on_progress, **asked)
        yield result


def _show(results: Sequence[RenderResult], *, as_json: bool) -> None:
    """The latest, with a line between two."""
    from kilnmark.client.cli.views.tables import console, show_render

    if as_json:
        return
    if len(results) > 1:
        click.echo()
    show_render(console(), results[-1])
