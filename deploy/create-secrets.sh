#!/bin/sh
# Makes what docker-compose.yml hands to its services as files, in deploy/secrets/. Running it again keeps what is there.
# Broker keys go into deploy/secrets/haru.env: NAME=value lines, as in .env.
#
# The files belong to root. Their group, which the containers join, may read them and nothing else on this machine needs it.
set -eu

GROUP=10002
FOLDER="${1:-$(dirname "$0")/secrets}"

if [ "$(id -u)" -ne 0 ]; then
    echo "create-secrets: the files belong to root, so that no container can change them; run: sudo sh $0" >&2
    exit 1
fi
umask 077
mkdir -p "$FOLDER"
chown "root:$GROUP" "$FOLDER"
chmod 750 "$FOLDER"

keep() {
    [ -e "$FOLDER/$1" ] || printf '%s\n' "$2" >"$FOLDER/$1"
    chown "root:$GROUP" "$FOLDER/$1"
    chmod 640 "$FOLDER/$1"
}

password() { openssl rand -hex 24; }
key() { openssl rand -base64 32 | tr '+/' '-_'; }

keep temporal_db_password "$(password)"
keep owner_password "$(password)"
keep application_password "$(password)"
keep grafana_password "$(password)"
keep payload_keys "$(key)"
keep token_key "$(key)"
keep owner_url "postgresql://haru:$(cat "$FOLDER/owner_password")@postgres:5432/haru"
keep application_url "postgresql://haru_app:$(cat "$FOLDER/application_password")@postgres:5432/haru"
keep haru.env "# HARU_BROKER__APP_KEY=…"
