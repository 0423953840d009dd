"""The web application: a request enqueues the job, the page asks how far it is."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from jobs import report, resque

from pyresque import AsyncResque
from pyresque.contrib.starlette import given_resque, lifespan
from pyresque.errors import NoJobStatus

app = FastAPI(lifespan=lifespan(resque))

Jobs = Annotated[AsyncResque, Depends(given_resque)]
Pages = Annotated[int, Query(ge=1, le=1000)]


@app.exception_handler(NoJobStatus)
async def not_found(_request: Request, error: NoJobStatus) -> JSONResponse:
    """Answer for a job that is not known, or no more."""
    return JSONResponse({"detail": str(error)}, status_code=404)


@app.get("/")
async def page() -> FileResponse:
    """Show the page."""
    return FileResponse(Path(__file__).with_name("page.html"))


@app.post("/reports", status_code=202)
async def begin(pages: Pages, jobs: Jobs) -> dict[str, str]:
    """Enqueue the job."""
    handle = await jobs.enqueue(report, pages)
    if handle is None:
        raise HTTPException(409)  # a hook or a plugin has kept the job out
    return {"id": handle.id}


@app.get("/reports/{job_id}")
async def look(job_id: str, jobs: Jobs) -> dict[str, Any]:
    """Tell how far it is, and what it returned."""
    status = await jobs.handle(job_id).status()
    return {
        "status": status.status,
        "percent": status.percent,
        "message": status.message,
        "result": status.result,
    }


@app.delete("/reports/{job_id}")
async def cancel(job_id: str, jobs: Jobs) -> dict[str, bool]:
    """Have it end at its next page."""
    return {"cancelled": await jobs.handle(job_id).cancel()}
