#!/usr/bin/env bash
# A Ray worker: joins the supervisor's head and runs trials until it is stopped.
# NAS_WORKER_CPUS and NAS_WORKER_GPUS are what it offers; without them Ray counts the machine's.
. ray.sh

options=()
if [ -n "${NAS_WORKER_CPUS:-}" ]; then options+=(--num-cpus="$NAS_WORKER_CPUS"); fi
if [ -n "${NAS_WORKER_GPUS:-}" ]; then options+=(--num-gpus="$NAS_WORKER_GPUS"); fi
exec env -u NAS_TOKEN -u NAS_DB_URL ray start --block --address="${NAS_RAY_HEAD:-supervisor}:$RAY_PORT" \
  --node-ip-address="$(own_address)" --object-store-memory=200000000 --disable-usage-stats \
  "${options[@]}"
