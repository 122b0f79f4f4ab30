#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node under systemd and one under runit, each as pid 1 of its container: an update, the manager and the launcher killed with -9, a
# manager that hangs, a reboot and a revert. The state that init reports is checked and printed.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

systemd='node-systemd-1'
runit='node-runit-1'
both=("$systemd" "$runit")

# launcher NODE: prints the pid of the process that init has started, by init's own command; 0 if none runs.
launcher ()
{
    case $1 in
        "$systemd") exec_in "$1" systemctl show --property MainPID --value noded ;;
        "$runit") exec_in "$1" sv status /service/noded | sed -nE 's/.*\(pid ([0-9]+)\).*/\1/p' | grep . || echo 0 ;;
    esac
}
# shellcheck disable=SC2016 # for the shell inside
manager () { exec_in "$1" sh -c 'cut -d" " -f1 "/proc/$0/task/$0/children"' "$(launcher "$1")"; }
launcher_is_other ()
{
    local now
    now=$(launcher "$1") && [ "$now" -gt 0 ] && [ "$now" != "$2" ] && [ -n "$(manager "$1")" ]
}
# until_back NODE: waits until the broker knows the manager that runs now.
until_back () { until_node "$1" ".online and .application.state == \"idle\" and (.host_pid | endswith (\"pid $(manager "$1")\"))"; }
restarts () { exec_in "$systemd" systemctl show --property NRestarts --value noded; }
logged () { exec_in "$systemd" journalctl --no-pager -u noded | grep -E "$1" >/dev/null; }

for node in "${both[@]}"; do
    case $node in "$systemd") init=systemd ;; *) init=runsvdir ;; esac
    [ -n "${container[$node]:-}" ] || fail "NO $init HERE: bin/rig up could not start $node; its output has the reason"
    command=$(exec_in "$node" cat /proc/1/cmdline | tr '\0' ' ')
    [[ $command == *"$init"* ]] || fail "NO $init HERE: pid 1 of $node is $command"
    [ "$(launcher "$node")" -gt 0 ] || fail "$init does not run the launcher of $node"
done
figure "$(exec_in "$systemd" systemctl --version | head -n 1), runit $(exec_in "$runit" dpkg-query -W runit | cut -f2): each is pid 1"
exec_in "$systemd" systemctl --quiet is-enabled noded || fail 'the unit is not enabled'

first=$(node_field "$systemd" .application.release)
release=$(publish_other)
declare -A before=()
for node in "${both[@]}"; do before[$node]=$(launcher "$node"); done
nodectl update --release "$release" "${both[@]}" >/dev/null || fail 'the update was not confirmed'
check_disks "$release" "${both[@]}"
for node in "${both[@]}"; do [ "$(launcher "$node")" = "${before[$node]}" ] || fail "the launcher of $node has another pid after the update"; done
figure 'update: the pid that init knows has not changed'

# A launcher ends with its manager, so that init restarts it; a manager ends with its launcher.
count=$(restarts)
for node in "${both[@]}"; do
    exec_in "$node" sh -c "kill -9 $(manager "$node")"
    until_true "$node has another launcher after its manager was killed" launcher_is_other "$node" "${before[$node]}"
    until_back "$node"
    before[$node]=$(launcher "$node")
done
for node in "${both[@]}"; do
    was=$(manager "$node")
    exec_in "$node" sh -c "kill -9 ${before[$node]}"
    until_true "$node has another launcher after the first was killed" launcher_is_other "$node" "${before[$node]}"
    until_back "$node"
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$node" sh -c '! grep -s "^State:.[^Z]" "/proc/$0/status"' "$was" || fail "a manager of $node outlived its launcher"
done
[ "$(restarts)" = $((count + 2)) ] || fail "systemd counts $(restarts) restarts, not $((count + 2))"
until_true 'the log of systemd shows that the manager was killed' logged 'Main process exited, code=exited, status=137'
until_true 'the log of systemd shows that the launcher was killed' logged 'Main process exited, code=killed, status=9/KILL'
figure "manager killed, launcher killed: restarted by init; systemd counts 2 restarts, runit reports $(exec_in "$runit" sv status /service/noded)"

# The watchdog of the unit has a deadline of a minute; here it is set to 2 s.
exec_in "$systemd" sh -ec 'mkdir -p /run/systemd/system/noded.service.d
    printf "[Service]\nWatchdogSec=2\n" >/run/systemd/system/noded.service.d/rig.conf
    systemctl daemon-reload && systemctl restart noded'
until_back "$systemd"
[ "$(restarts)" = 0 ] || fail 'one systemctl restart caused further restarts'
was=$(launcher "$systemd")
exec_in "$systemd" sh -c "kill -STOP $(manager "$systemd")"
until_true 'systemd restarts a launcher whose manager hangs' launcher_is_other "$systemd" "$was"
until_back "$systemd"
logged 'Watchdog timeout' || fail 'the watchdog did not end the manager'
figure 'manager hangs: ended by the watchdog of systemd, and restarted'
exec_in "$systemd" sh -ec 'rm -r /run/systemd/system/noded.service.d && systemctl daemon-reload && systemctl restart noded'
until_back "$systemd"

for node in "${both[@]}"; do
    was=$(docker inspect -f '{{.State.StartedAt}}' "${container[$node]}")
    begun=$EPOCHREALTIME
    docker restart -t 20 "${container[$node]}" >/dev/null
    now=$(docker inspect -f '{{.State.StartedAt}}' "${container[$node]}")
    [ "$now" != "$was" ] || fail "$node was not restarted"
    until_true "init of $node has started the launcher" launcher_is_other "$node" 0
    until_back "$node"
    figure "reboot of $node: $(since "$begun") s"
done
check_disks "$release" "${both[@]}"

nodectl revert "${both[@]}" >/dev/null || fail 'not every revert succeeded'
check_disks "$first" "${both[@]}"
exec_in "$systemd" systemctl status --no-pager --lines 0 noded >/dev/null || fail 'systemd does not report the service as active after the revert'
figure "revert: systemd reports $(exec_in "$systemd" systemctl show --property ActiveState,SubState,StatusText --value noded | tr '\n' ' ')"
nodectl unhold "${both[@]}" >/dev/null
for node in "${both[@]}"; do until_node "$node" '.online and .application.state == "idle" and (.application.held | not)'; done
