"""Every name of the product's telemetry, each once, with what people have to know of it.

Dashboards and alerts are made of these, and so is docs/telemetry.md: a change here is a change of the public interface.
"""

from kilnmark.otel.names.attributes import *  # noqa: F403 - all of them, each in the `__all__` there
from kilnmark.otel.names.definitions import *  # noqa: F403 - all of them, each in the `__all__` there
from kilnmark.otel.names.farm import *  # noqa: F403 - all of them, each in the `__all__` there
from kilnmark.otel.names.farm_metrics import *  # noqa: F403 - all of them, each in the `__all__` there
from kilnmark.otel.names.metrics import *  # noqa: F403 - all of them, each in the `__all__` there
from kilnmark.otel.names.semconv import *  # noqa: F403 - all of them, each in the `__all__` there
from kilnmark.otel.names.spans import *  # noqa: F403 - all of them, each in the `__all__` there
