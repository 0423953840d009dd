"""Hooks by decorators and keywords. A line that ends in "# wrong" is one that checkers must refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import assert_type

from pyresque import Resque, TypedJob

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

resque = Resque()


def tell(error: Exception, *args: object) -> None: ...


def log(*args: object) -> None: ...


@resque.job(queue="reports", on_failure=tell, before_perform=[log, log], hooks=[])
def monthly(month: str) -> int:
    return len(month)


@resque.job(queue="reports", on_failure="tell")  # wrong
def weekly(month: str) -> None: ...


@resque.job(queue="reports", on_fail=tell)  # wrong
def daily(month: str) -> None: ...


@resque.job(queue="file_serve", always=log)
class Archive(TypedJob):
    @staticmethod
    def perform(repo_id: int) -> None: ...


@monthly.before_enqueue
def unless_closed(month: str) -> bool:
    return month != "2026-02"


@monthly.before_perform
@monthly.after_perform
@monthly.always
@monthly.after_enqueue
@monthly.before_dequeue
@monthly.after_dequeue
@monthly.before_schedule
@monthly.after_schedule
@monthly.before_delayed_enqueue
async def noted(month: str) -> None: ...


@monthly.on_failure
@Archive.on_failure
def any_error(error: BaseException, *args: object) -> None: ...


@monthly.on_failure  # wrong
def some_errors(error: ValueError, month: str) -> None: ...


@monthly.on_failure  # wrong
def no_error() -> None: ...


@monthly.around_perform
def timed(month: str) -> Iterator[None]:
    yield


@Archive.around_perform
async def timed_in_a_loop(repo_id: int) -> AsyncIterator[Any]:
    yield


@Archive.around_perform  # wrong
def not_around(repo_id: int) -> None: ...


@monthly.before_work  # wrong
def no_kind(month: str) -> None: ...


assert_type(unless_closed("2026-11"), bool)
monthly.on_failure(3)  # wrong
