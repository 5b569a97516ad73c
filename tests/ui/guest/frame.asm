; Fills the whole screen 60 times a second, each time in another colour: 1024 x 768, 32 bits a pixel.
	%include "boot.inc"
main:
	dispi 4, 0
	dispi 1, 1024
	dispi 2, 768
	dispi 3, 32
	dispi 4, 0x41
	mov eax, 0x80001010	; BAR 0 of device 2
	mov dx, 0xcf8
	out dx, eax
	mov dx, 0xcfc
	in eax, dx
	and eax, ~15
	mov [frame_buffer], eax
	protected_mode
	; Timer 0 at 60 Hz on vector 20h.
	mov dword [idt + 0x20 * 8], 0x00080000 + (tick - $$ + 0x7c00)
	mov dword [idt + 0x20 * 8 + 4], 0x8e00
	lidt [idt_pointer]
	mov al, 0x11
	out 0x20, al
	mov al, 0x20
	out 0x21, al
	mov al, 4
	out 0x21, al
	mov al, 1
	out 0x21, al
	mov al, 0xfe
	out 0x21, al
	mov al, 0x34
	out 0x43, al
	mov al, 19886 & 0xff
	out 0x40, al
	mov al, 19886 >> 8
	out 0x40, al
	sti
.wait:	hlt
	jmp .wait

tick:	mov al, 0x20
	out 0x20, al
	mov edi, [frame_buffer]
	mov eax, [colour]
	add dword [colour], 0x00030507
	mov ecx, 1024 * 768
	rep stosd
	say 'f'
	iret

	align 4
frame_buffer: dd 0
colour:	dd 0
idt_pointer:
	dw 0x7ff
	dd idt
idt	equ 0x1000
	finish
