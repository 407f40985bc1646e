"""The root of every error that this product raises on purpose, and the whole tree as it is drawn here.

Each class stands in the room that raises it, stores facts, and words them once. Nothing but the root lives here. Where
an error leaves a part, one table says what it becomes: `BY_CODE` has the class of each number on the wire, `ASKED` of
the daemon what a request ends with whose files or documents are wrong, `ENDS` of the engine what a render ends with,
and `EXITS` of the command line and of the daemon how a process does.

    KilnmarkError
    ├── RequestError                 what a request ends with, on both ends of the wire: protocol/wire/errors
    │   ├── ParseError
    │   ├── InvalidRequest
    │   ├── UnknownMethod
    │   ├── InvalidParams
    │   ├── InternalError
    │   ├── RenderFailed
    │   ├── QueueFull
    │   ├── Draining
    │   ├── WorkerLost
    │   ├── UnknownJob
    │   ├── JobTimedOut
    │   ├── StorageFailed
    │   ├── AdapterRefused
    │   │   └── AdapterNotAllowed
    │   ├── AdapterNotEngaged
    │   ├── JournalFailed
    │   ├── JobIdTaken
    │   ├── NoWorker
    │   ├── PictureRefused
    │   └── Cancelled
    ├── UnusableContent              packs and what they describe: protocol/content/problems
    │   └── UnknownName
    ├── UnusableFamily               an installed family: protocol/picture/catalog
    ├── UnknownVariant
    ├── RefusedFile                  an adapter file that is not applied: keymaps/errors
    │   ├── MissingFile
    │   ├── OutsideRoots
    │   ├── ExchangedFile
    │   ├── UnsafeFile
    │   └── UnfitAdapter
    ├── RefusedPicture               a file that no picture starts from: keymaps/errors
    ├── UnusableGoal                 where a remapped file cannot go
    ├── UnusableScales               scales for some blocks that cannot be meant: keymaps/errors
    ├── UnusableReport               no report on a file, or one that makes none: keymaps/filereport/document
    ├── WeightsProblem               a directory that is no base: keymaps/files/weights
    ├── BaseUnavailable              a base that cannot be held: engine/families/family
    ├── TrainingRefused              a training by mflux that is not done so: engine/families/flux2/training
    ├── UnreadableConfig             a file of settings: client/cli/settings/config_file
    ├── OutputLost                   stdout cannot be written to: client/cli/streams
    ├── ModelProblem                 a model fetched or removed: client/cli/models/errors
    │   ├── NothingToFetch
    │   ├── HubNotInstalled
    │   ├── FetchingForbidden
    │   ├── ModelWithheld
    │   ├── ModelNotPublished
    │   ├── HubFailed
    │   ├── DamagedFile
    │   ├── NotWhole
    │   ├── NoRoom
    │   ├── CacheUnusable
    │   ├── FetchedElsewhere
    │   ├── ModelNotHere
    │   └── ModelInUse
    ├── ServiceProblem               the daemon as a service: client/cli/service/errors
    │   ├── NoServiceManager
    │   ├── FileIsTheirs
    │   ├── ServiceNotInstalled
    │   ├── ManagerFailed
    │   ├── SettingsRefused
    │   ├── SocketInUse
    │   ├── SocketUnfit
    │   └── UnfitForService
    ├── SettingsError                what the daemon was told: daemon/settings
    ├── JournalUnusable              a journal that cannot be kept: daemon/journal/schema
    │   ├── JournalHeld
    │   ├── JournalReplaced
    │   └── NewerJournal
    ├── BaseNotHeld                  the first base of a daemon: daemon/worker/held
    ├── SocketHeld                   daemon/wire/place
    ├── UnfitSocketPath
    ├── TracingMisconfigured         otel/variables
    ├── NotTaken                     a message about an end: web/hooks/send
    └── ClientError                  the client's own side of the socket: client/errors
        ├── DaemonUnavailable
        ├── UntrustedSocket
        ├── DaemonNotInstalled
        ├── DaemonDidNotStart
        ├── ConnectionLost
        ├── ForkedClient
        ├── BadReply
        ├── TimedOut
        │   ├── ConnectTimeout
        │   ├── ReplyTimeout
        │   ├── RenderTimeout
        │   ├── SilenceTimeout
        │   └── StopTimeout
        ├── FormRefused              pages served: client/web/errors
        ├── PortTaken
        ├── ServerNotInstalled
        ├── BodyRefused              web/errors
        ├── TokensUnusable
        ├── HooksUnusable
        ├── UnknownModel
        ├── NothingThere
        ├── McpNotInstalled          agents served: web/mcp/errors
        ├── OutsideOutputs
        ├── FarmError                many machines: farm/errors
        │   ├── FarmNotInstalled
        │   ├── BrokerAway
        │   │   └── BrokerFull
        │   ├── BrokerNotTrusted
        │   ├── BrokerRefused
        │   ├── FarmNotSetUp
        │   ├── FarmNotUsable
        │   ├── ContentUnusable
        │   ├── NameTaken
        │   ├── NoNode
        │   ├── NodeUnfit
        │   └── WorkRefused
        ├── BatchError               what stops a whole batch: client/batch/errors
        │   ├── BrokenManifest
        │   ├── CannotPublish
        │   ├── FolderInUse
        │   ├── FolderUnusable
        │   ├── NoSuchPicture
        │   ├── NotPaintedAgain
        │   ├── NoTokenizers
        │   └── PicksHeld
        └── LabError                 what stops a step of the lab: lab/errors
            ├── NotInstalled
            ├── RunMissing
            ├── RunInUse
            ├── NotReady             something that a step needs is not so
            │   ├── NothingToSweep   sweeps: lab/sweep/errors
            │   ├── CannotPick
            │   ├── NothingToVerify  the gate: lab/gate/errors
            │   ├── NotSigned
            │   ├── NothingToJudge   judges: lab/judging/errors
            │   └── NotComparable
            ├── NotFit               something that a step is given: lab/errors
            │   ├── RunUnusable
            │   ├── LayoutUnwritable  copies for trainers: lab/dataset/errors
            │   ├── CannotDeploy     deployments: lab/sweep/errors
            │   ├── PromotionRefused  lab/promotion/errors
            │   ├── NotPromotable
            │   └── JudgeUnusable    judges: lab/judging/errors
            ├── DatasetMissing       a dataset: lab/dataset/errors
            ├── DatasetRefused
            ├── DatasetChanged
            ├── NotPreflighted
            ├── OverBudget           lab/run/spending
            ├── NoRoot               lab/sweep/errors
            ├── PromotionHeld        lab/promotion/errors
            ├── ManifestLost
            ├── TrainingProblem      trainings: lab/training/errors
            │   ├── TrainerUnusable
            │   ├── EnvironmentChanged
            │   ├── NewTrainingNeeded
            │   ├── TrainingUncertain
            │   ├── TrainingEnded
            │   ├── DeadCheckpoint
            │   ├── ImportRefused
            │   ├── KeyUnusable
            │   └── RemoteProblem
            │       ├── RemoteAway
            │       └── RemoteRefused
            ├── ExportRefused        pages over runs: lab/pages/export
            ├── PageMissing          lab/pages/answers
            ├── LimitsUnusable       the gate: lab/gate/errors
            ├── KeyMissing           judges, and who else votes: lab/judging/errors
            ├── KeyRefused
            ├── AskingRefused
            ├── JudgeUnreachable
            ├── JudgeBusy
            ├── JudgementLost
            └── VoteRefused
"""

from collections.abc import Mapping
from typing import TypeVar

__all__ = ["KilnmarkError", "nearest"]

T = TypeVar("T")


class KilnmarkError(Exception):
    """The root of every error this product raises on purpose."""


def nearest(table: Mapping[type[KilnmarkError], T], error: type[KilnmarkError]) -> T:
    """What a table has for a class, or for the nearest class above it.

    Raises:
        KeyError: For none of them, not even for the root.
    """
    for cls in error.__mro__:
        if cls in table:
            return table[cls]
    raise KeyError(error)
