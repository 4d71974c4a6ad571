"""Registers the blueprints; nothing else."""

import azure.functions as func

from registration.triggers import health, me, operations, registrations, schedule, work

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for module in (registrations, operations, me, work, schedule, health):
    app.register_functions(module.blueprint)
