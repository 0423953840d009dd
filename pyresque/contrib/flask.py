"""Flask: settings from its configuration, jobs inside its application context, ``flask pyresque`` commands.

>>> resque = Resque()
>>> def create_app():
...     app = Flask(__name__)
...     init_app(app, resque)
...     return app
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click
from flask import current_app, has_app_context
from flask.cli import ScriptInfo

from pyresque.cli.main import LazyCommands
from pyresque.errors import SettingsError
from pyresque.job.middleware import of_kind
from pyresque.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

    from pyresque.application import Application
    from pyresque.job.job import Job
    from pyresque.job.middleware import CallNext

__all__ = ["init_app"]

#: The key in ``app.extensions``.
NAME: Final = "pyresque"

#: How keys of the configuration begin that are settings: ``PYRESQUE_NAMESPACE`` is ``namespace``.
PREFIX: Final = "PYRESQUE_"

#: The Resque of the application that ``flask pyresque`` has loaded, for ``-A pyresque.contrib.flask:commanded``.
commanded: Application | None = None


def init_app(app: Flask, resque: Application) -> None:
    """Join a Resque and a Flask application; ``app.extensions["pyresque"]`` is the Resque then.

    Each key ``PYRESQUE_...`` of ``app.config`` is a setting by its name in capitals; flags of the command line go before it.
    Each job runs inside ``app.app_context()``, in whatever process or thread it is performed; functions of
    ``teardown_appcontext`` run after it, with its error. Call it before the first verb. Raises SettingsError.
    """
    resque.configure(**_settings(app))
    app.extensions[NAME] = resque
    app.cli.add_command(commands, NAME)
    known = of_kind(resque.registry.middleware, _InContext)
    if known is None:
        resque.middleware(_InContext(app, resque))
    else:
        known.app = app


class _InContext:
    """The middleware: a job runs inside the context of the application, of which a test may make several."""

    def __init__(self, app: Flask, resque: Application) -> None:
        self.app = app
        self.resque = resque

    def __call__(self, call_next: CallNext, job: Job) -> None:
        app = self.app
        if has_app_context() and current_app.extensions.get(NAME) is self.resque:
            app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to the application
        with app.app_context():
            call_next(job)


def _settings(app: Flask) -> dict[str, Any]:
    """The settings of the application's configuration. Raises SettingsError for a key that is none."""
    found = {key: value for key, value in app.config.items() if key.startswith(PREFIX)}
    unknown = [key for key in found if key.removeprefix(PREFIX).lower() not in Settings.ROWS]
    if unknown:
        raise SettingsError(
            f"app.config[{unknown[0]!r}] is no setting of pyresque: "
            f"a key is {PREFIX} and a name of docs/settings.md in capitals, such as {PREFIX}NAMESPACE"
        )
    return {key.removeprefix(PREFIX).lower(): value for key, value in found.items()}


@click.group(cls=LazyCommands, short_help="Workers, scheduler, dashboard and queues of pyresque.")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Every command of `pyresque`, for the Resque of this application.

    It needs no -A: `flask pyresque worker -q default` performs the jobs that the application has registered.
    """
    global commanded  # noqa: PLW0603 - -A finds an application by the name of a module's attribute
    commanded = ctx.ensure_object(ScriptInfo).load_app().extensions[NAME]
    os.environ["PYRESQUE_APP"] = f"{__name__}:commanded"
