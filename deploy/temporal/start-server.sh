#!/bin/sh
# Starts Temporal's server with its database's password from a file: the image reads it from the environment only.
set -eu

POSTGRES_PWD="$(cat "$POSTGRES_PWD_FILE")"
export POSTGRES_PWD
exec "${ENTRYPOINT:-/etc/temporal/entrypoint.sh}"
