# SPDX-License-Identifier: MPL-2.0
# test/scenario/mounts.bash - mounts file systems for stories that called apart (lib.bash), and fills them.
#
# shellcheck shell=bash

# mount_at DIRECTORY OPTION...
mount_at ()
{
    local directory=$1
    shift
    mkdir -p "$directory"
    mount "$@" "$directory" || skip "cannot mount a file system on $directory: $*"
    mounts+=("$directory")
}

# mount_ext4 DIRECTORY [OPTION-OF-MKFS...]: a file system of 400 MB in a file.
mount_ext4 ()
{
    local directory=$1
    shift
    truncate -s 400M "$directory.img"
    mkfs.ext4 -q -F -m 0 "$@" "$directory.img" || skip 'cannot make an ext4 file system'
    mount_at "$directory" -o loop "$directory.img"
    rmdir "$directory/lost+found"
}

mount_overlay ()
{
    mkdir -p "$1.layers/lower" "$1.layers/upper" "$1.layers/work"
    mount_at "$1" -t overlay -o "lowerdir=$1.layers/lower,upperdir=$1.layers/upper,workdir=$1.layers/work" noded
}

# fill DIRECTORY: fills the file system to the last byte; fill_inodes: uses every inode; room: frees both again.
fill ()
{
    local free
    free=$(df --output=avail -B1 "$1" | tail -n 1)
    [ "$free" -lt 65536 ] || fallocate -l $((free - 32768)) "$1/.filler" 2>/dev/null || true
    cat /dev/zero >>"$1/.filler" 2>/dev/null || true
    sync -f "$1/.filler"
    cat /dev/zero >>"$1/.filler" 2>/dev/null || true
}
fill_inodes ()
{
    local free i
    mkdir -p "$1/.fillers"
    free=$(df --output=iavail "$1" | tail -n 1)
    for ((i = 0; i <= free; i++)); do : >"$1/.fillers/$i" || break; done 2>/dev/null
}
room () { rm -rf "$1/.filler" "$1/.fillers"; }
