#!/usr/bin/env bash
# scim2-server: the reference SCIM server of Yaal Coop, in memory. Usage: scim2-server.sh install | serve PORT TOKEN
set -euo pipefail
cd "$(dirname "$0")"
. ./common
python_packages scim2-server scim2-server==0.8.3
[ "$1" = install ] || exec "$HOME_OF/bin/python" dumping_scim2_server.py "$2" "$3"
