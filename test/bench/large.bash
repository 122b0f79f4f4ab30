# SPDX-License-Identifier: MPL-2.0
# test/bench/large.bash: bin/bench large. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

# Makes a package for swupdate with the file as its payload. Debian's swupdate accepts only signed packages.
swupdate_package ()
{
    (
        cd "$fleet/swupdate"
        ln -f "$1" payload
        cat >sw-description <<DESCRIPTION
software = {
    version = "1.0.0";
    hardware-compatibility: [ "1.0" ];
    files: ( { filename = "payload"; path = "$fleet/swupdate/installed"; type = "rawfile";
               sha256 = "$(sha256sum <payload | cut -d' ' -f1)"; } );
}
DESCRIPTION
        openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 1 -subj /CN=bench 2>openssl.log
        openssl cms -sign -in sw-description -out sw-description.sig -signer certificate -inkey key -outform DER -nosmimecap -binary
        printf '%s\n' sw-description sw-description.sig payload | cpio -o -H crc 2>cpio.log >package
    )
}

bench_large ()
{
    local run release from size=$((64 * 1024 * 1024))
    touch "$fleet/a/var/journal"
    mkdir "$fleet/swupdate"
    for ((run = 0; run < runs; run++)); do
        # Another payload for each run: a blob that is on the disk already would not be downloaded.
        head -c "$size" /dev/urandom >"$fleet/payload"
        release=$(publish noded-2 "2.0.$run" --file "$fleet/payload:payload")
        swupdate_package "$fleet/payload"
        rm -f "$fleet/swupdate/installed"
        sync -f "$fleet"
        from=$(date +%s%N)
        swupdate -i "$fleet/swupdate/package" -H bench:1.0 -k "$fleet/swupdate/certificate" >"$fleet/swupdate.log" 2>&1 ||
            fail "swupdate failed: $(tail -n 3 "$fleet/swupdate.log")"
        milliseconds "$from" "$(date +%s%N)" >>"$fleet/swupdate.all"
        cmp "$fleet/payload" "$fleet/swupdate/installed"
        sync -f "$fleet"
        measure_update large "$release"
        cmp "$fleet/payload" "$fleet/a/stable/files/payload"
    done
    figure 'large: 64 MB, until the first report' "$(median <"$fleet/large.all")" ms "$(median <"$fleet/swupdate.all")" '<= 1.5 x'
    figure_steps large
    figure 'large: without a manager, goodbye to hello' "$(median <"$fleet/large.absent")" ms '' '<= 100'
    ctl update a --release "$one" >/dev/null
}
