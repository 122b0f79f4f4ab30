/* SPDX-License-Identifier: MPL-2.0 */
/*  node/launcher_image.S - the launcher program, carried inside noded: see node/launcher.h */

    .section .rodata
    .balign 16
    .globl node_launcher_begin
    .globl node_launcher_end
node_launcher_begin:
    .incbin LAUNCHER
node_launcher_end:
    .byte 0

    .section .note.GNU-stack,"",@progbits
