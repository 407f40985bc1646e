"""The document of inspected files: what is written is read again, also by an older reader."""

import msgspec
import pytest

from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.inspection import CaptionTag, Inspection, InspectionDocument, Metadata, TargetChange
from tests.protocol.test_messages import REPORT

SHARED = {name: getattr(REPORT, name) for name in Inspection.__struct_fields__ if hasattr(REPORT, name)}
INSPECTION = Inspection(
    **SHARED,
    metadata=Metadata(title="ink", caption_tags=(CaptionTag("rain", 3),), entry_count=1, entries={"a": "b"}),
    targets=(TargetChange("transformer_blocks.0.attn.to_q", (3072, 3072), 0.5),),
)
DOCUMENT = InspectionDocument([INSPECTION])


def test_an_inspection_has_the_fields_of_a_report_that_need_no_base() -> None:
    assert set(AdapterReport.__struct_fields__) - set(SHARED) == {
        "name",
        "scale",
        "delta_ratio",
        "probe_divergence",
        "effective_share",
        "stack_share",
        "group_shares",
        "undone_targets",
        "drowned_targets",
        "strong_target",
        "quantized_survival",
        "block_scales",
    }


def test_a_document_comes_back_equal() -> None:
    assert msgspec.json.decode(msgspec.json.encode(DOCUMENT), type=InspectionDocument) == DOCUMENT


def test_a_document_of_a_newer_daemon_may_have_more_fields() -> None:
    document = msgspec.to_builtins(DOCUMENT)
    document["brand_new"] = document["files"][0]["brand_new"] = document["files"][0]["metadata"]["brand_new"] = 1
    assert msgspec.json.decode(msgspec.json.encode(document), type=InspectionDocument) == DOCUMENT


@pytest.mark.parametrize("type_", [CaptionTag, Metadata, TargetChange, Inspection, InspectionDocument])
def test_every_part_is_frozen(type_: type[msgspec.Struct]) -> None:
    assert type_.__struct_config__.frozen
