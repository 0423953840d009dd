"""The whole application: a request enqueues the job, the page asks how far it is, the job runs inside the application's context."""

import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, abort, current_app, request, send_file

from pyresque import Resque
from pyresque.contrib.flask import init_app
from pyresque.errors import NoJobStatus

resque = Resque()

MOST_PAGES = 1000


@resque.job("Report", queue="reports", tracked=True)
def report(pages: int) -> str:
    """Write a report of so many pages; each takes a twentieth of a second."""
    status = resque.status()
    for page in range(1, pages + 1):
        time.sleep(0.05)
        status.at(page, pages, f"page {page} of {pages}")
    return f"The report of {current_app.config['SHOP']} has {pages} pages."


def create_app() -> Flask:
    """Make the application, for the web server and for the worker."""
    app = Flask(__name__)
    app.config["SHOP"] = "the shop"
    init_app(app, resque)

    @app.errorhandler(NoJobStatus)
    def not_found(error: NoJobStatus) -> tuple[dict[str, str], int]:
        return {"detail": str(error)}, HTTPStatus.NOT_FOUND

    @app.get("/")
    def page() -> Any:
        return send_file(Path(__file__).with_name("page.html"))

    @app.post("/reports")
    def begin() -> tuple[dict[str, str], int]:
        pages = request.args.get("pages", 0, type=int)
        if not 1 <= pages <= MOST_PAGES:
            abort(HTTPStatus.BAD_REQUEST)
        handle = resque.enqueue(report, pages)
        if handle is None:
            abort(HTTPStatus.CONFLICT)  # a hook or a plugin has kept the job out
        return {"id": handle.id}, HTTPStatus.ACCEPTED

    @app.get("/reports/<job_id>")
    def look(job_id: str) -> dict[str, Any]:
        status = resque.handle(job_id).status()
        return {
            "status": status.status,
            "percent": status.percent,
            "message": status.message,
            "result": status.result,
        }

    @app.delete("/reports/<job_id>")
    def cancel(job_id: str) -> dict[str, bool]:
        return {"cancelled": resque.handle(job_id).cancel()}

    return app
