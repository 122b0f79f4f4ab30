# SPDX-License-Identifier: MPL-2.0
# test/lib/changed.bash - the files that changed since a commit, and the rooms that they affect. Sourced by bin/test.
#
# shellcheck shell=bash

# changed_base: prints the commit at which the branch left main; on main itself, the commit before.
changed_base ()
{
    local main base
    for main in origin/main main; do
        base=$(git merge-base HEAD "$main" 2>/dev/null) || continue
        [ "$base" = "$(git rev-parse HEAD)" ] || { echo "$base"; return; }
    done
    git rev-parse -q --verify HEAD~1 || git hash-object -t tree /dev/null
}

# changed_files BASE: prints the files that differ from BASE, committed or not.
changed_files ()
{
    { git diff --name-only --diff-filter=d "$1" -- && git ls-files --others --exclude-standard; } | sort -u
}

# changed_rooms: reads file names and prints their rooms, and the rooms that use those rooms by the table of src/README.md.
changed_rooms ()
{
    awk '
        FNR == NR {
            if (split ($0, cell, "|") != 6) next
            room = cell[2]; uses = cell[4]
            gsub (/ /, "", room); gsub (/\([^)]*\)|[^a-z ]/, " ", uses)
            if (room !~ /^[a-z]+$/ || room == "room") next
            rooms[room] = " " uses " "
            next
        }
        /^src\/[a-z]+\// { split ($0, part, "/"); if (part[2] in rooms) used[part[2]] = 1 }
        /^schemas\// { used["wire"] = own["schemas"] = 1 }
        /^include\// { used["client"] = 1 }
        /^test\/unit\/[a-z]+\// { split ($0, part, "/"); own[part[3]] = 1 }
        /(^|\/)CMakeLists.txt$|^test\/lib\/.*\.[ch]$/ { for (room in rooms) used[room] = 1; own["schemas"] = own["planted"] = 1 }
        END {
            do {
                more = 0
                for (room in rooms) {
                    for (other in used) {
                        if (!(room in used) && (index (rooms[room], " " other " ") || index (rooms[room], " all "))) more = used[room] = 1
                    }
                }
            } while (more)
            for (room in used) own[room] = 1
            for (room in own) print room
        }' src/README.md - | sort
}
