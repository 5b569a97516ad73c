; More pictures, as vga.asm shows them: modes of the BIOS' VBE, through a linear frame buffer and through banks, and
; text modes and tweaked modes that vga.asm leaves out.
	%include "boot.inc"
	%include "picture.inc"
%macro vbe 3			; function, BX, DX
	mov ax, 0x4f00 | %1
	mov bx, %2
	mov dx, %3
	int 0x10
%endmacro
%define LINEAR 0x4000

main:	call mono
	call forty
	call fifty
	call text_scroll
	call blank
	call split13
	call mode_360
	call colour_compare
	call ega
	call planar_start
	call vbe4
	call vbe8_linear
	call vbe15_linear
	call vbe16_banked
	call vbe24_linear
	call vbe32_linear
	call vbe8_large
	call vbe_pages
	call vbe_virtual
	call largest
	call retrace
	say '.'
	say 10
.end:	hlt
	jmp .end

	define_shown

set_mode:
	mov ah, 0
	int 0x10
	; Without a cursor.
	mov ah, 1
	mov cx, 0x2000
	int 0x10
	ret

; ES: segment, CX: words of all characters and attributes.
fill_text:
	mov es, ax
	xor di, di
	xor ax, ax
.next:	stosw
	inc al
	add ah, 5
	and ah, 0x7f		; nothing that blinks
	loop .next
	ret

; Mode 7: underlines, bold, reverse.
mono:	mov al, 7
	call set_mode
	mov ax, 0xb000
	mov cx, 2000
	call fill_text
	mov al, 'a'
	jmp shown

forty:	mov al, 1		; the BIOS needs two calls to come back from mode 7
	call set_mode
	mov al, 1
	call set_mode
	mov ax, 0xb800
	mov cx, 1000
	call fill_text
	mov al, 'b'
	jmp shown

; 50 lines of 8 x 8.
fifty:	mov al, 3
	call set_mode
	mov ax, 0x1112
	mov bl, 0
	int 0x10
	mov ah, 1
	mov cx, 0x2000
	int 0x10
	mov ax, 0xb800
	mov cx, 4000
	call fill_text
	mov al, 'c'
	jmp shown

; Smooth scrolling of text: 3 columns and 5 dots to the left, 6 lines up, above a split at line 200.
text_scroll:
	mov al, 3
	call set_mode
	mov ax, 0xb800
	mov cx, 4000
	call fill_text
	reg CRTC, 8, 6
	reg CRTC, 0x0c, 1
	reg CRTC, 0x0d, 3
	split_at 199
	attribute 0x13, 4
	attribute 0x10, 0x2c
	mov al, 'd'
	jmp shown

; The screen off by the sequencer: black.
blank:	mov al, 3
	call set_mode
	mov ax, 0xb800
	mov cx, 2000
	call fill_text
	reg SEQ, 1, 0x20
	mov al, 'e'
	jmp shown

fill13:	mov ax, 0xa000
	mov es, ax
	xor di, di
	mov cx, 0x8000
.next:	mov ax, di
	add al, ah
	xor ah, al
	stosw
	loop .next
	ret

; Mode 13h from another start address, panned, with a split.
split13:
	mov al, 0x13
	call set_mode
	call fill13
	reg CRTC, 0x0c, 0x20
	reg CRTC, 0x0d, 0x11
	split_at 99
	mov al, 'f'
	jmp shown

; 360 x 480 in 256 colours, unchained.
mode_360:
	mov al, 0x13
	call set_mode
	reg SEQ, 4, 6
	reg SEQ, 0, 1
	mov dx, 0x3c2
	mov al, 0xe7
	out dx, al
	reg SEQ, 0, 3
	crtc_bits 0x11, 0x7f, 0
	mov si, .table
	mov cx, 17
	mov dx, CRTC
.set:	lodsw
	out dx, ax
	loop .set
	planes 90 * 480
	mul bl
	xor al, ah
	add al, bl
	end_planes
	mov al, 'g'
	jmp shown
.table:	dw 0x6b00, 0x5901, 0x5a02, 0x8e03, 0x5e04, 0x8a05, 0x0d06, 0x3e07, 0x4009, 0xea10, 0xac11, 0xdf12
	dw 0x2d13, 0x0014, 0xe715, 0x0616, 0xe317

; Read mode 1: where a picture in 16 colours has colour 5, all planes are set below; where it has 2 or 3, plane 0.
colour_compare:
	mov al, 0x0e
	call set_mode
	planes 80 * 60
	mul bl
	add al, ah
	end_planes
	reg GFX, 5, 8
	reg GFX, 2, 5
	reg GFX, 7, 15
	reg SEQ, 2, 15
	call .copy
	reg GFX, 2, 2
	reg GFX, 7, 14
	reg SEQ, 2, 1
	mov di, 80 * 130
	call .copy_to
	reg GFX, 5, 0
	reg GFX, 7, 15
	mov al, 'h'
	jmp shown
.copy:	mov di, 80 * 65
.copy_to:
	push ds
	push es
	pop ds
	xor si, si
	mov cx, 80 * 60
	rep movsb
	pop ds
	ret

; Mode 10h with the colours of an EGA: attributes of its own, one plane shut off, the border's colour set.
ega:	mov al, 0x10
	call set_mode
	planes 80 * 350
	shr ax, 2
	mul bl
	end_planes
	mov si, 0
.colour:
	mov dx, 0x3da
	in al, dx
	mov dx, 0x3c0
	mov ax, si
	out dx, al
	imul ax, 11
	and al, 63
	out dx, al
	inc si
	cmp si, 16
	jne .colour
	mov al, 0x20
	out dx, al
	attribute 0x12, 0x0b
	mov al, 'i'
	jmp shown

; 640 x 480 in 16 colours with lines of 1024 pixels, from the middle of them.
planar_start:
	mov al, 0x12
	call set_mode
	reg CRTC, 0x13, 64
	planes 0xffff
	mul bl
	xor al, ah
	end_planes
	reg CRTC, 0x0c, 8
	reg CRTC, 0x0d, 20
	mov al, 'j'
	jmp shown

; AX: mode of the VBE.
vbe_mode:
	push ax
	mov cx, ax
	and cx, 0x1ff
	mov ax, 0x4f01
	mov di, info
	push ds
	pop es
	int 0x10
	pop bx
	mov ax, 0x4f02
	int 0x10
	ret

; CX banks of 64 KiB through A0000.
fill_banks:
	mov word [bank], 0
.bank:	push cx
	mov ax, 0x4f05
	mov bx, 0
	mov dx, [bank]
	int 0x10
	mov ax, 0xa000
	mov es, ax
	xor di, di
	mov bp, [bank]
.next:	mov ax, di
	add ax, bp
	imul ax, 0x6255
	stosw
	test di, di
	jnz .next
	inc word [bank]
	pop cx
	loop .bank
	ret

; EAX bytes of the linear frame buffer.
fill_linear:
	mov ecx, eax
	shr ecx, 2
	call unreal
	mov edi, [info + 0x28]
	mov ebx, 1
.next:	imul eax, ebx, 0x9e3779b1
	mov edx, eax
	shr edx, 13
	xor eax, edx
	mov [fs:edi], eax
	add edi, 4
	add ebx, 3
	dec ecx
	jnz .next
	ret

; FS reaches everything.
unreal:	cli
	in al, 0x92
	or al, 2
	out 0x92, al
	lgdt [gdt_pointer]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov bx, 16
	mov fs, bx
	and al, 0xfe
	mov cr0, eax
	jmp 0:.real
.real:	xor bx, bx
	mov fs, bx
	sti
	ret

vbe4:	mov ax, 0x102
	call vbe_mode
	planes 100 * 600
	mul bl
	xor al, ah
	end_planes
	mov al, 'k'
	jmp shown

; With a DAC of 8 bits and colours set through the BIOS.
vbe8_linear:
	mov ax, 0x101 | LINEAR
	call vbe_mode
	vbe 8, 0x0800, 0
	mov di, colours
	mov cx, 256
.next:	mov al, cl
	stosb
	rol al, 3
	stosb
	not al
	stosb
	mov al, 0
	stosb
	loop .next
	mov ax, 0x4f09
	mov bx, 0
	mov cx, 256
	mov dx, 0
	mov di, colours
	int 0x10
	mov eax, 640 * 480
	call fill_linear
	mov al, 'l'
	jmp shown
vbe15_linear:
	mov ax, 0x110 | LINEAR
	call vbe_mode
	mov eax, 640 * 480 * 2
	call fill_linear
	mov al, 'm'
	jmp shown
vbe16_banked:
	mov ax, 0x114
	call vbe_mode
	mov cx, 15
	call fill_banks
	mov al, 'n'
	jmp shown
vbe24_linear:
	mov ax, 0x112 | LINEAR
	call vbe_mode
	mov eax, 640 * 480 * 3
	call fill_linear
	mov al, 'o'
	jmp shown
vbe32_linear:
	mov ax, 0x144 | LINEAR	; 1024 x 768, of the BIOS' own numbers
	call vbe_mode
	mov eax, 1024 * 768 * 4
	call fill_linear
	mov al, 'p'
	jmp shown
vbe8_large:
	mov ax, 0x107
	call vbe_mode
	mov cx, 20
	call fill_banks
	mov al, 'q'
	jmp shown
; The second page of 640 x 480, shown by a display start.
vbe_pages:
	mov ax, 0x111 | LINEAR
	call vbe_mode
	mov eax, 640 * 960 * 2
	call fill_linear
	mov ax, 0x4f07
	mov bx, 0
	mov cx, 0
	mov dx, 480
	int 0x10
	mov al, 'r'
	jmp shown
; Lines of 1024 pixels, seen from (124, 45) on.
vbe_virtual:
	mov ax, 0x101 | LINEAR
	call vbe_mode
	mov ax, 0x4f06
	mov bx, 0
	mov cx, 1024
	int 0x10
	mov eax, 1024 * 768
	call fill_linear
	mov ax, 0x4f07
	mov bx, 0
	mov cx, 124
	mov dx, 45
	int 0x10
	mov al, 's'
	jmp shown

; 2560 x 1600 in 32 bits: nearly all of the memory.
largest:
	dispi 4, 0
	dispi 1, 2560
	dispi 2, 1600
	dispi 3, 32
	dispi 4, 0x41
	mov eax, 2560 * 1600 * 4
	call fill_linear
	mov al, 't'
	jmp shown

; The time of a frame by the vertical retrace bit, in modes 3, 13h and 12h: a line "t HHHH HHHH ..." for each, 32 frames
; in ticks of the timer.
retrace:
	mov al, 3
	call .measure
	mov al, 0x13
	call .measure
	mov al, 0x12
.measure:
	call set_mode
	say 't'
	cli
	mov al, 0x34
	out 0x43, al
	mov al, 0
	out 0x40, al
	out 0x40, al
	call .edge
	call .count
	mov bx, ax
	mov cx, 32
	mov di, frame_times
.frame:	call .edge
	call .count
	xchg ax, bx
	sub ax, bx
	mov [di], ax
	add di, 2
	loop .frame
	sti
	mov si, frame_times
	mov bx, 32
.time:	say ' '
	lodsw
	mov dx, ax
	mov cx, 4
.digit:	rol dx, 4
	mov al, dl
	and al, 15
	add al, '0'
	cmp al, '9'
	jbe .put
	add al, 'a' - '0' - 10
.put:	out 0xe9, al
	loop .digit
	dec bx
	jnz .time
	say 10
	ret
.edge:	mov dx, 0x3da
.on:	in al, dx
	test al, 8
	jnz .on
.off:	in al, dx
	test al, 8
	jz .off
	ret
.count:	mov al, 0
	out 0x43, al
	in al, 0x40
	mov ah, al
	in al, 0x40
	xchg al, ah
	ret

bank:	dw 0
	finish
info	equ 0x1000
colours	equ 0x1200
frame_times	equ 0x1600
