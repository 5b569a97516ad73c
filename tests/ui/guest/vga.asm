; Pictures that use the VGA's tricks, one after the other: each is drawn, announced by its letter and a newline on the
; debug console, and stays until a key is pressed.
	%include "boot.inc"
	%include "picture.inc"

main:	call text
	call text_fonts
	call mode13
	call mode_x
	call write_modes
	call split
	call cga4
	call cga6
	call odd_even
	call palette
	call page_flip
	call dispi8
	call dispi15
	call dispi16
	call dispi24
	call dispi32
	call virtual
	call large
	say '.'
	say 10
.end:	hlt
	jmp .end

	define_shown

set_mode:
	mov ah, 0
	int 0x10
	ret

; All characters in all colours; no blinking, no cursor; 9 dots.
text:	mov ax, 3
	call set_mode
	mov ax, 0x1003
	mov bl, 0
	int 0x10
	mov ah, 1
	mov cx, 0x2000
	int 0x10
	mov ax, 0xb800
	mov es, ax
	xor di, di
	xor ax, ax
	mov cx, 2000
.next:	stosw
	inc al
	add ah, 3
	loop .next
	mov al, 'a'
	jmp shown

; Two fonts at once, chosen by attribute bit 3: the second one is the first, turned upside down. 8 dots.
text_fonts:
	mov ax, 3
	call set_mode
	mov ah, 1
	mov cx, 0x2000
	int 0x10
	reg SEQ, 2, 4
	reg SEQ, 4, 7
	reg GFX, 4, 2
	reg GFX, 5, 0
	reg GFX, 6, 4
	mov ax, 0xa000
	mov es, ax
	xor bx, bx
.character:
	mov si, bx
	shl si, 5
	lea di, [si + 0x4000 + 15]
	mov cx, 16
.line:	mov al, [es:si]
	mov [es:di], al
	inc si
	dec di
	loop .line
	inc bx
	cmp bx, 256
	jne .character
	reg SEQ, 2, 3
	reg SEQ, 4, 3
	reg GFX, 4, 0
	reg GFX, 5, 0x10
	reg GFX, 6, 0x0e
	reg SEQ, 3, 0x04	; font 1 for bit 3, font 0 else
	reg SEQ, 1, 1		; 8 dots
	mov ax, 0xb800
	mov es, ax
	xor di, di
	mov cx, 2000
	mov ax, 0x0741
.next:	stosw
	xor ah, 8
	inc al
	and al, 0x7f
	or al, 0x40
	loop .next
	mov al, 'b'
	jmp shown

mode13:	mov ax, 0x13
	call set_mode
	mov ax, 0xa000
	mov es, ax
	xor di, di
	xor bx, bx
.line:	mov cx, 320
.next:	mov al, cl
	add al, bl
	stosb
	loop .next
	inc bx
	cmp bx, 200
	jne .line
	mov al, 'c'
	jmp shown

; Chain 4 off, 320 x 400: four planes, copied by the latches.
mode_x:	mov ax, 0x13
	call set_mode
	reg SEQ, 4, 6
	reg CRTC, 0x14, 0
	reg CRTC, 0x17, 0xe3
	reg CRTC, 0x09, 0x40
	planes 80 * 200
	shr ax, 3
	add al, bl
	end_planes
	; The lower half is the upper one, by write mode 1.
	reg SEQ, 2, 15
	reg GFX, 5, 0x41
	push es
	pop ds
	xor si, si
	mov di, 80 * 200
	mov cx, 80 * 200
	rep movsb
	xor ax, ax
	mov ds, ax
	mov al, 'd'
	jmp shown

; 640 x 480 in 16 colours: set/reset, bit mask, rotation, functions; write modes 0, 2 and 3.
write_modes:
	mov ax, 0x12
	call set_mode
	mov ax, 0xa000
	mov es, ax
	reg GFX, 1, 15		; set/reset
	xor bx, bx
.band:	mov dx, GFX
	mov al, 0
	mov ah, bl
	out dx, ax
	imul di, bx, 80 * 10
	mov cx, 80 * 10
	mov al, 0xff
	rep stosb
	inc bx
	cmp bx, 16
	jne .band
	reg GFX, 1, 0
	; Write mode 0 with rotation and the functions AND, OR and XOR.
	mov bl, 1
.function:
	mov dx, GFX
	mov al, 3
	mov ah, bl
	shl ah, 3
	or ah, 3
	out dx, ax
	movzx di, bl
	shl di, 3
	mov cx, 160
.row:	mov al, [es:di]
	mov byte [es:di], 0x1d
	mov al, [es:di + 1]
	mov byte [es:di + 1], 0xc5
	add di, 80
	loop .row
	inc bl
	cmp bl, 4
	jne .function
	reg GFX, 3, 0
	; Write mode 2 with a bit mask.
	reg GFX, 5, 2
	reg GFX, 8, 0x3c
	mov di, 80 * 200
	mov cx, 80 * 60
.colour:
	mov al, [es:di]
	mov ax, di
	stosb
	loop .colour
	; Write mode 3: the byte is the mask.
	reg GFX, 5, 3
	reg GFX, 8, 0xff
	reg GFX, 0, 12
	mov di, 80 * 300
	mov cx, 80 * 60
.mask:	mov al, [es:di]
	mov ax, di
	xor al, ah
	stosb
	loop .mask
	reg GFX, 5, 0
	mov al, 'e'
	jmp shown

; Mode Dh with a start address, panning by 3 dots, and a split at line 150 that is not panned.
split:	mov ax, 0x0d
	call set_mode
	planes 0x8000
	mul bl
	xor al, ah
	end_planes
	reg CRTC, 0x0c, 0x10
	reg CRTC, 0x0d, 0x21
	split_at 300
	attribute 0x13, 3
	attribute 0x10, 0x21
	mov al, 'f'
	jmp shown

cga:	mov ax, 0xb800
	mov es, ax
	xor di, di
	mov cx, 0x4000
.next:	mov ax, di
	add al, ah
	stosb
	loop .next
	ret
cga4:	mov ax, 4
	call set_mode
	call cga
	mov al, 'g'
	jmp shown
cga6:	mov ax, 6
	call set_mode
	call cga
	mov al, 'h'
	jmp shown

; 640 x 350, written to and read back through odd/even addressing.
odd_even:
	mov ax, 0x10
	call set_mode
	mov ax, 0xa000
	mov es, ax
	reg SEQ, 4, 2
	reg GFX, 5, 0x10
	reg GFX, 6, 7
	xor di, di
	mov cx, 80 * 300
.next:	mov ax, di
	shr ax, 2
	stosb
	loop .next
	reg SEQ, 4, 6
	reg GFX, 5, 0
	reg GFX, 6, 5
	mov al, 'i'
	jmp shown

; The DAC: a ramp, and the pixel mask.
palette:
	mov ax, 0x13
	call set_mode
	mov dx, 0x3c8
	mov al, 0
	out dx, al
	inc dx
	xor bx, bx
.entry:	mov al, bl
	shr al, 2
	out dx, al
	mov al, bl
	and al, 63
	out dx, al
	mov al, bl
	not al
	shr al, 2
	out dx, al
	inc bl
	jnz .entry
	mov dx, 0x3c6
	mov al, 0x7f
	out dx, al
	mov ax, 0xa000
	mov es, ax
	xor di, di
	mov cx, 64000
.next:	mov ax, di
	stosb
	loop .next
	mov al, 'j'
	call shown
	mov dx, 0x3c6
	mov al, 0xff
	out dx, al
	ret

; Mode Dh: the second page is drawn unseen, then shown.
page_flip:
	mov ax, 0x0d
	call set_mode
	mov ax, 0xa200
	mov es, ax
	reg SEQ, 2, 10
	xor di, di
	mov cx, 8000
.next:	mov ax, di
	shr ax, 1
	stosb
	loop .next
	mov ax, 0x0501
	int 0x10
	mov al, 'k'
	jmp shown

; AX bits a pixel, BX x CX: DISPI mode, banks of 64 KiB filled with a pattern.
dispi_mode:
	push ax
	push cx
	push bx
	dispi 4, 0
	pop bx
	dispi 1, bx
	pop bx
	dispi 2, bx
	pop bx
	dispi 3, bx
	dispi 4, 1
	ret
dispi_fill:			; BP banks
	mov ax, 0xa000
	mov es, ax
	xor bx, bx
.bank:	dispi 5, bx
	xor di, di
.next:	mov ax, di
	add al, ah
	add al, bl
	mov ah, al
	rol ah, 3
	stosw
	test di, di
	jnz .next
	inc bx
	cmp bx, bp
	jne .bank
	ret

dispi8:	mov ax, 8
	mov bx, 640
	mov cx, 480
	call dispi_mode
	mov bp, 5
	call dispi_fill
	mov al, 'l'
	jmp shown
dispi15:
	mov ax, 15
	mov bx, 640
	mov cx, 480
	call dispi_mode
	mov bp, 10
	call dispi_fill
	mov al, 'm'
	jmp shown
dispi16:
	mov ax, 16
	mov bx, 800
	mov cx, 600
	call dispi_mode
	mov bp, 15
	call dispi_fill
	mov al, 'n'
	jmp shown
dispi24:
	mov ax, 24
	mov bx, 800
	mov cx, 600
	call dispi_mode
	mov bp, 22
	call dispi_fill
	mov al, 'o'
	jmp shown
dispi32:
	mov ax, 32
	mov bx, 1024
	mov cx, 768
	call dispi_mode
	mov bp, 48
	call dispi_fill
	mov al, 'p'
	jmp shown
; A virtual screen wider than the picture, shown from (100, 50) on.
virtual:
	mov ax, 8
	mov bx, 640
	mov cx, 480
	call dispi_mode
	dispi 6, 1000
	mov bp, 9
	call dispi_fill
	dispi 8, 100
	dispi 9, 50
	mov al, 'q'
	jmp shown
large:	mov ax, 16
	mov bx, 2560
	mov cx, 1600
	call dispi_mode
	mov bp, 125
	call dispi_fill
	mov al, 'r'
	jmp shown
	finish
