"""What Schemathesis must be told of the contract and of the mock server. schemathesis.toml says why.

The server is at MOCK_URL; the names and values below come from the contract, and accounts through the admin API.
"""

import copy
import json
import os
import re
import urllib.parse
import urllib.request

import schemathesis

MOCK_URL = os.environ["MOCK_URL"]
WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# Where a request names its user; what an account needs besides.
USERS = {
    "userdocks": ("path", "userId", {}),
    "akana": ("path", "UserID", {}),
    "mediconnect": ("path", "id", {"name": "Somebody", "email": "somebody@example.com"}),
    "symphony": ("path", "uid", {}),
    "clearsquare": ("body", "id", {}),
    "scim": ("path", "id", {}),
}

# A version, as the contract has it.
VERSION = re.compile(r'^(\*|(W/)?"[!#-~]*")$')

# The most bytes of a request target, less those of its names.
LONGEST = 8 << 10

# The accounts that were made: what was done to one stays.
MADE = set()


def operations_of(item):
    return {method: operation for method, operation in item.items() if method != "servers"}


def names_a_user(operation):
    place, name, _ = USERS[operation["tags"][0]]
    return place == "body" or any(parameter["name"] == name for parameter in operation.get("parameters", []))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    items = raw_schema["paths"].values()
    for item in items:
        for operation in operations_of(item).values():
            if method := operation.get("x-sample-method"):
                sample = copy.deepcopy(operation)
                sample["operationId"] += "AsInTheSample"
                item[method.lower()] = sample
    operations = [(method, operation) for item in items for method, operation in operations_of(item).items()]
    for method, operation in operations:
        system = operation["tags"][0]
        place, name, _ = USERS[system]
        # From a POST that leads on, and from nothing else, it would start.
        if place == "path" and method != "post" and names_a_user(operation):
            operation["responses"]["200"]["links"] = {
                other["operationId"]: {
                    "operationId": other["operationId"],
                    "parameters": {f"path.{name}": f"$request.path.{name}"},
                }
                for _, other in operations
                if other["tags"] == [system] and names_a_user(other)
            }

    schemas = raw_schema["components"]["schemas"]
    status = schemas["AkanaUserStatus"]
    status["enum"] = status["x-known-values"]
    schemas["MediconnectToggleUserStatusRequest"]["anyOf"] = [
        {"properties": {"isSuspended": {"enum": [False]}}},
        {"required": ["suspensionReason"]},
    ]


@schemathesis.hook
def filter_case(context, case):
    query = urllib.parse.urlencode(case.query or {}, doseq=True)
    return len(case.formatted_path) + len(query) < LONGEST


@schemathesis.hook
def before_call(context, case, kwargs):
    valid = case.meta and case.meta.generation.mode.is_positive
    for name in [name for name in case.headers or {} if name.lower() == "if-match"]:
        if valid or VERSION.match(str(case.headers[name])):
            case.headers[name] = "*"
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    system = case.operation.definition.raw["tags"][0]
    place, name, account = USERS[system]
    members = case.path_parameters if place == "path" else case.body
    if system == "clearsquare" and isinstance(case.body, dict) and "token" in case.body:
        case.body["token"] = os.environ["CLEARSQUARE_BEARER"]
    if isinstance(members, dict) and name in members:
        # In a path it is encoded already.
        user = str(members[name])
        user = user if place == "path" else urllib.parse.quote(user, safe="")
        if (system, user) in MADE:
            return
        request = urllib.request.Request(
            f"{MOCK_URL}/__admin/users/{system}/{user}",
            data=json.dumps(account).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        WITHOUT_PROXY.open(request, timeout=10).close()
        MADE.add((system, user))
