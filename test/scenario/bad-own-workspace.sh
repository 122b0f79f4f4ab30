#!/usr/bin/env bash
# Releases that delete the workspace that they run from, or write into it: they live in a copy of it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
refused bad-self-destruct update 'neither in a workspace|does not have the content'
refused bad-scribbler hand-over 'changed the workspace that it runs from: envelope.json'
takes_good
