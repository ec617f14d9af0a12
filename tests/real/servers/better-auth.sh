#!/usr/bin/env bash
# better-auth with its SCIM plugin, which pins its peers. Usage: better-auth.sh install | serve PORT TOKEN
set -euo pipefail
cd "$(dirname "$0")"
. ./common
npm_packages better-auth better-auth@1.7.5 @better-auth/scim@1.7.5
cp better-auth.mjs "$HOME_OF/server.mjs"
[ "$1" = install ] || { cd "$HOME_OF" && exec node server.mjs "$2" "$3"; }
