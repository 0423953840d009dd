"""Every exception pyresque raises, and the names Ruby knows the same trouble by.

Records that Ruby reads bear Ruby's exception names: a class here that has such a name says so in ``ruby_name``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class PyresqueError(Exception):
    """The root of all of pyresque's exceptions."""

    #: The exception name written into records that Ruby reads; None: the Python class's own name.
    ruby_name: ClassVar[str | None] = None

    #: The exit code of a command that ends with this error: 2 if another command line would have avoided it.
    exit_code: ClassVar[int] = 1


# -- enqueueing ---------------------------------------------------------------------------------


class NothingToPerform(PyresqueError):
    """A worker was started for an application that registers no job."""

    exit_code = 2


class NoQueueError(PyresqueError):
    """A job or a worker was given no queue (Ruby: ``Resque::NoQueueError``)."""

    ruby_name = "Resque::NoQueueError"
    exit_code = 2


class NoClassError(PyresqueError):
    """A job was given no class name (Ruby: ``Resque::NoClassError``)."""

    ruby_name = "Resque::NoClassError"
    exit_code = 2


class NotEncodable(PyresqueError):
    """A value cannot be written so that Ruby reads it back; ``path`` says which one.

    ``path`` is written as a Python expression from the arguments on: ``args[1]["when"]``.
    """

    exit_code = 2

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be sent to Ruby: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[NotEncodable], tuple[str, str]]:
        """Rebuild from the two parts, so that the error crosses process boundaries."""
        return (type(self), (self.path, self.reason))


class JobArgumentError(PyresqueError, TypeError):
    """A registered job is enqueued with keyword arguments that its function does not take."""


class DuplicateJobError(PyresqueError):
    """Two different callables were registered under one job name."""


class LintError(PyresqueError):
    """A hook's name is not namespaced (Ruby: ``Resque::Plugin::LintError``)."""

    ruby_name = "Resque::Plugin::LintError"


# -- reading what is in Redis ------------------------------------------------------------------


class DecodeError(PyresqueError):
    """Bytes are not what Ruby's decoder accepts (Ruby: ``Resque::Helpers::DecodeException``)."""

    ruby_name = "Resque::Helpers::DecodeException"


class NotAJob(PyresqueError):
    """A payload was decoded but is not a job: not an object, or its class or args make no sense."""

    ruby_name = "TypeError"


class UnknownJobClass(PyresqueError):
    """A payload names a class that is not registered (Ruby: ``NameError``)."""

    ruby_name = "NameError"


class NoPerformError(UnknownJobClass):
    """A payload names something that is there but performs nothing, as no class at all does (Ruby: ``NoMethodError``)."""

    ruby_name = "NoMethodError"

    @property
    def constant(self) -> str:
        """What is there, such as ``Object``."""
        return str(self).removeprefix("undefined method `perform' for ").removesuffix(":Class")


class WorkerIdError(PyresqueError):
    """A worker id is not of the form ``host:pid:queue,queue``."""


class NoSuchWorker(PyresqueError):
    """No worker of that id is registered."""


class JobInHand(PyresqueError):
    """A worker that has a job was asked to reserve another."""


class NoSuchFailure(PyresqueError):
    """There is no failed record at that place, or it holds no job that could be put back."""


class RetryCancelled(PyresqueError):
    """What the failed record of an ActiveJob says whose retry was cancelled."""


class InvalidFailureQueue(PyresqueError):
    """The failure backend in use has no such queue (Ruby: ``ArgumentError``)."""

    ruby_name = "ArgumentError"
    exit_code = 2


# -- a job's end ---------------------------------------------------------------------------------


class DontPerform(Exception):
    """Raise it in a ``before_perform`` hook to leave the job unperformed, without a failure.

    Anywhere else in a job it is an ordinary failure, as in Ruby (``Resque::Job::DontPerform``).
    """

    ruby_name: ClassVar[str | None] = "Resque::Job::DontPerform"


class DirtyExit(PyresqueError):
    """A child ended before it reported how its job went (Ruby: ``Resque::DirtyExit``)."""

    ruby_name = "Resque::DirtyExit"


class PruneDeadWorkerDirtyExit(DirtyExit):
    """A worker was pruned while it had a job (Ruby: ``Resque::PruneDeadWorkerDirtyExit``).

    The message is Ruby's, word for word.
    """

    ruby_name = "Resque::PruneDeadWorkerDirtyExit"

    def __init__(self, worker_id: str, class_name: str | None = None) -> None:
        super().__init__(
            f"Worker {worker_id} did not gracefully exit while processing {class_name or '<Unknown Job>'}"
        )


class TermException(BaseException):
    """Raised inside a running job when its worker must stop (Ruby: ``Resque::TermException``).

    Like Ruby's ``SignalException`` it passes every ``except Exception``.
    """

    ruby_name: ClassVar[str | None] = "Resque::TermException"


class MiddlewareError(PyresqueError):
    """A middleware called ``call_next`` more than once."""


class FailureHookError(PyresqueError):
    """A failure hook failed itself; the message holds both errors."""

    ruby_name = "RuntimeError"


class AroundHookError(PyresqueError):
    """An around hook yielded more than once."""


# -- schedules -----------------------------------------------------------------------------------

_SHOWN_OF_A_LINE = 100


class CronError(PyresqueError):
    """A cron line cannot be read, or names a day that never comes (Ruby: ``ArgumentError``)."""

    ruby_name = "ArgumentError"

    def __init__(self, line: object, problem: str, example: str) -> None:
        shown = repr(line)
        shown = shown if len(shown) <= _SHOWN_OF_A_LINE else f"{shown[:_SHOWN_OF_A_LINE]}..."
        super().__init__(f"cron line {shown}: {problem}; a line that works: {example!r}")
        self.line = line
        self.problem = problem
        self.example = example

    def __reduce__(self) -> tuple[type[CronError], tuple[object, str, str]]:
        """Rebuild from the three parts, so that the error crosses process boundaries."""
        return (type(self), (self.line, self.problem, self.example))


class DurationError(PyresqueError):
    """A text or number is not a duration a schedule can run by (Ruby: ``ArgumentError``)."""

    ruby_name = "ArgumentError"


class TimestampError(PyresqueError):
    """What was given as the time of a delayed job names no point in time (Ruby: ``ArgumentError``)."""

    ruby_name = "ArgumentError"
    exit_code = 2


class ScheduleError(PyresqueError):
    """A recurring job's configuration cannot be used; each of its faults stands in the message (Ruby: ``ArgumentError``)."""

    ruby_name = "ArgumentError"
    exit_code = 2

    def __init__(self, name: str, faults: tuple[str, ...]) -> None:
        super().__init__(f"schedule {name!r}: {'; '.join(faults)}")
        self.name = name
        self.faults = faults

    def __reduce__(self) -> tuple[type[ScheduleError], tuple[str, tuple[str, ...]]]:
        """Rebuild from the two parts, so that the error crosses process boundaries."""
        return (type(self), (self.name, self.faults))


class FileFault(PyresqueError):
    """A file in YAML is not what is asked for; the message has the line, its reader adds the file's name."""


class ScheduleFileError(PyresqueError):
    """A schedule's file cannot be read; the message names the line."""

    exit_code = 2


class ShadowWriteError(PyresqueError):
    """A job of a shadow run would have written to Redis; it is refused."""


class StubsError(PyresqueError):
    """Handlers of ``pyresque migrate stubs`` cannot be written where they are to stand."""


# -- settings, connections, hosts ------------------------------------------------------------------


class SettingsError(PyresqueError):
    """One or more settings are wrong; the message lists all of them, each with where it came from."""

    exit_code = 2


class ConnectError(PyresqueError):
    """A Redis URL cannot be used."""

    exit_code = 2


class RedisUnavailable(PyresqueError):
    """Redis cannot be reached or cannot serve now, or the connection broke; the request may have been carried out."""


class ConnectionFault(ConnectError, RedisUnavailable):
    """A connection cannot be made as it is configured: Redis refuses the log-in, or TLS does not come about.

    Waiting alone does not mend it, but an operator may: a worker that must write how its job ended waits for that.
    """


class ClusterFault(ConnectionFault):
    """A server is a node of a cluster, and the URL or the namespace is none for a cluster; no wait mends that."""


class NotCarriedOut(RedisUnavailable):
    """A server has not carried out a command, and another one will, or this one soon.

    A demoted master (READONLY), a slot of a cluster that is on its way (TRYAGAIN), a cluster that is not whole (CLUSTERDOWN).
    """


class Redirected(NotCarriedOut, ClusterFault):
    """A node of a cluster names the node that has a key's slot (MOVED), or will have it (ASK); nothing was carried out."""

    def __init__(
        self, message: str, *, host: str = "", port: int = 0, asking: bool = False
    ) -> None:
        super().__init__(message)
        self.host = host
        self.port = port
        self.asking = asking


class NotReplicated(PyresqueError):
    """A job is in its queue or among the delayed jobs, and fewer replicas have it than ``enqueue_replicas`` asks for.

    Whoever enqueues it again enqueues it twice. Its after_enqueue and after_schedule hooks have not run.
    """


class RedisCommandError(PyresqueError):
    """Redis refused a command; the message is the server's (Ruby: ``Redis::CommandError``)."""

    ruby_name = "Redis::CommandError"


class NotPermitted(RedisCommandError):
    """The Redis user may not run a command, or not on that key (NOPERM); the message names both."""


class WrongKey(RedisCommandError):
    """A key holds what Resque does not keep there: a value of another type, or a counter that is not a number."""


class ScriptMissing(RedisCommandError):
    """The server does not know that Lua script yet (NOSCRIPT)."""


class UnexpectedReply(RedisCommandError):
    """What answers is no Redis, or a proxy before it does not carry out a command: the reply is none that Redis gives to it."""


class AppImportError(PyresqueError):
    """The application given by ``-A`` cannot be imported or is no ``Resque``."""

    exit_code = 2


class NoRedisServer(PyresqueError):
    """There is no Redis server program on this machine that could be started."""


class MissingPackage(PyresqueError, ModuleNotFoundError):
    """A part of pyresque needs a package that one of its extras brings; the message says how to install it."""

    def __init__(self, what: str, extra: str, missing: ModuleNotFoundError) -> None:
        name = missing.name or "a package"
        super().__init__(f"{what} needs {name}: pip install 'pyresque[{extra}]'", name=name)


class TestKitError(PyresqueError):
    """The test kit (``pyresque.testing``) cannot do what a test asks for."""

    #: pytest looks for tests in classes of this name.
    __test__ = False


class DemoFailed(PyresqueError):
    """The demo did not see what its story says."""


# -- ActiveJob ------------------------------------------------------------------------------------


class SerializationError(PyresqueError):
    """An argument cannot be sent to a Rails job; nothing was written (Ruby: ``ActiveJob::SerializationError``)."""

    ruby_name = "ActiveJob::SerializationError"


class DeserializationError(PyresqueError):
    """A Rails job's arguments cannot be read, or their record is gone; the cause says why.

    Ruby: ``ActiveJob::DeserializationError``.
    """

    ruby_name = "ActiveJob::DeserializationError"

    def __init__(self, cause: str) -> None:
        super().__init__(f"Error while trying to deserialize arguments: {cause}")
        self.cause = cause

    def __reduce__(self) -> tuple[type[DeserializationError], tuple[str]]:
        """Rebuild from the cause, so that the error crosses process boundaries."""
        return (type(self), (self.cause,))


class GlobalIDError(PyresqueError, ValueError):
    """A GlobalID lacks a part or has one that no GlobalID can have (Ruby: ``URI::GID::MissingModelIdError``)."""

    ruby_name = "URI::GID::MissingModelIdError"


class EnvelopeError(PyresqueError):
    """A field of an ActiveJob has a value Rails cannot use; the message is Ruby's (``ArgumentError``)."""

    ruby_name = "ArgumentError"


class EnvelopeTypeError(EnvelopeError):
    """A field of an ActiveJob is of the wrong kind; the message is Ruby's (``TypeError``)."""

    ruby_name = "TypeError"


class UnknownActiveJobError(PyresqueError):
    """No active job of that Ruby class is registered (Rails 8.1: ``ActiveJob::UnknownJobClassError``)."""

    ruby_name = "ActiveJob::UnknownJobClassError"


class NoDelayError(PyresqueError):
    """A retry rule's wait is nothing that Rails version can compute; the message is Ruby's (``RuntimeError``)."""

    ruby_name = "RuntimeError"


class EnvelopeMethodError(EnvelopeError):
    """A field of an ActiveJob is missing or nothing Rails can call; the message is Ruby's (``NoMethodError``)."""

    ruby_name = "NoMethodError"


# -- limits ----------------------------------------------------------------------------------------


class JobOptionError(PyresqueError, ValueError):
    """A job, hook, middleware or locator was registered with an option that makes no sense."""


class JobNotUnique(PyresqueError):
    """An equal active job is enqueued, or performed (activejob-uniqueness)."""

    ruby_name = "ActiveJob::Uniqueness::JobNotUnique"


class ThrottledError(PyresqueError):
    """A class was enqueued more often than its plugin Throttle allows."""

    ruby_name = "Resque::ThrottledError"


class NotANumber(PyresqueError, ValueError):
    """A job told its status a total that is no number above 0 (Ruby: ``Resque::Plugins::Status::NotANumber``)."""

    ruby_name = "Resque::Plugins::Status::NotANumber"


class JobKilled(BaseException):
    """Raised inside a tracked job that was cancelled, at its next step (Ruby: ``Resque::Plugins::Status::Killed``).

    It passes every ``except Exception``, so that a job cannot go on by accident.
    """

    ruby_name: ClassVar[str | None] = "Resque::Plugins::Status::Killed"


class NoJobStatus(PyresqueError):
    """A job has no status: it is not tracked, or its status has expired or was removed."""


class JobFailed(PyresqueError):
    """The tracked job whose result is asked for has failed; the text is its status' message."""


class JobCancelled(PyresqueError):
    """The tracked job whose result is asked for was cancelled."""


class ResultNotKept(PyresqueError):
    """A tracked job has returned a value that is no JSON, or too large to be kept."""


class JobTimeout(PyresqueError):
    """Raised inside a running job whose time is up (soft limit), so that it can clean up (Ruby: ``Timeout::Error``)."""

    ruby_name = "Timeout::Error"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the job ran longer than its limit of {seconds:g} s")
        self.seconds = seconds

    def __reduce__(self) -> tuple[type[JobTimeout], tuple[float]]:
        """Rebuild from the limit, so that the error crosses process boundaries."""
        return (JobTimeout, (self.seconds,))


class HardTimeLimit(DirtyExit):
    """A child was killed because its job's hard limit had passed; never put back, but recorded (Ruby: ``Resque::DirtyExit``)."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Child process was killed: its job ran longer than its hard limit of {seconds:g} s"
        )
        self.seconds = seconds

    def __reduce__(self) -> tuple[type[HardTimeLimit], tuple[float]]:
        """Rebuild from the limit, so that the error crosses process boundaries."""
        return (HardTimeLimit, (self.seconds,))


class HealthPortError(PyresqueError):
    """The health port cannot be opened."""


# -- continuations ---------------------------------------------------------------------------------


class JobInterrupted(BaseException):
    """Raised inside a job in steps that shall put down where it is and go on later; passes every ``except Exception``."""

    ruby_name = "ActiveJob::Continuation::Interrupt"


class ContinuationError(PyresqueError):
    """Something is wrong with a job's steps, so that going on later would not help."""

    ruby_name = "ActiveJob::Continuation::Error"


class StepError(ContinuationError):
    """A step stands where it cannot: nested, twice, or other than in the run before."""

    ruby_name = "ActiveJob::Continuation::InvalidStepError"


class CursorError(ContinuationError):
    """A cursor that is no whole number cannot advance by itself."""

    ruby_name = "ActiveJob::Continuation::UnadvanceableCursorError"


class ResumeLimitError(ContinuationError):
    """A job in steps was interrupted once more often than it may be resumed."""

    ruby_name = "ActiveJob::Continuation::ResumeLimitError"


class RoutingError(PyresqueError):
    """The routing table, or a rule that is given for it, cannot be read; the message says what is wrong."""

    exit_code = 2


class PoolFileError(PyresqueError):
    """A pool's file cannot be read; the message names the file and the line."""

    exit_code = 2
