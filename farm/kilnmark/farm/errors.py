"""Why the farm cannot be reached, or does not do what it is asked for. Each stores facts, worded when printed."""

from kilnmark.client.errors import ClientError
from kilnmark.protocol.exits import ExitCode

__all__ = [
    "BrokerAway",
    "BrokerFull",
    "BrokerNotTrusted",
    "BrokerRefused",
    "ContentUnusable",
    "FarmError",
    "FarmNotInstalled",
    "FarmNotSetUp",
    "FarmNotUsable",
    "NameTaken",
    "NoNode",
    "NodeUnfit",
    "WorkRefused",
]


class FarmError(ClientError):
    """What goes wrong between this program and the farm."""

    kind = "farm_failed"
    retryable = False


class FarmNotInstalled(FarmError):
    """The packages of the farm are not here."""

    kind = "farm_not_installed"
    exit_code = ExitCode.USAGE

    def __str__(self) -> str:
        return "the farm needs packages that are not installed; say `pip install 'kilnmark[farm]'`"


class BrokerAway(FarmError):
    """Nobody answers at the broker's address, or it went away for longer than was waited.

    Args:
        address: Of the broker.
        reason: What became of the last try.
    """

    kind = "broker_away"
    retryable = True
    exit_code = ExitCode.NO_DAEMON

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"no broker answers at {self.address} ({self.reason}); start one with `kilnmark farm up`, or name another"
        )


class BrokerNotTrusted(FarmError):
    """Whoever answers at the broker's address does not prove to be the broker.

    Args:
        address: Of the broker.
        reason: What is wrong with its certificate.
    """

    kind = "broker_not_trusted"
    exit_code = ExitCode.USAGE

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        mend = "give the credentials that its `kilnmark farm up` wrote last, and an address that stands in them"
        return f"what answers at {self.address} does not prove to be the farm's broker ({self.reason}); {mend}"


class BrokerFull(BrokerAway):
    """The broker has no room for what it is given, until somebody makes some.

    Args:
        address: Of the broker.
        reason: What was tried.
    """

    kind = "broker_full"

    def __str__(self) -> str:
        return (
            f"the broker at {self.address} has no room left on its disk, and did not {self.reason}; free some there, "
            "or keep results for fewer days with `kilnmark farm up --kept`; then all goes on"
        )


class BrokerRefused(FarmError):
    """The broker does not let these credentials do something.

    Args:
        address: Of the broker.
        what: What was tried.
        role: Whose credentials they are; empty where there are none.
        would: Of which roles credentials would do, where that is known.
    """

    kind = "broker_refused"
    exit_code = ExitCode.USAGE

    def __init__(self, address: str, what: str, role: str, would: tuple[str, ...] = ()) -> None:
        super().__init__(address, what, role, would)
        self.address = address
        self.what = what
        self.role = role
        self.would = would

    def __str__(self) -> str:
        who = f"these credentials of {_a(self.role)} {self.role}" if self.role else "anybody without credentials"
        said = f"the broker at {self.address} does not let {who} {self.what}"
        others = f"those of {' or '.join(f'{_a(each)} {each}' for each in self.would)}" if self.would else "others"
        return f"{said}; give {others} with --farm-credentials, or KILNMARK_FARM_CREDENTIALS"


def _a(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


class FarmNotSetUp(FarmError):
    """The broker answers, and has nothing of a farm, or not of this submitter.

    Args:
        address: Of the broker.
        missing: What is not there.
        mend: The command that makes it.
    """

    kind = "farm_not_set_up"
    exit_code = ExitCode.USAGE

    def __init__(self, address: str, missing: str, mend: str) -> None:
        super().__init__(address, missing, mend)
        self.address = address
        self.missing = missing
        self.mend = mend

    def __str__(self) -> str:
        return f"the broker at {self.address} has no {self.missing}; say {self.mend}"


class FarmNotUsable(FarmError):
    """Something on this machine is not as the farm needs it.

    Args:
        what: The file, folder or setting.
        reason: Why it cannot be used, and the mend.
    """

    kind = "farm_not_usable"
    exit_code = ExitCode.USAGE

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


class NameTaken(FarmError):
    """Another node is there under the same name.

    Args:
        name: It.
    """

    kind = "name_taken"
    exit_code = ExitCode.USAGE

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        mend = "give this one its own with --name, and credentials of that name where the broker asks for some"
        return f"another node called {self.name} works for this farm; {mend}"


class NoNode(FarmError):
    """No node is known that could do the work, so that nobody knows what its pictures would be of.

    Args:
        address: Of the broker.
        wanted: What no node has.
        mend: What to do.
    """

    kind = "no_node"
    retryable = True
    exit_code = ExitCode.NO_DAEMON

    def __init__(self, address: str, wanted: str, mend: str) -> None:
        super().__init__(address, wanted, mend)
        self.address = address
        self.wanted = wanted
        self.mend = mend

    def __str__(self) -> str:
        return f"no node of the farm at {self.address} {self.wanted}; {self.mend}"


class ContentUnusable(FarmError):
    """A file that a job needs cannot be had from the broker as it was handed in.

    Args:
        name: What it is called.
        sha256: Under which it was handed in, in hex.
        reason: What is wrong with it.
    """

    kind = "content_unusable"
    retryable = True

    def __init__(self, name: str, sha256: str, reason: str) -> None:
        super().__init__(name, sha256, reason)
        self.name = name
        self.sha256 = sha256
        self.reason = reason

    def __str__(self) -> str:
        mend = "hand the work in again with --content-anew"
        return f"{self.name} ({self.sha256[:12]}) cannot be had from the farm: {self.reason}; {mend}"


class NodeUnfit(FarmError):
    """A node gave a job back, and can do no other before something is mended.

    Args:
        reason: What, in a sentence.
    """

    kind = "node_unfit"
    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class WorkRefused(FarmError):
    """A node does not do some work, or cannot, that others may: it gave the job back, and takes no more of it.

    Args:
        reason: Why, in a sentence, with the mend.
        whole_base: All work for that base is meant, and not one stack.
    """

    kind = "work_refused"

    def __init__(self, reason: str, *, whole_base: bool = False) -> None:
        super().__init__(reason, whole_base)
        self.reason = reason
        self.whole_base = whole_base

    def __str__(self) -> str:
        return self.reason
