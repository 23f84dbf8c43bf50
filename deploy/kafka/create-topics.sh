#!/usr/bin/env bash
# Creates the topics of jobs and of dead letters where they are missing; safe to run again. $1: a broker, host:port.
set -euo pipefail
broker=${1:?expected a broker, host:port}

create() { # create TOPIC PARTITIONS CONFIG...
  local topic=$1 partitions=$2 configs=()
  for config in "${@:3}"; do configs+=(--config "$config"); done
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$broker" --create --if-not-exists \
    --topic "$topic" --partitions "$partitions" --replication-factor 1 "${configs[@]}"
}

# The broker unpacks each batch itself and refuses one that grows too large: no worker could unpack it (docs/design/limits.md).
plain=compression.type=uncompressed
day_ms=$((24 * 60 * 60 * 1000))
# Partitions bound how many workers can share the jobs. A job is at most 6 MiB (schemas/job.py); larger records are
# taken too, so that they end as dead letters with a reason and not in a producer's log.
create mmdigit.jobs 8 max.message.bytes=$((16 * 1024 * 1024)) $plain retention.ms=$((7 * day_ms))
# A dead letter holds the whole record, in base64 at worst (4/3), and stays until somebody has had time to look.
create mmdigit.jobs.dead 1 max.message.bytes=$((32 * 1024 * 1024)) $plain retention.ms=$((90 * day_ms))
