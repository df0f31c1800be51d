#!/bin/sh
# Makes or updates Temporal's two databases; running it again changes nothing.
set -eu

SQL_PASSWORD="$(cat "$SQL_PASSWORD_FILE")"
export SQL_PASSWORD

sql_tool() {
    database="$1"
    shift
    temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" -p "${DB_PORT:-5432}" -u "$POSTGRES_USER" \
        --db "$database" "$@"
}

prepare() {
    sql_tool "$1" create
    sql_tool "$1" setup-schema -v 0.0
    sql_tool "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
