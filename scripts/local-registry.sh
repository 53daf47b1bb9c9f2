# shellcheck shell=bash
# To be sourced: an OCI registry (Debian's docker-registry) on a free loopback port, without
# credentials, for as long as the script that started it runs.

# start_registry DIR: sets REGISTRY (host:port) and REGISTRY_PID. DIR gets its storage and log.
start_registry() {
  local dir=$1 tries=100
  mkdir -p "$dir/storage"
  cat >"$dir/config.yml" <<CONFIG
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $dir/storage}
http: {addr: "127.0.0.1:0"}
CONFIG
  OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 &
  REGISTRY_PID=$!
  # The kernel chooses the port; the registry's log tells it.
  while REGISTRY=$(grep -o -m1 'listening on 127\.0\.0\.1:[0-9]*' "$dir/log"); [[ -z $REGISTRY ]]; do
    if ((tries-- == 0)) || ! kill -0 "$REGISTRY_PID" 2>/dev/null; then
      echo "The local registry did not start:" >&2
      cat "$dir/log" >&2
      return 1
    fi
    sleep 0.05
  done
  REGISTRY=${REGISTRY##* }
}

stop_registry() {
  [[ -n ${REGISTRY_PID:-} ]] || return 0
  kill "$REGISTRY_PID" 2>/dev/null || true
  wait "$REGISTRY_PID" 2>/dev/null || true
  REGISTRY_PID=
}
