; A text screen with a blinking cursor and nothing else.
	%include "boot.inc"
main:
	mov si, message
.next:	lodsb
	test al, al
	jz .end
	mov ah, 0x0e
	mov bx, 7
	int 0x10
	jmp .next
.end:	say 'r'
.wait:	hlt
	jmp .wait
message: db "The cursor blinks.", 13, 10, 0
	finish
