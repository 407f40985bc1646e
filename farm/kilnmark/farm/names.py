"""What everything is called at the broker: streams, buckets and subjects. Nothing else spells one of these names.

Work lies in one stream, a subject a job, so that the broker itself refuses a job that waits there already. A subject
begins with the partition that its job belongs to, of which each has a consumer that all nodes share.
"""

import base64
import hashlib
import re
from typing import NamedTuple

__all__ = [
    "CANCELS",
    "CONTENT",
    "FULL_BROKER",
    "LOST",
    "LOST_ADVISORY",
    "NODES",
    "PARTITIONS",
    "RESULTS",
    "WORK",
    "WORK_SUBJECTS",
    "Partition",
    "anew_subject",
    "cancel_key",
    "consumer_of",
    "drain_subject",
    "file_subject",
    "is_passed_on",
    "partition_filter",
    "partition_key",
    "partition_of_key",
    "pictures_of",
    "results_of",
    "submission_key",
    "token_of",
    "warm_subject",
    "work_subject",
]

WORK = "KILN_WORK"
"""The stream of jobs that nobody has finished."""

WORK_SUBJECTS = "kiln.work.>"

LOST = "KILN_LOST"
"""The stream of what the broker tells of jobs that it delivered as often as it may."""

LOST_ADVISORY = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{WORK}.>"

NODES = "kiln-nodes"
"""The bucket of what nodes say of themselves, a key a node."""

PARTITIONS = "kiln-partitions"
"""The bucket of what partitions ask for, a key a partition."""

CANCELS = "kiln-cancels"
"""The bucket of jobs that nobody wants any more: `<submitter>.<job>`."""

CONTENT = "kiln-content"
"""The object store of files that jobs need, each under its SHA-256 in hex."""

FULL_BROKER = "kilnmark-farm-full"
"""What a broker calls itself that takes nothing since its disk is full, so that whoever is connected knows."""

RESULTS = "kiln-results-"
"""How the buckets of results begin, of which each submitter has one."""

_PRIORITIES = ("high", "normal", "low")

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Partition(NamedTuple):
    """Jobs that any node which can do one of them can do all of, without changing its stack.

    Attributes:
        needs: Of the base and the program, `FarmNeeds.token`.
        stack: Of the adapters, `FarmJob.stack`.
        priority: `high`, `normal` or `low`.
    """

    needs: str
    stack: str
    priority: str


def token_of(text: str) -> str:
    """A text as one token of a subject or of a bucket's name: itself where it can be one, else its hash."""
    return text if _TOKEN.fullmatch(text) else "h-" + hashlib.sha256(text.encode()).hexdigest()[:40]


def partition_key(partition: Partition) -> str:
    """Its key in the bucket of partitions."""
    return ".".join(partition)


def partition_of_key(key: str) -> Partition:
    """The partition of a key of that bucket. Raises ValueError where it is none."""
    needs, stack, priority = key.split(".")
    if token_of(needs) != needs or token_of(stack) != stack or priority not in _PRIORITIES:
        raise ValueError(f"{key} is no partition")
    return Partition(needs, stack, priority)


def partition_filter(partition: Partition) -> str:
    """The subjects of its jobs."""
    return f"kiln.work.{partition_key(partition)}.>"


def consumer_of(partition: Partition) -> str:
    """The consumer that all nodes take its jobs from."""
    return "_".join(partition)


def work_subject(partition: Partition, submitter: str, job_id: str, copy: int = 0) -> str:
    """Where one job waits.

    Args:
        copy: Of a job that is raced by others, its number; the first is 0.
    """
    job = token_of(job_id) + (f"~{copy}" if copy else "")
    return f"kiln.work.{partition_key(partition)}.{token_of(submitter)}.{job}"


def anew_subject(subject: str) -> str:
    """Where a job waits that a node passes on, while its message still stands under this subject.

    Its copies are 2 and 3 in turn; 1 is that of a race.
    """
    first, _, copy = subject.partition("~")
    return f"{first}~{3 if copy == '2' else 2}"


def is_passed_on(subject: str) -> bool:
    """Whether a job stands there that a node has passed on, and so later than it was handed in."""
    return subject.partition("~")[2] in ("2", "3")


def results_of(submitter: str) -> str:
    """The bucket of how a submitter's jobs ended, a key a job: `token_of` its id."""
    return f"{RESULTS}{token_of(submitter)}"


def submission_key(submission: str, part: int | None = None) -> str:
    """Under what the jobs of a submission stand in its submitter's bucket of results, whose own keys have no dot.

    Args:
        part: Which of them; None: all, as a pattern.
    """
    return f"submissions.{submission}.{'*' if part is None else part}"


def pictures_of(submitter: str) -> str:
    """The object store of a submitter's pictures, each under its SHA-256 in hex."""
    return f"kiln-pictures-{token_of(submitter)}"


def file_subject(bucket: str, sha256: str) -> str:
    """Where an object store says what it has of a file, as its clients everywhere do."""
    return f"$O.{bucket}.M.{base64.urlsafe_b64encode(sha256.encode()).decode()}"


def cancel_key(submitter: str, job_id: str) -> str:
    """The key under which a job is said to be unwanted."""
    return f"{token_of(submitter)}.{token_of(job_id)}"


def warm_subject(variant: str) -> str:
    """What a base is asked of nodes by: one of those that serve it answers, with its `BaseInfo`."""
    return f"kiln.warm.{token_of(variant)}"


def drain_subject(node: str) -> str:
    """What a node is asked to finish and leave by; it answers."""
    return f"kiln.drain.{token_of(node)}"
