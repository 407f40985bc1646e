"""The standard variables: what they turn on, and how a wrong one is told."""

import pytest

from kilnmark.otel.settings import EXPORT_TIMEOUT, SignalSettings, TracingMisconfigured, read_settings

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318"}


@pytest.mark.parametrize(
    ("env", "exporters"),
    [
        ({}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ()),
        ({"OTEL_SERVICE_NAME": "x"}, ()),
        (ENDPOINT, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector.test/v1/traces"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console"}, ("console",)),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, ("otlp", "console")),
        ({"OTEL_TRACES_EXPORTER": "otlp,otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "none"}, ()),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, ()),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"}, ()),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "false"}, ("otlp",)),
    ],
)
def test_traces_leave_only_when_a_variable_asks(env: dict[str, str], exporters: tuple[str, ...]) -> None:
    assert read_settings(env).exporters == exporters


@pytest.mark.parametrize(
    ("env", "protocol"),
    [
        ({}, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "http/protobuf",
        ),
    ],
)
def test_the_protocol_for_traces_wins_over_the_general_one(env: dict[str, str], protocol: str) -> None:
    assert read_settings(ENDPOINT | env).protocol == protocol


def test_an_export_may_take_two_seconds_unless_a_variable_says_otherwise() -> None:
    assert read_settings(ENDPOINT).timeout == EXPORT_TIMEOUT == 2.0
    assert read_settings(ENDPOINT | {"OTEL_EXPORTER_OTLP_TIMEOUT": "7"}).timeout is None
    assert read_settings(ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "7"}).timeout is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_TRACES_EXPORTER", "otlp,none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:99999"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/no/such/key.pem"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "fast"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "nan"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable_and_the_value(name: str, value: str) -> None:
    with pytest.raises(TracingMisconfigured) as caught:
        read_settings(ENDPOINT | {name: value})
    assert (caught.value.variable, caught.value.value) == (name, value)
    assert str(caught.value).startswith(f"{name} is {value!r}; set it to ")


@pytest.mark.parametrize("ratio", ["", "0", "0.25", "1"])
def test_a_ratio_from_nought_to_one_is_taken(ratio: str) -> None:
    env = ENDPOINT | {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": ratio}
    assert read_settings(env).exporters == ("otlp",)


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "half", "nan"])
def test_another_ratio_is_refused(ratio: str) -> None:
    with pytest.raises(TracingMisconfigured, match="OTEL_TRACES_SAMPLER_ARG"):
        read_settings(ENDPOINT | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": ratio})


def test_nothing_is_checked_while_tracing_is_off() -> None:
    wrong = {"OTEL_EXPORTER_OTLP_PROTOCOL": "smoke", "OTEL_TRACES_SAMPLER": "sometimes"}
    assert read_settings(wrong) == SignalSettings()
    assert read_settings(ENDPOINT | wrong | {"OTEL_SDK_DISABLED": "true"}) == SignalSettings()


@pytest.mark.parametrize("endpoint", ["collector:4317", "unix:/run/collector.sock", "unix:///run/collector.sock"])
def test_grpc_takes_an_address_without_a_scheme_or_a_host(endpoint: str) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert read_settings(env).protocol == "grpc"


@pytest.mark.parametrize(
    ("endpoint", "env", "protocol"),
    [
        ("http://collector:4317", {}, "grpc"),
        ("collector:4317", {}, "grpc"),
        ("http://[::1]:4317", {}, "grpc"),
        ("http://collector:4318", {}, "http/protobuf"),
        ("http://collector:4317", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http/protobuf"),
    ],
)
def test_the_port_of_grpc_is_spoken_to_in_grpc_unless_a_variable_says_otherwise(
    endpoint: str, env: dict[str, str], protocol: str
) -> None:
    assert read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **env}).protocol == protocol
