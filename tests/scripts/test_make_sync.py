"""The blocking client is the asyncio one without its waits, and nobody wrote it by hand."""

import re

import pytest

from scripts.make_sync import FOLDER, SENTENCES, WORDS, StaleRow, make_sync, sources

AIO = sources()


def test_the_blocking_client_is_what_the_script_makes() -> None:
    there = {name: (FOLDER / name).read_text(encoding="utf-8") for name in make_sync(AIO)}
    assert there == make_sync(AIO), "change client/aio.py or aio_calls.py, then run `make sync`"


def test_nothing_asynchronous_is_left() -> None:
    code = re.sub(r'""".*?"""|`[^`]*`', "", "".join(make_sync(AIO).values()), flags=re.DOTALL)
    assert not re.search(r"\basync|\bawait\b|\baio|Async", code)


def test_a_new_method_comes_over() -> None:
    method = '    async def beat(self) -> PingResult:\n        """Beat."""\n        return await self.ping()\n\n'
    more = AIO["aio.py"].replace("    async def ping", method + "    async def ping")
    made = make_sync({**AIO, "aio.py": more})["sync.py"]
    assert '    def beat(self) -> PingResult:\n        """Beat."""\n        return self.ping()\n' in made


@pytest.mark.parametrize("row", [*SENTENCES, "await ", "aclosing"])
def test_a_row_that_is_of_no_use_is_told(row: str) -> None:
    assert any(row == told or row in told for told in [*SENTENCES, *WORDS])
    with pytest.raises(StaleRow):
        make_sync({name: text.replace(row, "") for name, text in AIO.items()})
