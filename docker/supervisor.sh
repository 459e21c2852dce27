#!/usr/bin/env bash
# The supervisor's container: a Ray head for the workers to join, and the supervisor beside it.
# A runner is a Ray driver, and a driver needs a Ray node on its own machine: this head is it. It
# offers no CPUs of its own, so that trials run in the workers' containers only.
. ray.sh

umask 077
if [ ! -s "$RAY_AUTH_TOKEN_PATH" ]; then
  python -c 'import secrets; print(secrets.token_hex(32), end="")' >"$RAY_AUTH_TOKEN_PATH"
fi

address=$(own_address)
# Trials run in Ray's processes and inherit its environment: no secret of ours may be in it.
env -u NAS_TOKEN -u NAS_DB_URL ray start --head --block --port="$RAY_PORT" --node-ip-address="$address" \
  --num-cpus=0 --num-gpus=0 --object-store-memory=200000000 \
  --include-dashboard=false --disable-usage-stats &
head=$!
supervisor=
trap 'kill -TERM $supervisor $head 2>/dev/null || true' TERM INT

up=
for _ in $(seq 60); do
  if ray health-check --address "$address:$RAY_PORT" >/dev/null 2>&1; then up=yes; break; fi
  kill -0 "$head" 2>/dev/null || break
  sleep 1
done
if [ -z "$up" ]; then echo "The Ray head did not start." >&2; exit 1; fi

NAS_RAY_ADDRESS="$address:$RAY_PORT" nas serve supervisor &
supervisor=$!

# Whichever ends first ends the container; compose starts it again and searches go on.
code=0
wait -n "$head" "$supervisor" || code=$?
kill -TERM "$supervisor" 2>/dev/null || true
wait "$supervisor" 2>/dev/null || true
kill -TERM "$head" 2>/dev/null || true
wait "$head" 2>/dev/null || true
exit "$code"
