"""Registers the blueprints; nothing else."""

import azure.functions as func

from registration.triggers import (
    assets,
    catalog,
    desired,
    health,
    me,
    operations,
    registrations,
    schedule,
    work,
    workspaces,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for module in (registrations, catalog, desired, operations, workspaces, assets, me, work, schedule, health):
    app.register_functions(module.blueprint)
