#!/usr/bin/env bash
# Every operation of every system by curl. The regions between `sample:` and `end` are the curl samples of the
# documentation. Runs against the mock server:
#
#   cargo run -p user-status-mock &
#   examples/every_operation.sh http://127.0.0.1:4010
set -euo pipefail

mock=${1:?the address of the mock server, such as http://127.0.0.1:4010}
# The credentials of its default world; MOCK_URL is the server itself, where a proxy is called.
credential() {
    python3 -c 'import json, sys, urllib.request as http
print(json.load(http.urlopen(sys.argv[1] + "/__admin/credentials"))[sys.argv[2]][sys.argv[3]])' \
        "${MOCK_URL:-$mock}" "$@"
}
USERDOCKS=$mock AKANA=$mock MEDICONNECT=$mock SYMPHONY=$mock/pod CLEARSQUARE=$mock SCIM=$mock/scim/v2
API_KEY=$(credential userdocks X-API-KEY)
CLIENT_ID=$(credential userdocks X-CLIENT-ID)
SESSION_COOKIE=$(credential akana AtmoAuthToken_acmepaymentscorp)
CSRF_TOKEN=$(credential akana X-Csrf-Token_acmepaymentscorp)
ADMIN_JWT=$(credential mediconnect bearer)
SESSION_TOKEN=$(credential symphony sessionToken)
JWT=$(credential clearsquare bearer)
SCIM_TOKEN=$(credential scim bearer)

# sample: setAccessStatus
curl --fail-with-body -X PUT "$USERDOCKS/api/v1/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11/access-status/0" \
    -H "X-API-KEY: $API_KEY" -H "X-API-KEY-TYPE: write" -H "X-CLIENT-ID: $CLIENT_ID"
# end
echo
# sample: setAppAccessStatus
curl --fail-with-body -X PUT \
    "$USERDOCKS/v1/apps/$CLIENT_ID/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11/access-status/1" \
    -H "X-API-KEY: $API_KEY" -H "X-API-KEY-TYPE: write" -H "X-CLIENT-ID: $CLIENT_ID"
# end
echo
# sample: getUser
curl --fail-with-body "$USERDOCKS/v1/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11" \
    -H "X-API-KEY: $API_KEY" -H "X-API-KEY-TYPE: write" -H "X-CLIENT-ID: $CLIENT_ID"
# end
echo
# sample: changeUserStatus
curl --fail-with-body -X PUT "$AKANA/api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status" \
    -H "Cookie: AtmoAuthToken_acmepaymentscorp=$SESSION_COOKIE" \
    -H "X-Csrf-Token_acmepaymentscorp: $CSRF_TOKEN" \
    -H "Content-Type: application/json" -H "Accept: application/json" \
    -d '{"UserStatus": "com.soa.user.status.locked", "Comments": "Account compromised"}'
# end
echo
# sample: getPlatformUser
curl --fail-with-body "$AKANA/api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp" \
    -H "Cookie: AtmoAuthToken_acmepaymentscorp=$SESSION_COOKIE" -H "Accept: application/json"
# end
echo
# sample: toggleUserStatus
curl --fail-with-body -X PATCH "$MEDICONNECT/api/admin/users/42/status" \
    -H "Authorization: Bearer $ADMIN_JWT" -H "Content-Type: application/json" \
    -d '{"isActive": true, "isSuspended": true, "suspensionReason": "Violation of terms of service"}'
# end
echo
# sample: getAdminUser
curl --fail-with-body "$MEDICONNECT/api/admin/users/42" -H "Authorization: Bearer $ADMIN_JWT"
# end
echo
# sample: updateUserStatus
curl --fail-with-body -X POST "$SYMPHONY/v1/admin/user/7215545078541/status/update" \
    -H "sessionToken: $SESSION_TOKEN" -H "Content-Type: application/json" \
    -d '{"suspended": true, "suspendedUntil": 1798761599000, "suspensionReason": "Leave of absence"}'
# end
echo
# sample: getUserStatus
curl --fail-with-body "$SYMPHONY/v1/admin/user/7215545078541/status" -H "sessionToken: $SESSION_TOKEN"
# end
echo
# sample: manageUserStatus
curl --fail-with-body -X POST "$CLEARSQUARE/api/users/manage-status" \
    -H "Authorization: Bearer $JWT" -H "Content-Type: application/json" \
    -d "{\"id\": \"634441cecbb5901d133039f8\", \"token\": \"$JWT\"}"
# end
echo
# sample: getScimConfig
curl --fail-with-body "$SCIM/ServiceProviderConfig" -H "Authorization: Bearer $SCIM_TOKEN"
# end
echo
# sample: findScimUsers
curl --fail-with-body --get "$SCIM/Users" -H "Authorization: Bearer $SCIM_TOKEN" \
    --data-urlencode 'filter=userName eq "jane@acme.example"' --data-urlencode "attributes=id,userName"
# end
echo
# sample: getScimUser
curl --fail-with-body "$SCIM/Users/2819c223-7f76-453a-919d-413861904646?attributes=id,active,meta" \
    -H "Authorization: Bearer $SCIM_TOKEN"
# end
echo
# sample: patchScimUser
curl --fail-with-body -X PATCH "$SCIM/Users/2819c223-7f76-453a-919d-413861904646" \
    -H "Authorization: Bearer $SCIM_TOKEN" -H "Content-Type: application/scim+json" \
    -d '{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
         "Operations": [{"op": "replace", "path": "active", "value": false}]}'
# end
echo
# sample: replaceScimUser
curl --fail-with-body -X PUT "$SCIM/Users/2819c223-7f76-453a-919d-413861904646" \
    -H "Authorization: Bearer $SCIM_TOKEN" -H "Content-Type: application/scim+json" -H "If-Match: *" \
    -d '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
         "userName": "jane@acme.example", "externalId": "4711", "displayName": "Jane Doe", "active": true}'
# end
echo
