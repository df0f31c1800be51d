#!/bin/sh
# Makes the role that the application uses, on the server and in the database of PGHOST, PGUSER and PGDATABASE, whose
# owner PGUSER is. Running it again changes its password to that of APPLICATION_PASSWORD_FILE and nothing else.
set -eu

PGPASSWORD="$(cat "$PGPASSWORD_FILE")"
APPLICATION_PASSWORD="$(cat "$APPLICATION_PASSWORD_FILE")"
: "${APPLICATION_PASSWORD:?}"
export PGPASSWORD APPLICATION_PASSWORD
# The password comes from the environment: a list of processes shows no word of it, and a failed statement is not logged.
exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
\getenv password APPLICATION_PASSWORD
SET log_min_error_statement = panic;
SELECT 'CREATE ROLE haru_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'haru_app') \gexec
ALTER ROLE haru_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
GRANT pg_monitor, pg_checkpoint TO haru_app;
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO haru_app', current_database()) \gexec
SQL
