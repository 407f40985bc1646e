"""Manifests of promoted adapters as text, for tests of whoever reads them."""

__all__ = ["manifest"]

_REPORT = "b" * 64
_WHEN = "'2026-11-28T10:00:00Z'"


def manifest(*sha256s: str, scale: float | None = None) -> str:
    """A whole `loras.yaml` with adapters of these bytes, verified at a scale."""
    if not sha256s:
        return "promoted: []\n"
    at = "" if scale is None else f", scale: {scale}"
    verified = f"{{report: verify.json, sha256: {_REPORT}, verdict: passed, thresholds: '1'{at}}}"
    signed = f"signed_by: Ada, when: {_WHEN}, verification: {verified}"
    entries = (
        f"  - {{name: n{i}, file: f, sha256: {sha256}, kind: style, base: dev, {signed}}}\n"
        for i, sha256 in enumerate(sha256s)
    )
    events = (
        f"  - {{event: promote, name: n{i}, sha256: {sha256}, by: Ada, when: {_WHEN}}}\n"
        for i, sha256 in enumerate(sha256s)
    )
    return f"promoted:\n{''.join(entries)}history:\n{''.join(events)}"
