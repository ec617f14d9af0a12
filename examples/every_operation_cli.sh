#!/usr/bin/env bash
# Every operation of every system from the command line. The regions between `sample:` and `end` are the samples of the
# documentation. Runs against the mock server, with two more profiles, for the other route of Userdocks and for `PUT`:
#
#   user-status mock --write-config mock.toml &
#   printf '[profiles.docs-app]\nsystem = "userdocks"\nbase_url = "http://127.0.0.1:4010"\nroute = "current"
#   app = "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"\napi_key = { file = "mock.credentials/docs-api-key" }
#   client_id = { file = "mock.credentials/docs-client-id" }\n' >> mock.toml
#   printf '[profiles.idp-put]\nsystem = "scim"\nbase_url = "http://127.0.0.1:4010/scim/v2"\nmethod = "put"
#   token = { file = "mock.credentials/idp-token" }\n' >> mock.toml
#   USER_STATUS_CONFIG=mock.toml examples/every_operation_cli.sh
set -euo pipefail

# sample: setAccessStatus
user-status set docs 6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11 disable
# end
# sample: setAppAccessStatus
# The profile has `route = "current"`.
user-status set docs-app 6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11 enable
# end
# sample: getUser
user-status get docs 6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11
# end
# sample: changeUserStatus
user-status set portal f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp lock --comment "Account compromised"
# end
# sample: getPlatformUser
user-status get portal f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp
# end
# sample: toggleUserStatus
user-status set clinic 42 suspend --reason "Violation of terms of service"
# end
# sample: getAdminUser
user-status get clinic 42
# end
# sample: updateUserStatus
user-status set pod 7215545078541 suspend --reason "Leave of absence" --until 2099-12-31T23:59:59Z
# end
# sample: getUserStatus
user-status get pod 7215545078541
# end
# sample: manageUserStatus
user-status set shop 634441cecbb5901d133039f8 toggle
# end
# sample: getScimConfig
# The service is asked before the first change, once.
user-status set idp userName:jane@acme.example disable --dry-run
# end
# sample: findScimUsers
user-status get idp userName:jane@acme.example
# end
# sample: getScimUser
user-status get idp 2819c223-7f76-453a-919d-413861904646
# end
# sample: patchScimUser
user-status set idp 2819c223-7f76-453a-919d-413861904646 disable
# end
# sample: replaceScimUser
# The profile has `method = "put"`.
user-status set idp-put 2819c223-7f76-453a-919d-413861904646 enable
# end
