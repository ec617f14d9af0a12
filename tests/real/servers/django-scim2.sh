#!/usr/bin/env bash
# django-scim2 on Django's own users, in SQLite. Usage: django-scim2.sh install | serve PORT TOKEN
set -euo pipefail
cd "$(dirname "$0")"
. ./common
python_packages django-scim2 django-scim2==0.23.0 Django==5.2.19
[ "$1" != install ] || exit 0
export PORT=$2 TOKEN=$3 DATABASE=$HOME_OF/$2.sqlite
rm -f "$DATABASE"
cd django-scim2
export PYTHONDONTWRITEBYTECODE=1
"$HOME_OF/bin/python" manage.py migrate --run-syncdb >/dev/null
"$HOME_OF/bin/python" manage.py shell -c "from app.models import User; User.objects.create_user('admin')" >/dev/null
exec "$HOME_OF/bin/python" manage.py runserver --noreload "127.0.0.1:$PORT"
