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

# Certificates of Temporal for compose-mtls.yml: one of the server, one of its clients, signed by an authority whose key is
# not kept. One that is missing, or is no longer valid in 30 days, makes all of them new.
certificates_are_there() {
    for name in temporal_ca temporal_server temporal_client; do
        openssl x509 -in "$FOLDER/$name.crt" -noout -checkend 2592000 >/dev/null 2>&1 || return 1
    done
    [ -s "$FOLDER/temporal_server.key" ] && [ -s "$FOLDER/temporal_client.key" ]
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

sign() {
    new_key "$MADE/$1.key"
    openssl req -new -key "$MADE/$1.key" -subj "/CN=haru-$1" -out "$MADE/request"
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$2" "$3" >"$MADE/extensions"
    openssl x509 -req -in "$MADE/request" -CA "$MADE/temporal_ca.crt" -CAkey "$MADE/authority.key" -CAcreateserial \
        -days 825 -extfile "$MADE/extensions" -out "$MADE/$1.crt" 2>/dev/null
}

make_certificates() {
    MADE="$(mktemp -d)"
    trap 'rm -rf "$MADE"' EXIT
    new_key "$MADE/authority.key"
    openssl req -x509 -new -key "$MADE/authority.key" -subj "/CN=haru-temporal-authority" -days 825 \
        -out "$MADE/temporal_ca.crt"
    # The server's own parts connect to it with its certificate.
    sign temporal_server "DNS:temporal,DNS:localhost" "serverAuth,clientAuth"
    sign temporal_client "DNS:haru" "clientAuth"
    for name in temporal_ca.crt temporal_server.crt temporal_server.key temporal_client.crt temporal_client.key; do
        rm -f "$FOLDER/$name"
        keep "$name" "$(cat "$MADE/$name")"
    done
}

certificates_are_there || make_certificates
keep temporal_db_password "$(password)"
keep owner_password "$(password)"
keep application_password "$(password)"
keep grafana_password "$(password)"
keep payload_keys "$(key)"
keep token_key "$(key)"
keep owner_url "postgresql://haru:$(cat "$FOLDER/owner_password")@postgres:5432/haru"
keep application_url "postgresql://haru_app:$(cat "$FOLDER/application_password")@postgres:5432/haru"
keep haru.env "# HARU_BROKER__APP_KEY=…"
