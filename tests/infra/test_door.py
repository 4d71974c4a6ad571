"""The door as code: infra/auth.json, what a deployment fills in, and the registration in Entra."""

from __future__ import annotations

import json
import re

from tests.infra.bicep import INFRA, TENANT, Bicep
from tests.infra.conftest import Deploy, Deployed

RULES = json.loads((INFRA / "auth.json").read_text())
FACTORY = re.compile(r"\[reference\('.*/id-data-factory-[^']*', '[^']*'\)\.(clientId|principalId)\]")


def auth(found: Deployed) -> dict[str, object]:
    return found.properties("Microsoft.Web/sites/config", "/authsettingsV2")


def filled(found: Deployed) -> tuple[list[str], list[str], list[str], dict[str, str]]:
    directory = found.properties("Microsoft.Web/sites/config", "/authsettingsV2")["identityProviders"]
    directory = directory["azureActiveDirectory"]
    policy = directory["validation"]["defaultAuthorizationPolicy"]
    return (
        directory["validation"]["allowedAudiences"],
        policy["allowedApplications"],
        policy["allowedPrincipals"]["identities"],
        directory["registration"],
    )


def test_the_rules_are_those_of_the_file_but_for_what_a_deployment_fills(deployed: Deployed) -> None:
    found = json.loads(json.dumps(auth(deployed)))
    directory = found["identityProviders"]["azureActiveDirectory"]
    directory["registration"] |= {"openIdIssuer": "", "clientId": ""}
    directory["validation"]["allowedAudiences"] = []
    policy = directory["validation"]["defaultAuthorizationPolicy"]
    policy["allowedApplications"], policy["allowedPrincipals"]["identities"] = [], []
    assert found == RULES


def test_the_file_shuts_the_door() -> None:
    rules = RULES["globalValidation"]
    assert rules["requireAuthentication"] is True
    assert rules["unauthenticatedClientAction"] == "Return401"
    assert rules["excludedPaths"] == ["/api/health"]
    assert RULES["platform"]["enabled"] is True
    assert RULES["httpSettings"]["requireHttps"] is True
    assert set(RULES["identityProviders"]) == {"azureActiveDirectory"}
    assert "clientSecretSettingName" not in json.dumps(RULES)


def test_both_lists_name_somebody_and_only_who_was_meant(deploy: Deploy) -> None:
    """An empty list might let in everybody."""
    audiences, applications, principals, registration = filled(deploy("everything"))
    assert [bool(FACTORY.fullmatch(it[0])) for it in (applications, principals)] == [True, True]
    assert (".clientId" in applications[0], ".principalId" in principals[0]) == (True, True)
    assert applications[1:] == ["cccccccc-0000-4000-8000-000000000001", "cccccccc-0000-4000-8000-000000000002"]
    assert principals[1:] == ["bbbbbbbb-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"]
    assert audiences[0] == registration["clientId"]
    assert audiences[1].startswith(f"api://{TENANT}/")
    assert registration["openIdIssuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert all(len(it) == 1 for it in filled(deploy("minimal"))[1:3])


def test_an_entra_application_that_is_there(deploy: Deploy) -> None:
    audiences, applications, principals, registration = filled(deploy("existing"))
    assert audiences == [
        "eeeeeeee-0000-4000-8000-000000000001",
        "api://00000000-0000-4000-8000-0000000000ff/registrar",
    ]
    assert registration["clientId"] == audiences[0]
    assert (applications, principals) == (
        ["cccccccc-0000-4000-8000-000000000001"],
        ["bbbbbbbb-0000-4000-8000-000000000001"],
    )
    assert not {kind for kind in deploy("existing").kinds() if kind.startswith("Microsoft.Graph/")}


def test_the_registration_in_entra(deploy: Deploy) -> None:
    found = deploy("everything")
    application = found.properties("Microsoft.Graph/applications")
    assert application["api"] == {"requestedAccessTokenVersion": 2}
    assert application["identifierUris"] == [f"api://{TENANT}/{application['uniqueName']}"]
    assert application["signInAudience"] == "AzureADMyOrg"
    assert not {"passwordCredentials", "keyCredentials", "web"} & set(application)
    assert found.properties("Microsoft.Graph/servicePrincipals")["appRoleAssignmentRequired"] is True
    roles = {it["id"]: it["value"] for it in application["appRoles"]}
    given = [it["properties"] for it in found.all("Microsoft.Graph/appRoleAssignedTo")]
    assert [roles[it["appRoleId"]] for it in given] == ["Registrar.Call", "Registrar.Administer", "Registrar.Call"]
    assert FACTORY.fullmatch(given[0]["principalId"])
    assert [it["principalId"][-1] for it in given[1:]] == ["1", "2"]


def test_graph_is_alone_in_its_file() -> None:
    assert [it.name for it in INFRA.rglob("*.bicep") if "extension microsoftGraphV1" in it.read_text()] == [
        "entra.bicep"
    ]
    assert "Microsoft.Graph/" not in "".join(
        it.read_text() for it in INFRA.rglob("*.bicep") if it.name != "entra.bicep"
    )


def test_what_vouches_for_the_door_comes_after_the_door(deployed: Deployed) -> None:
    """EASY_AUTH_ENABLED makes the app believe the header: never before Easy Auth is on."""
    assert deployed.properties("Microsoft.Web/sites/config", "/appsettings")["EASY_AUTH_ENABLED"] == "true"
    site = deployed.properties("Microsoft.Web/sites")
    assert "appSettings" not in site["siteConfig"]
    main = (INFRA / "main.bicep").read_text()
    [settings] = re.findall(r"module appSettings .*?\n\}", main, re.DOTALL)
    assert "dependsOn: [door]" in settings


def test_too_many_callers_are_refused_before_easy_auth_cuts_them_off(bicep: Bicep) -> None:
    """500 characters in all: 13 object ids of 36, with a sign between them."""
    text = (INFRA / "modules" / "door.bicep").read_text()
    assert "@maxLength(13)\nparam principals" in text
    assert 13 * 37 <= 500 < 14 * 37
    assert "@maxLength(12)\nparam callers" in (INFRA / "main.bicep").read_text()
