"""How forked children live, as the settings say."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.settings import Settings


class Rules:
    """Their signals, whether atexit functions run, the memory (bytes) from which one gives up, whether each leads a process group."""

    __slots__ = ("group", "most_memory", "patient", "run_at_exit", "term_child")

    def __init__(
        self,
        *,
        term_child: bool = False,
        patient: bool = False,
        run_at_exit: bool = False,
        most_memory: int | None = None,
        group: bool = False,
    ) -> None:
        self.term_child = term_child
        self.patient = patient
        self.run_at_exit = run_at_exit
        self.most_memory = most_memory
        self.group = group

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Those of a worker with these settings."""
        memory = settings.max_child_memory
        return cls(
            term_child=settings.term_child,
            patient=settings.graceful_term or settings.pre_shutdown_timeout > 0,
            run_at_exit=settings.run_at_exit_hooks,
            most_memory=None if memory is None else memory * 2**20,
            group=settings.process_group,
        )
