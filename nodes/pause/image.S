/* The pause program inside the one binary. PAUSE_FILE comes from build.mk. */
	.section .rodata
	.balign 16
	.globl troupe_pause_image
	.type troupe_pause_image, @object
troupe_pause_image:
	.incbin PAUSE_FILE
	.globl troupe_pause_image_end
troupe_pause_image_end:
	.byte 0
	.size troupe_pause_image, troupe_pause_image_end - troupe_pause_image
	.section .note.GNU-stack, "", %progbits
