"""Bodies that no program of good will sends are told of, and end nothing."""

import json
from pathlib import Path

import pytest

from tests.web.asking import TOKENS, Asker


@pytest.mark.parametrize("value", ["[" * 100_000, '"half of \\ud83d"', "[1"])
def test_a_field_that_is_no_json_is_told(tmp_path: Path, value: str) -> None:
    body = f'--x\r\nContent-Disposition: form-data; name="loras"\r\n\r\n{value}\r\n--x--\r\n'.encode()
    headers = {"content-type": "multipart/form-data; boundary=x", "authorization": f"Bearer {TOKENS.write}"}
    answer = Asker(str(tmp_path / "nobody.sock")).ask("POST", "/v1/images/edits", headers, body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["param"] == "loras"
