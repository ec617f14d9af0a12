"""The Python client that openapi-generator makes of the contract."""

import json
import urllib.error
import urllib.request
from importlib.metadata import version

import user_status_client as generated
from user_status_client.models import (
    AkanaChangeUserStatusRequest,
    ClearsquareManageStatusRequest,
    ClearsquareOutcome,
    MediconnectToggleUserStatusRequest,
    ScimPatch,
    ScimPatchOp,
    ScimPatchOperation,
    ScimPatchPath,
    ScimReplacement,
    SymphonyAccountState,
    SymphonyUserStatus,
    UserdocksAccessStatus,
)

from expect import CREDENTIALS, MOCK_URL, Client

USERDOCKS = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11"
AKANA = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp"
MEDICONNECT = 42
SYMPHONY = 7215545078541
CLEARSQUARE = "634441cecbb5901d133039f8"
SCIM = "2819c223-7f76-453a-919d-413861904646"
client = Client(f"openapi-generator {version('openapi-generator-cli')} python")


def api(kind, **credentials):
    # Without `ignore_operation_servers` the client goes to the server of each operation, whatever the host is.
    host = generated.Configuration(host=MOCK_URL, ignore_operation_servers=True, **credentials)
    return kind(generated.ApiClient(host))


def outcome(call):
    """What a call gives: its value, or the status of the client's exception."""
    try:
        return call()
    except generated.ApiException as refused:
        return refused.status
    except Exception as failed:
        return failed


def check(operation, change, read):
    """`change(trusted, active)` says whether the answer confirms it; `read()` whether the account is active."""
    for trusted, active, answer in [(True, False, True), (True, True, True), (False, False, 401)]:
        what = f"{operation} {'on' if active else 'off'}{'' if trusted else ' with a bad credential'}"
        client.expect(what, answer, outcome(lambda: change(trusted, active)))
        client.expect(f"the account after {what}", active if trusted else True, outcome(read))


def userdocks(trusted):
    keys = CREDENTIALS["userdocks"]
    key = {
        "userdocksApiKey": keys["X-API-KEY"] if trusted else "wrong",
        "userdocksApiKeyType": keys["X-API-KEY-TYPE"],
        "userdocksClientId": keys["X-CLIENT-ID"],
    }
    return api(generated.UserdocksApi, api_key=key)


def freeze(trusted, active):
    status = UserdocksAccessStatus.Unfreezed if active else UserdocksAccessStatus.Freezed
    return userdocks(trusted).set_access_status(USERDOCKS, status).success


def akana(trusted):
    keys = CREDENTIALS["akana"]
    key = {
        "akanaSession": keys["AtmoAuthToken_acmepaymentscorp"] if trusted else "wrong",
        "akanaCsrf": keys["X-Csrf-Token_acmepaymentscorp"],
    }
    return api(generated.AkanaApi, api_key=key)


def lock(trusted, active):
    status = f"com.soa.user.status.{'enabled' if active else 'locked'}"
    user = akana(trusted).change_user_status(AKANA, AkanaChangeUserStatusRequest(UserStatus=status))
    return user.locked is not active


def mediconnect(trusted):
    token = CREDENTIALS["mediconnect"]["bearer"] if trusted else "wrong"
    return api(generated.MediconnectApi, access_token=token)


def activate(trusted, active):
    request = MediconnectToggleUserStatusRequest(isActive=active, isSuspended=False)
    return mediconnect(trusted).toggle_user_status(MEDICONNECT, request).is_active is active


def symphony(trusted):
    token = CREDENTIALS["symphony"]["sessionToken"] if trusted else "wrong"
    return api(generated.SymphonyApi, api_key={"symphonySession": token})


def enable(trusted, active):
    status = SymphonyAccountState.ENABLED if active else SymphonyAccountState.DISABLED
    return symphony(trusted).update_user_status(SYMPHONY, SymphonyUserStatus(status=status)).message is not None


def toggle(trusted, _active):
    token = CREDENTIALS["clearsquare"]["bearer"] if trusted else "wrong"
    request = ClearsquareManageStatusRequest(id=CLEARSQUARE, token=token)
    answer = api(generated.ClearsquareApi, access_token=token).manage_user_status(request)
    return answer.status == ClearsquareOutcome.SUCCESS


def clearsquare_read():
    """ClearSquare has no read: the server's own word, or None if it has none."""
    try:
        url = f"{MOCK_URL}/__admin/users/clearsquare/{CLEARSQUARE}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["status"]["enabled"]
    except urllib.error.HTTPError as refused:
        if refused.code == 404:
            return None
        raise


def scim(trusted):
    return api(generated.ScimApi, access_token=CREDENTIALS["scim"]["bearer"] if trusted else "wrong")


def patch(trusted, active):
    operation = ScimPatchOperation(op=ScimPatchOp.REPLACE, path=ScimPatchPath.ACTIVE, value=active)
    message = ScimPatch(schemas=["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations=[operation])
    return scim(trusted).patch_scim_user(SCIM, message).active is active


def replace(trusted, active):
    version = scim(True).get_scim_user(SCIM).meta.version
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    user = ScimReplacement(schemas=schemas, userName="jane@acme.example", active=active)
    return scim(trusted).replace_scim_user(SCIM, user, if_match=version).active is active


def scim_read():
    found = scim(True).find_scim_users(filter='userName eq "jane@acme.example"').resources
    return len(found) == 1 and found[0].id == SCIM and scim(True).get_scim_user(SCIM, attributes="active").active


check("userdocks setAccessStatus", freeze, lambda: not userdocks(True).get_user(USERDOCKS).data.freezed)
check("akana changeUserStatus", lock, lambda: not akana(True).get_platform_user(AKANA).locked)
check("mediconnect toggleUserStatus", activate, lambda: mediconnect(True).get_admin_user(MEDICONNECT).is_active)
check(
    "symphony updateUserStatus",
    enable,
    lambda: symphony(True).get_user_status(SYMPHONY).status == SymphonyAccountState.ENABLED,
)
check("clearsquare manageUserStatus", toggle, clearsquare_read)
check("scim patchScimUser", patch, scim_read)
check("scim replaceScimUser", replace, scim_read)
client.expect("scim getScimConfig", True, outcome(lambda: scim(True).get_scim_config().patch.supported))
client.report()
