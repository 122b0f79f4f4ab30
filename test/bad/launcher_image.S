/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/launcher_image.S - embeds another launcher than noded does; see src/node/launcher.h */

    .section .rodata
    .balign 16
    .globl node_launcher_begin
    .globl node_launcher_end
node_launcher_begin:
    .incbin LAUNCHER
node_launcher_end:
    .byte 0

    .section .note.GNU-stack,"",@progbits
