"""Makes a file from a report of `kilnmark lora report`, with the same names, shapes and zeros.

`.venv/bin/python -m scripts.make_reported REPORT FILE`
"""

import sys
from pathlib import Path

from kilnmark.keymaps.filereport.document import read_report
from kilnmark.keymaps.zoo.reported import make_reported

if __name__ == "__main__":
    source, goal = sys.argv[1:]
    print(make_reported(goal, read_report(Path(source).read_bytes())))
