"""scim2-client, a client library for SCIM that others wrote: it learns the schemas from the service, and checks what it gets."""

from importlib.metadata import version

from httpx2 import Client as HttpClient
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SCIMException, SearchRequest

from expect import CREDENTIALS, MOCK_URL, Client

client = Client(f"scim2-client {version('scim2-client')}")


def connect(token):
    headers = {"Authorization": f"Bearer {token}"}
    scim = SyncSCIMClient(HttpClient(base_url=f"{MOCK_URL}/scim/v2", headers=headers, trust_env=False))
    scim.discover()
    return scim


scim = connect(CREDENTIALS["scim"]["bearer"])
User = scim.get_resource_model("User")
client.expect("discovery", (True, True), (scim.provider.config.patch.supported, User is not None))


def named(name):
    return scim.query(User, query_parameters=SearchRequest(filter=f'userName eq "{name}"')).resources


made = scim.create(User(user_name="ann@acme.example", display_name="Ann"))
client.expect("create", ("ann@acme.example", True), (made.user_name, made.active))
client.expect("find", [made.id], [user.id for user in named("ANN@acme.example")])
for active in (False, True):
    patch = PatchOp[User](operations=[PatchOperation(op="replace", path="active", value=active)])
    client.expect(f"patch to {active}", active, scim.modify(User, made.id, patch).active)
    client.expect(f"the user after patch to {active}", active, scim.query(User, made.id).active)
# It sends the version that it has read: the one from before the patches is refused.
for user, active, outcome in [(made, True, 412), (scim.query(User, made.id), False, False)]:
    user.active = False
    try:
        answer = scim.replace(user).active
    except SCIMException as refused:
        answer = refused.status
    client.expect("replace", outcome, answer)
    client.expect("the user after replace", (active, "Ann"), (lambda u: (u.active, u.display_name))(scim.query(User, made.id)))
scim.delete(User, made.id)
client.expect("nobody", [], named("ann@acme.example") or [])
for what, call in {
    "the deleted user": lambda: scim.query(User, made.id),
    "a bad token": lambda: connect("wrong"),
}.items():
    try:
        outcome = call()
    except SCIMException as refused:
        outcome = refused.status
    client.expect(what, {"the deleted user": 404, "a bad token": 401}[what], outcome)
client.report()
