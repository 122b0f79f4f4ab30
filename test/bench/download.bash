# SPDX-License-Identifier: MPL-2.0
# test/bench/download.bash: bin/bench download. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

# A program that writes 1 GB on a virtual machine waits until the hypervisor provides the memory, which takes more than twice as long as on
# memory that was freed a moment ago. So every measurement starts on memory that was in use a moment ago.
warm ()
{
    head -c $((download_size + download_size / 4)) /dev/zero >"$fleet/warm"
    rm "$fleet/warm"
    sync -f "$fleet"
}

# rate FROM TO: prints the MB/s of a download that ran from FROM to TO.
rate () { awk -v size="$download_size" -v from="$1" -v to="$2" 'BEGIN { printf "%.0f\n", size / (to - from) * 1000 }'; }

# Measures one download of a real order, until the blob is verified and synced. Each download uses a new node: a node does not download a blob
# again.
download_noded ()
{
    local release=$1 measured=$2
    nodes_up "$measured"
    touch "$fleet/$measured/var/journal"
    warm
    ctl update "$measured" --release "$release" --no-wait >/dev/null
    await_step staging
    rate "$(step_time 1 fetching)" "$(step_time 1 staging)" >>"$fleet/download.noded"
    ctl cancel "$measured" >/dev/null
    until_node "$measured" '.application.state == "idle"' # its scratch root is gone
    node_stop "$measured"
    rm -rf "${fleet:?}/$measured"
}

download_bare ()
{
    local digest=$1 from
    warm
    from=$(date +%s%N)
    check_equal "$("$bare_download" fetch $((port + 5)) "$download_size" "$fleet/out")" "$digest" 'what the bare program downloaded'
    rate "$from" "$(date +%s%N)" >>"$fleet/download.bare"
    rm "$fleet/out"
}

# Measures two ways; the faster one is the reference: hashing in a pipe during the download, or hashing the file afterwards.
download_nginx ()
{
    local digest=$1 url=http://127.0.0.1:$((port + 6))/content from middle
    warm
    from=$(date +%s%N)
    check_equal "$(curl -s "$url" | tee "$fleet/out" | sha256sum | cut -d' ' -f1)" "$digest" 'what curl downloaded'
    sync "$fleet/out"
    middle=$(date +%s%N)
    rate "$from" "$middle" >>"$fleet/download.pipe"
    rm "$fleet/out"
    warm
    from=$(date +%s%N)
    curl -s -o "$fleet/out" "$url"
    check_equal "$(sha256sum <"$fleet/out" | cut -d' ' -f1)" "$digest" 'what curl downloaded'
    sync "$fleet/out"
    rate "$from" "$(date +%s%N)" >>"$fleet/download.file"
    rm "$fleet/out"
}

nginx_start ()
{
    mkdir "$fleet/nginx"
    ln "$1" "$fleet/nginx/content"
    chmod 0755 "$fleet"
    cat >"$fleet/nginx.conf" <<CONF
daemon off;
master_process off;
user root;
pid $fleet/nginx.pid;
error_log $fleet/nginx.log;
events {}
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path $fleet/nginx-body; proxy_temp_path $fleet/nginx-proxy; fastcgi_temp_path $fleet/nginx-fastcgi;
    uwsgi_temp_path $fleet/nginx-uwsgi; scgi_temp_path $fleet/nginx-scgi;
    server { listen 127.0.0.1:$((port + 6)); root $fleet/nginx; }
}
CONF
    nginx -c "$fleet/nginx.conf" 2>>"$fleet/nginx.log" &
    nginx_pid=$!
    until_true curl -sfI "http://127.0.0.1:$((port + 6))/content"
}

bench_download ()
{
    local run release digest content download_size=1000000000
    touch "$fleet/a/var/journal"
    head -c "$download_size" /dev/urandom >"$fleet/payload"
    digest=$(sha256sum <"$fleet/payload" | cut -d' ' -f1)
    release=$(publish noded-2 3.0.0 --file "$fleet/payload:payload")
    content=$(find "$fleet/broker" -type f -name "$digest")
    nginx_start "$content"
    mkfifo "$fleet/hold-download"
    "$bare_download" serve $((port + 5)) "$content" <"$fleet/hold-download" >"$fleet/bare.log" &
    bare_pid=$!
    exec {hold}>"$fleet/hold-download"
    until_true grep -q ready "$fleet/bare.log"
    for ((run = 0; run < runs; run++)); do
        download_noded "$release" "d$run"
        download_bare "$digest"
        download_nginx "$digest"
    done
    exec {hold}>&-
    wait "$bare_pid" || true
    bare_pid=
    kill "$nginx_pid"
    wait "$nginx_pid" || true
    nginx_pid=
    rm "$fleet/payload" "$fleet/nginx/content"
    median <"$fleet/download.pipe" >"$fleet/download.curl"
    median <"$fleet/download.file" >>"$fleet/download.curl"
    figure 'download: 1 GB, against a bare libzmq program' "$(median <"$fleet/download.noded")" MB/s "$(median <"$fleet/download.bare")" '>= 0.8 x'
    figure 'download: 1 GB, against nginx + curl + sha256sum' "$(median <"$fleet/download.noded")" MB/s "$(sort -g "$fleet/download.curl" | tail -n 1)" '>= 2.0 x'
}
