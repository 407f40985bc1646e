"""Write the JSON Schemas of what content people write anew: `python -m scripts.make_schemas`."""

from pathlib import Path

from kilnmark.protocol.content.schemas import SCHEMAS, make_schema

FOLDER = Path(__file__).resolve().parents[1] / "protocol" / "kilnmark" / "protocol" / "content" / "json_schemas"

if __name__ == "__main__":
    for name in SCHEMAS:
        (FOLDER / f"{name}.schema.json").write_text(make_schema(name), encoding="utf-8")
