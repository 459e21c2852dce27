# Sourced by supervisor.sh and worker.sh: the port of the Ray head, and the token of the cluster.
# The token lies on the volume, readable for our user only; whoever has it can run code here.
set -euo pipefail
RAY_PORT=${RAY_PORT:-6379}
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH=${RAY_AUTH_TOKEN_PATH:-$NAS_HOME/ray-token}
export RAY_USAGE_STATS_ENABLED=0
# Ray would install packages on its own, and show GPUs to trials that asked for none.
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0
export RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=1
# A dead head is noticed in seconds, not after Ray's minute.
export RAY_gcs_rpc_server_reconnect_timeout_s=5
# Our workers are actors that live as long as the search: a stopping node need not wait for them.
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=3

# The address of this container on the compose network: Ray's nodes must reach each other by it.
own_address() { python -c 'import socket; print(socket.gethostbyname(socket.gethostname()))'; }
