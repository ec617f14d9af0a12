#!/usr/bin/env bash
# scimmy with its routers, on express: the SCIM layer of services in Node. Usage: scimmy.sh install | serve PORT TOKEN
set -euo pipefail
cd "$(dirname "$0")"
. ./common
npm_packages scimmy scimmy@1.3.5 scimmy-routers@1.3.2 express@5.3.0
cp scimmy.mjs "$HOME_OF/server.mjs"
[ "$1" = install ] || { cd "$HOME_OF" && exec node server.mjs "$2" "$3"; }
