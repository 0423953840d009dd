"""The job, for the worker and for the web application."""

import time

from pyresque import Resque

resque = Resque()


@resque.job("Report", queue="reports", tracked=True)
def report(pages: int) -> str:
    """Write a report of so many pages; each takes a twentieth of a second."""
    status = resque.status()
    for page in range(1, pages + 1):
        time.sleep(0.05)
        status.at(page, pages, f"page {page} of {pages}")
    return f"The report has {pages} pages."
