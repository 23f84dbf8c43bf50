#!/usr/bin/env bash
# Creates the topics for jobs, pages of forms and dead letters if they do not exist. Safe to run again. $1: a broker, host:port.
set -euo pipefail
broker=${1:?expected a broker, host:port}

create() { # create TOPIC PARTITIONS CONFIG...
  local topic=$1 partitions=$2 configs=()
  for config in "${@:3}"; do configs+=(--config "$config"); done
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$broker" --create --if-not-exists \
    --topic "$topic" --partitions "$partitions" --replication-factor 1 "${configs[@]}"
}

# Makes the broker decompress each batch and reject one that expands too far for a worker (docs/design/limits.md).
plain=compression.type=uncompressed
day_ms=$((24 * 60 * 60 * 1000))
# The partitions limit how many workers can share the jobs. A job is at most 6 MiB (schemas/job.py). The topic accepts
# larger records, so that they become dead letters with a reason instead of errors in a producer's log.
create mmdigit.jobs 8 max.message.bytes=$((16 * 1024 * 1024)) $plain retention.ms=$((7 * day_ms))
# A dead letter contains the whole record, at worst in base64 (4/3), and is kept until somebody has had time to look.
create mmdigit.jobs.dead 1 max.message.bytes=$((32 * 1024 * 1024)) $plain retention.ms=$((90 * day_ms))
# The same for pages of forms, which are records of at most 6 MiB too (schemas/page.py).
create mmdigit.pages 8 max.message.bytes=$((16 * 1024 * 1024)) $plain retention.ms=$((7 * day_ms))
create mmdigit.pages.dead 1 max.message.bytes=$((32 * 1024 * 1024)) $plain retention.ms=$((90 * day_ms))
