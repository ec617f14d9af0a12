#!/usr/bin/env bash
# Canaille: an identity provider in production use, in SQLite. scim2-models must be the one that it was released with: with a
# later one every list is 500. Usage: canaille.sh install | serve PORT TOKEN
set -euo pipefail
cd "$(dirname "$0")"
. ./common
python_packages canaille 'canaille[front,oidc,scim,server,sqlite]==0.3.6' scim2-models==0.6.12 scim2-client==0.7.5
[ "$1" != install ] || exit 0
PORT=$2 TOKEN=$3 DATABASE=$HOME_OF/$2.sqlite
rm -f "$DATABASE"
export CANAILLE_CONFIG=$HOME_OF/$2.toml
cat >"$CANAILLE_CONFIG" <<T
SECRET_KEY = "0123456789abcdef0123456789abcdef"
SERVER_NAME = "127.0.0.1:$PORT"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
DATABASE = "sql"
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///$DATABASE"
[CANAILLE_SCIM]
ENABLE_SERVER = true
[CANAILLE_OIDC]
T
canaille=$HOME_OF/bin/canaille
"$canaille" install >/dev/null
client=$("$canaille" create client --client-id scim --client-secret scim-secret --client-name scim \
    --grant-types client_credentials --grant-types password --token-endpoint-auth-method client_secret_basic --scope openid |
    python3 -c 'import json, sys; found = json.load(sys.stdin); print((found[0] if isinstance(found, list) else found)["id"])')
"$canaille" create token --token-id scim --access-token "$TOKEN" --client "$client" --type access_token \
    --issue-date "$(date -u +%FT%T+00:00)" --lifetime 864000 --scope openid >/dev/null
exec "$canaille" run --insecure-bind "127.0.0.1:$PORT" --bind "127.0.0.1:$PORT"
