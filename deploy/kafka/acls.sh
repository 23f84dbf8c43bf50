#!/usr/bin/env bash
# Grants producer, worker, replay, shadow, and the sender and worker of pages the minimum permissions, one user each.
# Safe to run again.
# $1: a broker, host:port. $2 (optional): a properties file for the administrator's login.
# Topics, groups and users are those of docker-compose.yml unless JOBS, PAGES, GROUP, PAGE_GROUP, REPLAY_GROUP,
# SHADOW_GROUP, PRODUCER, WORKER, REPLAY, SHADOW, PAGE_SENDER or PAGE_WORKER override them. An empty user is skipped.
set -euo pipefail
broker=${1:?expected a broker, host:port}
admin=(--bootstrap-server "$broker")
if [ $# -gt 1 ]; then admin+=(--command-config "$2"); fi
jobs=${JOBS:-mmdigit.jobs}
dead=$jobs.dead
pages=${PAGES:-mmdigit.pages}

allow() { # allow USER ARGUMENT...
  if [ -n "$1" ]; then
    /opt/kafka/bin/kafka-acls.sh "${admin[@]}" --add --allow-principal "User:$1" "${@:2}"
  fi
}

# Write and Read include Describe, and Write includes the idempotent producer. DescribeConfigs reads max.message.bytes,
# so that a record that is too large is rejected before it is sent.
producer=${PRODUCER-producer}
allow "$producer" --topic "$jobs" --operation Write --operation DescribeConfigs

worker=${WORKER-worker}
allow "$worker" --topic "$jobs" --group "${GROUP:-mmdigit}" --operation Read
allow "$worker" --topic "$dead" --operation Write --operation DescribeConfigs

replay=${REPLAY-replay}
allow "$replay" --topic "$dead" --group "${REPLAY_GROUP:-mmdigit-replay}" --operation Read
allow "$replay" --topic "$jobs" --operation Write --operation DescribeConfigs

# Each version and model under test has its own group, whose name starts with this prefix.
shadow=${SHADOW-shadow}
allow "$shadow" --topic "$jobs" --operation Read
allow "$shadow" --group "${SHADOW_GROUP:-mmdigit-shadow}" --resource-pattern-type prefixed --operation Read

# `mmdigit form send` and `python -m mmdigit.forms worker`.
page_sender=${PAGE_SENDER-page-sender}
allow "$page_sender" --topic "$pages" --operation Write --operation DescribeConfigs

page_worker=${PAGE_WORKER-page-worker}
allow "$page_worker" --topic "$pages" --group "${PAGE_GROUP:-mmdigit-pages}" --operation Read
allow "$page_worker" --topic "$jobs" --operation Write --operation DescribeConfigs
allow "$page_worker" --topic "$pages.dead" --operation Write --operation DescribeConfigs
