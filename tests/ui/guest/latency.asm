; Every 100 ms or so, at no fixed distance: changes the colour of the screen, 320 x 200, 256 colours, and says so.
	%include "boot.inc"
main:
	mov ax, 0x13
	int 0x10
	mov ax, 0xa000
	mov es, ax
.again:
	mov ah, 0x86
	mov cx, 1
	mov dx, [pause]
	add word [pause], 7001
	int 0x15
	add byte [colour], 4
	mov al, [colour]
	or al, 0x20
	and al, 0x3f
	xor di, di
	mov cx, 64000
	rep stosb
	say 'x'
	jmp .again
pause:	dw 0
colour:	db 0
	finish
