"""The recorded Rails application's Python twin: its records, jobs, retry rules, and every call it recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pyresque.activejob import (
    EXPONENTIALLY_LONGER,
    POLYNOMIALLY_LONGER,
    DateTime,
    DiscardOn,
    Duration,
    GlobalID,
    Indifferent,
    Instant,
    Keywords,
    Module,
    Rails,
    Range,
    RetryOn,
    Symbol,
    times,
)
from pyresque.errors import DeserializationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UTC = timezone.utc
#: The recorder's clock stands here until a step moves it.
START = Instant.of(datetime(2024, 3, 5, 6, 7, 8, 123456, UTC), 789)
#: What Ruby's ``Kernel.rand`` gives first after the recorder's ``srand``.
FIRST_RANDOM = 0.99934262586673916484


def sym(**pairs: object) -> dict[str, object]:
    return {Symbol(name): value for name, value in pairs.items()}


def span(value: float, **parts: float) -> Duration:
    return Duration.of(value, ((Symbol(name), amount) for name, amount in parts.items()))


# -- errors, by Ruby's names ------------------------------------------------------------------------


class StandardError(Exception):
    ruby_name = "StandardError"


class ArgumentError(StandardError):
    ruby_name = "ArgumentError"


class RubyIOError(StandardError):
    ruby_name = "IOError"


# -- records ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """A row: its model's Ruby name, and its id."""

    model: str
    id: object

    def to_global_id(self) -> GlobalID:
        return GlobalID("my-shop", self.model, self.id)

    def __repr__(self) -> str:
        shown = f'"{self.id}"' if isinstance(self.id, str) else repr(self.id)
        return f"#<{self.model} {shown}>"


class Unsaved:
    def to_global_id(self) -> GlobalID:
        return GlobalID("my-shop", type(self).__name__, None)


def unsaved(model: str) -> object:
    return type(model, (Unsaved,), {})()


EXISTS = {"1", "7", "42", "9007199254740993", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "a/b c"}


def locators(version: Rails) -> Mapping[str, Callable[[GlobalID], object]]:
    def account(gid: GlobalID) -> object:
        if gid.id not in EXISTS:
            raise LookupError(f"Couldn't find Account with 'id'={gid.id}")
        return Record(gid.model, gid.id)

    def person(gid: GlobalID) -> object:
        if gid.id != "5":
            shown = gid.id if version in (Rails.V6_0, Rails.V7_0) else f'"{gid.id}"'
            raise LookupError(f"Couldn't find Person with 'id'={shown}")
        return Record("Person", int(gid.id))

    def seat(gid: GlobalID) -> object:
        return Record("Seat", [int(part) for part in gid.ids])

    def unknown(gid: GlobalID) -> object:
        raise LookupError(f"uninitialized constant {gid.model}")

    def not_findable(gid: GlobalID) -> object:
        raise LookupError(f"undefined method `find' for {gid.model}:Class")

    return {
        "Account": account,
        "Billing::Invoice": account,
        "Person": person,
        "Seat": seat,
        "Nope": unknown,
        "String": not_findable,
    }


@dataclass(frozen=True)
class Money:
    cents: object
    currency: object

    def __repr__(self) -> str:
        cents = "nil" if self.cents is None else self.cents
        currency = "nil" if self.currency is None else f'"{self.currency}"'
        return f"#<struct Money cents={cents}, currency={currency}>"


class MoneySerializer:
    ruby_name = "MoneySerializer"

    def accepts(self, value: object) -> bool:
        return isinstance(value, Money)

    def serialize(self, value: object) -> Mapping[str, object]:
        assert isinstance(value, Money)
        return {"cents": value.cents, "currency": value.currency}

    def deserialize(self, payload: Mapping[str, object]) -> object:
        return Money(payload.get("cents"), payload.get("currency"))


class StringLike(str):
    __slots__ = ()


def of_ruby_class(name: str) -> object:
    """An object of a class that no version can carry, under the name it has in Ruby."""
    return type(name, (), {})()


# -- calls ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One ``perform_later``: what the job was called with, and what ``set`` or the class said."""

    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    job: str = "EchoJob"
    queue: str = "default"
    priority: int | None = None
    wait: float | None = None
    at: datetime | None = None
    locale: str = "en"
    timezone: str | None = "UTC"
    continuable: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)
    number: int | None = None
    #: The version whose arguments are written, where the app's settings keep it behind its Rails.
    arguments_of: Rails | None = None


def call(*args: object, **kwargs: object) -> list[Call]:
    return [Call(args, kwargs)]


def job(name: str, *args: object, **options: object) -> list[Call]:
    return [Call(args, job=name, **options)]  # type: ignore[arg-type]  # the options are Call's fields


def one(*args: object, **options: object) -> list[Call]:
    return job("EchoJob", *args, **options)


def mail(
    mailer: str,
    method: str,
    delivery: str = "deliver_now",
    name: str = "ActionMailer::MailDeliveryJob",
    **keywords: object,
) -> list[Call]:
    return [Call((mailer, method, delivery), keywords, job=name, queue="mailers")]


TOKYO = ZoneInfo("Asia/Tokyo")
NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
GATES = call(Range(1, None), Range(None, 5), Range(None, None))

CALLS: dict[str, list[Call]] = {
    "no_arguments": call(),
    "nil": call(None),
    "booleans": call(True, False),
    "integers": call(0, 1, -1, 2147483648),
    "integer_edges_64bit": call(9007199254740993, 9223372036854775807, -9223372036854775808),
    "big_integers": call(9223372036854775808, 10**30, -(2**100)),
    "floats": call(1.0, -0.5, 3.14159, 0.1 + 0.2),
    "float_extremes": call(
        1e20, 1.0e-10, 1e16, 123456789012345680.0, -0.0, 5e-324, 1.7976931348623157e308
    ),
    "float_nan_infinity": call(float("nan"), float("inf")),
    "big_decimal": call(Decimal("123.4500"), Decimal("-0.00001"), Decimal("1E+30")),
    "big_decimal_7_1_before_load_defaults": one(Decimal("123.45"), arguments_of=Rails.V7_0),
    "rational_and_complex_unsupported": call(of_ruby_class("Rational")),
    "plain_object_unsupported": call(of_ruby_class("Object")),
    "struct_unsupported": call(of_ruby_class("")),
    "set_unsupported": call(of_ruby_class("Set")),
    "regexp_unsupported": call(of_ruby_class("Regexp")),
    "exception_unsupported": call(StandardError("x")),
    "ascii_string": call("hello world"),
    "empty_string": call(""),
    "non_ascii_string": call("caf\u00e9 \u65e5\u672c\u8a9e \U0001f600"),
    "html_sensitive_string": call("<b>a & b</b> </script> 'q' \"dq\" /path"),
    "line_separators_string": call("a\u2028b\u2029c"),
    "control_characters_string": call("tab\tnl\ncr\rnul\0bel\a\b del\x7f esc\x1b"),
    "binary_string": call("\udcff\udcfe"),
    "invalid_utf8_string": call("ok\udcff"),
    "latin1_string": call("caf\u00e9"),
    "string_subclass": call(StringLike("sub")),
    "safe_buffer_string": call(StringLike("<i>")),
    "string_that_looks_like_gid": call("gid://my-shop/Account/1"),
    "escape_html_entities_off": call("<a> & \u2028"),
    "escape_js_separators_off_8_1": call("<a> & \u2028"),
    "symbol": call(Symbol("active"), Symbol("with space"), Symbol("\u00fc")),
    "module_argument": call(Module("Account"), Module("Billing::Invoice"), Module("Comparable")),
    "anonymous_class": call(Module("")),
    "custom_serializer": call(Money(1250, "EUR")),
    "custom_serializer_nested": call([Money(1, "USD")], sym(price=Money(2, "JPY"))),
    "array": call([1, "two", None, [3.5, [True]]]),
    "empty_collections": call([], {}),
    "string_keyed_hash": call({"a": 1, "b": {"c": 2}}),
    "symbol_keyed_hash": call(sym(a=1, b=sym(c=2)), 0),
    "symbol_keyed_hash_braces_last": call(0, sym(a=1)),
    "mixed_key_hash": call({Symbol("a"): 1, "b": 2, Symbol("c"): Symbol("d")}, 0),
    "hash_of_hashes_in_array": call([sym(x=1), {"y": [sym(z=None)]}]),
    "indifferent_access_hash": call(Indifferent({"a": 1, "b": [sym(c=2)]}), 0),
    "permitted_parameters_like": call(Indifferent({"title": "x", "tags": ["a"]})),
    "integer_key_hash": call({1: 2}, 0),
    "nil_key_hash": call({None: 2}, 0),
    "reserved_key_globalid": call({"_aj_globalid": "x"}, 0),
    "reserved_key_symbol_keys": call(sym(_aj_symbol_keys=[]), 0),
    "reserved_key_serialized": call({"_aj_serialized": "x"}, 0),
    "reserved_key_ruby2_keywords": call({"_aj_ruby2_keywords": []}, 0),
    "reserved_key_indifferent": call({"_aj_hash_with_indifferent_access": True}, 0),
    "unreserved_aj_prefix": call({"_aj_other": 1, "json_class": "String", "__proto__": 1}, 0),
    "duplicate_string_and_symbol_key": call({**sym(a=1), "a": 2}, 0),
    "default_proc_hash": call(sym(a=1), 0),
    "keyword_arguments": [Call((5,), {"force": True, "note": "n"}, job="KeywordJob")],
    "keyword_arguments_with_symbol_value": [
        Call((5,), {"note": Symbol("later")}, job="KeywordJob")
    ],
    "keyword_arguments_from_splat": [Call((6,), {"force": False}, job="KeywordJob")],
    "keyword_passed_as_braced_hash": job("KeywordJob", 6, sym(force=False)),
    "keyword_unknown": [Call((6,), {"colour": "red"}, job="KeywordJob")],
    "only_keywords": call(a=1, b=[2, sym(c=3)]),
    "keywords_with_string_keys": [Call((1,), Keywords({"a": 2, Symbol("b"): 3}))],
    "mail_delivery_job_shape": [
        *mail(
            "UserMailer",
            "welcome",
            name="MailDeliveryJob",
            args=[Record("Account", 1), sym(name="Ann")],
        ),
        *mail(
            "UserMailer",
            "reset",
            name="MailDeliveryJob",
            params=sym(user=Record("Account", 7)),
            args=["tok"],
        ),
    ],
    "model": call(Record("Account", 1)),
    "namespaced_model_and_string_id": call(
        Record("Billing::Invoice", "3fa85f64-5717-4562-b3fc-2c963f66afa6")
    ),
    "model_id_needing_escape": call(Record("Account", "a/b c")),
    "model_big_id": call(Record("Account", 9007199254740993)),
    "models_nested": call(
        [Record("Account", 7), {**sym(owner=Record("Account", 42)), "list": [Record("Account", 1)]}]
    ),
    "model_as_keyword": call(account=Record("Account", 42)),
    "model_without_id": call(unsaved("Account")),
    "model_gone_when_performed": call(Record("Account", 999)),
    "model_gone_discarded": job("TidyJob", Record("Account", 999)),
    "model_gone_retried": [Call((Record("Account", 999),), {"at": NEW_YEAR}, job="PatientJob")],
    "date": call(date(2024, 2, 29)),
    "time_utc": call(datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)),
    "time_with_nanoseconds": call(START),
    "time_with_offset": call(
        datetime(2024, 3, 5, 6, 7, 8, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    ),
    "time_with_rational_fraction": call(
        times.later(datetime(1970, 1, 1, tzinfo=UTC), Fraction(1, 3))
    ),
    "date_time": call(
        DateTime.of(datetime(2024, 3, 5, 6, 7, 8, 500000, timezone(timedelta(hours=-3))))
    ),
    "time_with_zone": call(NOON.astimezone(ZoneInfo("America/New_York"))),
    "time_with_zone_rails_name": call(NOON.astimezone(ZoneInfo("America/New_York"))),
    "time_with_zone_utc": call(datetime(2024, 7, 1, 12, 0, 0, 500000, ZoneInfo("UTC"))),
    "duration_seconds": call(timedelta(seconds=90)),
    "duration_mixed": call(span(2813346, months=1, days=2, hours=3)),
    "duration_fraction_negative": call(
        span(5400.0, hours=1.5), span(-1209600, weeks=-2), timedelta(0)
    ),
    "duration_from_subtraction": call(span(82800, days=1, hours=-1)),
    "range_integers": call(Range(1, 10), range(1, 10)),
    "range_endless_beginless": GATES,
    "range_dates": call(Range(date(2024, 1, 1), date(2024, 1, 31))),
    "range_of_strings": call(Range("a", "e")),
    "range_times_nested": call(
        sym(window=Range(NEW_YEAR, datetime(2024, 2, 1, tzinfo=UTC), exclude_end=True)), 0
    ),
    "perform_later_default": call(1),
    "namespaced_job": job("Reports::MonthlyJob", 2024, 3, queue="reports"),
    "set_queue": one(1, queue="critical"),
    "set_queue_string_with_odd_characters": one(1, queue="mail:out bound"),
    "set_priority": one(1, priority=10),
    "set_priority_string": one(1, priority=5),
    "set_wait_duration": [Call((Symbol("x"),), {"a": 1}, wait=300)],
    "set_wait_integer": one(wait=30),
    "set_wait_zero": one(1, wait=0),
    "set_wait_fraction": one(1, wait=0.5),
    "set_wait_until_time": one(1, at=datetime(2024, 3, 6, tzinfo=UTC)),
    "set_wait_until_zone": one(1, at=datetime(2024, 3, 6, 9, 30, tzinfo=TOKYO)),
    "set_wait_until_past": one(1, at=datetime(2020, 1, 1, tzinfo=UTC)),
    "set_wait_until_fraction": one(
        1, at=Instant.of(datetime(2024, 3, 5, 6, 10, 0, 987654, UTC), 321)
    ),
    "set_everything": one("z", wait=3600, queue="low", priority=-3),
    "two_jobs_same_second": [*one("a", wait=10), *one("b", wait=10)],
    "queue_name_prefix": job("PrefixedJob", 1, queue="shop_production_low"),
    "queue_as_block": [*job("RoutedJob", 1, queue="odd"), *job("RoutedJob", 2, queue="even")],
    "queue_with_priority": job("RankedJob", priority=50),
    "locale": one(1, locale="de"),
    "locale_with_region": one(1, locale="pt-BR"),
    "timezone_tokyo": one(datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")), timezone="Asia/Tokyo"),
    "timezone_rails_name_with_ampersand": one(1, timezone="Eastern Time (US & Canada)"),
    "timezone_unset": one(1, timezone=None),
    "perform_all_later": [
        *one(1),
        *one(2, wait=60),
        Call((), {"a": 1}, job="Reports::MonthlyJob", queue="reports"),
    ],
    "perform_all_later_array": [*one("p", queue="bulk", priority=1), *one("q")],
    "enqueue_halted_by_callback": job("HaltedJob", 1),
    "enqueue_instance_twice": [*one(1, number=1), *one(1, queue="other", number=1)],
    "custom_serialize_fields": job("TrackedJob", 1, extra={"tenant": "acme"}),
    "no_retry_on": job("FlakyJob", 1),
    "retry_on_default_wait": [Call((1,), {"k": Symbol("v")}, job="FlakyJob")],
    "retry_on_two_rounds_then_raise": job("FlakyJob", "x"),
    "discard_on": job("FlakyJob", 1),
    "discard_on_with_block": job("FlakyJob", 1),
    "rescue_from": job("FlakyJob", 1),
    "rescue_from_retry_job": job("FlakyJob", 1),
    "retry_job_without_wait": job("OnceMoreJob", 1),
    "after_discard": job("FlakyJob", 1),
    "retry_keeps_scheduled_at_or_not": job("FlakyJob", wait=60),
    "retry_keeps_locale_and_zone": job(
        "FlakyJob", datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")), locale="de", timezone="Asia/Tokyo"
    ),
    "retry_re_encodes_models_and_keywords": [
        Call(
            (Record("Account", 7),),
            {"at": date(2024, 1, 1), "h": {"a": Symbol("b")}},
            job="FlakyJob",
        )
    ],
    **{
        f"retry_on_{name}": job("FlakyJob")
        for name in (
            *(
                "several_classes",
                "superclass",
                "two_declarations",
                "wait_zero",
                "polynomial",
                "exponential_name",
            ),
            *("proc", "queue_and_priority", "jitter", "unlimited", "exhausted_with_block"),
        )
    },
    **{
        f"continuable_{name}": job("ImportJob", 3, continuable=True)
        for name in (
            *("fresh", "stopped_between_steps", "cursor", "array_cursor", "error_after_advancing"),
            *("error_before_advancing", "isolated_step", "resume_options", "resume_limit"),
        )
    },
    "mailer_deliver_later": mail(
        "ShopMailer", "welcome", args=[Record("Account", 1), Keywords(sym(token="t"))]
    ),
    "mailer_with_params_and_options": [
        Call(
            ("ShopMailer", "reset", "deliver_now"),
            {"params": sym(user=Record("Account", 7)), "args": []},
            job="ActionMailer::MailDeliveryJob",
            queue="low",
            priority=3,
            wait=3600,
        )
    ],
    "mailer_deliver_later_bang": mail("ShopMailer", "welcome", "deliver_now!", args=[None]),
    "mailer_performed": mail(
        "ShopMailer",
        "welcome",
        params=sym(user=Record("Account", 7)),
        args=[Record("Account", 1), Keywords(sym(token="t"))],
    ),
    "mailer_gone_model": mail("ShopMailer", "welcome", args=[Record("Account", 404)]),
    "mailer_old_delivery_job": [
        Call(
            ("ShopMailer", "welcome", "deliver_now", Record("Account", 1)),
            {"token": "t"},
            job="ActionMailer::DeliveryJob",
            queue="mailers",
        )
    ],
    "mailer_old_parameterized_delivery_job": job(
        "ActionMailer::Parameterized::DeliveryJob",
        *("ShopMailer", "reset", "deliver_now", sym(user=Record("Account", 7))),
        queue="mailers",
    ),
    "active_record_model": call(Record("Person", 5)),
    "active_record_gone": call(Record("Person", 6)),
    "active_record_unsaved": call(unsaved("Person")),
    "active_record_composite_key": call(Record("Seat", [3, 14])),
}

# -- retry rules, by scenario -------------------------------------------------------------------------

DEFAULT_RULES = (RetryOn((ArgumentError,), wait=5, attempts=3),)
RULES: dict[str, tuple[RetryOn | DiscardOn, ...]] = {
    "model_gone_discarded": (DiscardOn((DeserializationError,)),),
    "model_gone_retried": (RetryOn((DeserializationError,), wait=10, attempts=2),),
    "retry_on_default_wait": (RetryOn((ArgumentError,)),),
    "retry_on_two_rounds_then_raise": (RetryOn((ArgumentError,), wait=4, attempts=3),),
    "retry_on_several_classes": (RetryOn((RubyIOError, ArgumentError), wait=4, attempts=3),),
    "retry_on_superclass": (RetryOn((StandardError,), wait=timedelta(minutes=1), attempts=10),),
    "retry_on_two_declarations": (
        RetryOn((StandardError,), wait=9),
        RetryOn((ArgumentError,), wait=7),
    ),
    "retry_on_wait_zero": (RetryOn((ArgumentError,), wait=0, attempts=3),),
    "retry_on_polynomial": (RetryOn((ArgumentError,), wait=POLYNOMIALLY_LONGER),),
    "retry_on_exponential_name": (RetryOn((ArgumentError,), wait=EXPONENTIALLY_LONGER),),
    "retry_on_proc": (RetryOn((ArgumentError,), wait=lambda count: count * 20),),
    "retry_on_queue_and_priority": (RetryOn((ArgumentError,), wait=5, queue="slow", priority=99),),
    "retry_on_jitter": (RetryOn((ArgumentError,), wait=100, jitter=0.3),),
    "retry_on_unlimited": (RetryOn((ArgumentError,), wait=2, attempts=None),),
    "retry_on_exhausted_with_block": (
        RetryOn((ArgumentError,), attempts=1, on_exhausted=lambda _job, _error: None),
    ),
    "discard_on": (DiscardOn((ArgumentError,)),),
    "discard_on_with_block": (DiscardOn((ArgumentError,), on_discarded=lambda _job, _error: None),),
    "retry_keeps_scheduled_at_or_not": (RetryOn((ArgumentError,), wait=5),),
    "retry_keeps_locale_and_zone": (RetryOn((ArgumentError,), wait=5),),
    "retry_re_encodes_models_and_keywords": (RetryOn((ArgumentError,), wait=5),),
    "inbound_retry_picks_up_counts": DEFAULT_RULES,
    "inbound_retry_counts_null": DEFAULT_RULES,
    "inbound_retry_no_counts": DEFAULT_RULES,
    "inbound_retry_keeps_unknown_fields": DEFAULT_RULES,
}


@dataclass(frozen=True)
class Interruption:
    """What a continuable job did in one run: why it was put back, and how far it came."""

    key: str
    continuation: Mapping[str, object]
    wait: float = 5
    queue: str | None = None
    priority: int | None = None


_BOOM = "{:exception=>#<ArgumentError: boom>}"
#: By scenario, the interruptions of its runs; runs beyond them end well.
INTERRUPTIONS: dict[str, list[Interruption]] = {
    "continuable_stopped_between_steps": [
        Interruption("Interrupted after 'one' (stopping)", {"completed": ["one"]})
    ],
    "continuable_cursor": [
        Interruption(
            "Interrupted at 'rows', cursor '3' (stopping)",
            {"completed": [], "current": ["rows", 3]},
        )
    ],
    "continuable_array_cursor": [
        Interruption(
            "Interrupted at 'rows', cursor '[1, \"b\"]' (stopping)",
            {"completed": [], "current": ["rows", [1, "b"]]},
        )
    ],
    "continuable_error_after_advancing": [
        Interruption(_BOOM, {"completed": ["one"], "current": ["two", None]})
    ],
    "continuable_isolated_step": [
        Interruption("Interrupted after 'one' (isolating)", {"completed": ["one"]})
    ],
    "continuable_resume_options": [
        Interruption(
            _BOOM,
            {"completed": ["one"], "current": ["two", None]},
            wait=30,
            queue="low",
            priority=7,
        )
    ],
}
