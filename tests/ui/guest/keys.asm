; Writes each character that the BIOS reads from the keyboard to the debug console.
	%include "boot.inc"
main:	say 'R'
	say 10
.next:	mov ah, 0
	int 0x16
	test al, al
	jz .next
	out 0xe9, al
	jmp .next
	finish
