#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# No version starts in a root: noded install --repair points stable to the newest version that was confirmed there and is intact; if there is
# none, to its own program. Settings, keys, journal and quarantine stay.
#
# shellcheck disable=SC2016 # commands are in single quotes until they are evaluated
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

port=1
root=$fleet/a
node_install a
one=$(stable_of a)
two=$(date -u +%Y-%m-%dT%H:%M:%S.999999999Z -d '+1 min') three=$(date -u +%Y-%m-%dT%H:%M:%S.999999999Z -d '+2 min')
cp -a "$root/$one" "$root/$two"
cp -a "$root/$one" "$root/$three"
ln -sfnT "$two" "$root/stable"
ln -sfnT "$one" "$root/previous"
touch "$root/.ok.$one" "$root/.ok.$two"
printf '\n# of this node\n' >>"$root/node.zpl"
mkdir -p "$root/var/quarantine"
echo '{}' >"$root/var/quarantine/kept"
cp -a "$root" "$fleet/whole"

# ruined STABLE PREVIOUS COMMAND: runs COMMAND in the root, which damages it, and repairs the root. stable and previous must then point to
# STABLE and PREVIOUS. COMMAND may use $one, $two and $three. STABLE may be "own": a new version with the installer's own program.
ruined ()
{
    local stable
    rm -rf "$root"
    cp -a "$fleet/whole" "$root"
    (cd "$root" && eval "$3")
    expect_status 0 "$build/noded" install --repair --root "$root"
    stable=$(stable_of a)
    case $1 in
        own) [[ $stable != "$one" && $stable != "$two" && $stable != "$three" ]] || fail "$3: stable is not the installer's own program: $stable" ;;
        *) check_equal "$stable" "$1" "stable after: $3" ;;
    esac
    check_equal "$(readlink "$root/previous" || echo none)" "$2" "previous after: $3"
    check_equal "$(find "$root" -mindepth 1 -maxdepth 1 -name '.*' ! -name '.ok.2*' ! -name '.failed.2*' ! -name .lock)" '' "leftovers after: $3"
    [ -e "$root/.ok.$stable" ] || fail "$3: stable is not marked as confirmed"
    cmp -s "$root/node.zpl" "$fleet/whole/node.zpl" || fail "$3: the settings were changed"
    "$build/noded" why --root "$root" >"$fleet/said"
    said 'repair .*by noded install --repair'
    (cd "$root/stable" && sha256sum --quiet --strict -c manifest) || fail "$3: stable is not intact"
    expect_status 0 "$build/noded" install --repair --root "$root"
    check_equal "$(wc -l <"$fleet/said")" 1 "the lines of output of a second repair after: $3"
}
starts () { node_start a; until_true runs; node_stop a; }
runs () { "$build/noded" status --root "$root" | grep -q 'manager .*runs 1.0.0 (pid'; }

ruined "$two" "$one" 'rm stable'
ruined "$two" "$one" 'rm stable previous'
ruined "$two" "$one" 'rm stable; mkdir stable; rm previous; echo >previous'
[ -e "$root/stable.damaged" ] || fail 'the file in the place of stable was not kept'
ruined "$two" "$one" 'ln -sfnT /etc stable; ln -sfnT "$two" previous'
ruined "$one" none ': >"$two/files/lib/$(ls "$two/files/lib" | head -n 1)"'
ruined "$one" none 'for file in start noded.sh noded; do : >"$two/$file"; done'
ruined "$one" none 'rm -r "$two"; chmod 0 "$one/start" "$one/noded.sh" "$one/files"; rm -r "$three"'
ruined "$two" "$one" 'chmod 0644 "$two/start"; chmod 0 "$two" var probe .'
starts
# A trial of a version that was never confirmed.
ruined "$two" "$one" 'ln -sfnT "$three" stable; ln -s "$two" .back; touch .try.1 .try.2 .trial; echo {} >var/trial'
ruined "$two" "$one" 'ln -sfnT "$three" stable; ln -s "$three" .back; mkdir .try.1 .new.x .old.y; touch .tmp.z'
ruined "$one" none 'ln -sfnT "$three" stable; touch ".failed.$two"'
ruined "$two" "$one" 'rm -r var probe apps; echo >var; echo >probe; ln -s /nowhere apps; rm -f .lock; mkdir .lock'
starts
# A root in which no version is marked as confirmed.
ruined "$one" none 'rm .ok.*'
ruined "$two" none 'rm .ok.* previous'
ruined "$two" "$one" 'rm .ok.*; ln -sfnT "$three" stable; ln -s "$two" .back'
# No version is intact.
ruined own none 'for workspace in 2*; do : >"$workspace/noded"; done'
ruined own none 'for workspace in 2*; do echo nonsense >"$workspace/envelope.json"; done; echo nonsense >var/order-state'
starts
ruined own none 'rm -rf 2* stable previous'
check_equal "$(cat "$root/var/quarantine/kept")" '{}' 'the quarantine'
expect_status 0 "$build/noded" revert --help

# The repair is refused while a manager runs, and in a directory that is not a root; nothing is changed.
node_start a
until_true runs
manager=$(manager_pid a)
kill -STOP "$manager" # it removes the marks of lost workspaces, after its start
find "$root" -maxdepth 1 | sort >"$fleet/before"
expect_status 75 "$build/noded" install --repair --root "$root"
said 'is served'
find "$root" -maxdepth 1 | sort | cmp - "$fleet/before"
kill -CONT "$manager"
node_stop a
mkdir "$fleet/empty"
for what in "$fleet/empty" "$fleet/missing" "$fleet/node.zpl" /proc; do
    expect_status 1 "$build/noded" install --repair --root "$what"
    said 'is not a root'
done
check_equal "$(find "$fleet/empty")" "$fleet/empty" 'the files in an empty directory'
expect_status 2 "$build/noded" install --repair
expect_status 2 "$build/noded" install --repair --root "$root" --systemd
expect_status 1 "$build/noded" install --no-rehearsal --root "$root" --id a --broker 127.0.0.1:1
said 'install --repair'
rm -rf "$root/var/quarantine" "$fleet/whole"
