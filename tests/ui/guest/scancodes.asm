; Writes each scan code (set 1, as the keyboard controller translates it) to the debug console, in hexadecimal.
	%include "boot.inc"
main:	cli
	say 'R'
	say 10
.next:	in al, 0x64
	test al, 1
	jz .next
	in al, 0x60
	mov dl, al
	shr al, 4
	call digit
	mov al, dl
	and al, 15
	call digit
	say 10
	jmp .next
digit:	add al, '0'
	cmp al, '9'
	jbe .put
	add al, 'a' - '0' - 10
.put:	out 0xe9, al
	ret
	finish
