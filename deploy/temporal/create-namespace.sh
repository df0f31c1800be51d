#!/bin/sh
# Makes our namespace and its search attributes on the server at TEMPORAL_ADDRESS; running it again changes nothing.
set -eu

NAMESPACE="${TEMPORAL_NAMESPACE:-default}"
SEARCH_ATTRIBUTES="WorkerName=Keyword TradeState=Keyword ExitReason=Keyword"
ATTEMPTS=60

# A server that has just opened its port may not serve yet, and caches what namespaces there are for some seconds.
persistently() {
    attempt=1
    until "$@"; do
        if [ "$attempt" -ge "$ATTEMPTS" ]; then
            echo "gave up after $ATTEMPTS attempts: $*" >&2
            exit 1
        fi
        attempt=$((attempt + 1))
        sleep 1
    done
}

has_namespace() {
    temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1
}

make_namespace() {
    has_namespace || temporal operator namespace create --namespace "$NAMESPACE" --retention 30d
}

make_search_attribute() {
    temporal operator search-attribute list --namespace "$NAMESPACE" | grep -qw "$1" && return
    temporal operator search-attribute create --namespace "$NAMESPACE" --name "$1" --type "$2"
}

persistently temporal operator cluster health
persistently make_namespace
for attribute in $SEARCH_ATTRIBUTES; do
    persistently make_search_attribute "${attribute%=*}" "${attribute#*=}"
done
