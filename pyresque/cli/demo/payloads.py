"""Payloads as Ruby wrote them, recorded from real Rails and Resque; the demo pushes these very bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recorded:
    """One payload: its queue, the job it means with the arguments that Python gets (JSON), who wrote it, and the bytes."""

    queue: str
    job: str
    arguments: str
    writer: str
    payload: bytes


RECORDED = (
    Recorded(
        "mailers",
        "MailDeliveryJob",
        '["UserMailer", "welcome", "deliver_now", ["gid://my-shop/Account/1", {"name": "Ann"}]]',
        "Rails 8.1",
        b'{"class":"ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper","args":[{"job_class":"Mai'
        b'lDeliveryJob","job_id":"00000001-0000-4000-8000-000000000001","provider_job_id":null,"qu'
        b'eue_name":"mailers","priority":null,"arguments":["UserMailer","welcome","deliver_now",{"'
        b'args":[{"_aj_globalid":"gid://my-shop/Account/1"},{"name":"Ann","_aj_symbol_keys":["name'
        b'"]}],"_aj_ruby2_keywords":["args"]}],"executions":0,"exception_executions":{},"locale":"'
        b'en","timezone":"UTC","enqueued_at":"2024-03-05T06:07:08.123456789Z","scheduled_at":null}'
        b"]}",
    ),
    Recorded(
        "default",
        "EchoJob",
        r"""["<b>a & b</b> </script> 'q' \"dq\" /path"]""",
        "Rails 8.1",
        b'{"class":"ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper","args":[{"job_class":"Ech'
        b'oJob","job_id":"00000001-0000-4000-8000-000000000001","provider_job_id":null,"queue_name'
        b'":"default","priority":null,"arguments":["\\u003cb\\u003ea \\u0026 b\\u003c/b\\u003e \\u003c/s'
        b'cript\\u003e \'q\' \\"dq\\" /path"],"executions":0,"exception_executions":{},"locale":"en","t'
        b'imezone":"UTC","enqueued_at":"2024-03-05T06:07:08.123456789Z","scheduled_at":null}]}',
    ),
    Recorded(
        "low",
        "LowJob",
        r'["caf\u00e9 \ud83d\ude00 \u2028 </script>"]',
        "Resque 3.0",
        b'{"class":"LowJob","args":["caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xa8 </script>"]}',
    ),
    Recorded(
        "nested",
        "Deep::NestedJob",
        "[1]",
        "Resque 3.0",
        b'{"class":"Deep::NestedJob","args":[1]}',
    ),
)
