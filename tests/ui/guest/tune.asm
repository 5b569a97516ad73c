; A tune on the speaker: after each key, four notes of 400 ms with 100 ms between them, then 'e' on the debug console.
; The ACPI timer measures the time: 3579545 Hz, 24 bits, so that a host that is late for a moment loses none of it.
	%include "boot.inc"
main:	say 'R'
	say 10
.again:
	mov ah, 0
	int 0x16
	mov si, notes
.note:	lodsw
	test ax, ax
	jz .end
	mov bx, ax
	mov al, 0xb6
	out 0x43, al
	mov al, bl
	out 0x42, al
	mov al, bh
	out 0x42, al
	in al, 0x61
	or al, 3
	out 0x61, al
	mov ecx, 1431818
	call wait_ticks
	in al, 0x61
	and al, 0xfc
	out 0x61, al
	mov ecx, 357955
	call wait_ticks
	jmp .note
.end:	say 'e'
	say 10
	jmp .again

; Waits ECX ticks, exactly on the whole: what was waited too long is carried on in [late].
wait_ticks:
	sub ecx, [late]
	mov dx, 0xb008		; where SeaBIOS puts it
	in eax, dx
	mov ebx, eax
.poll:	in eax, dx
	mov edi, eax
	sub eax, ebx
	mov ebx, edi
	and eax, 0xffffff
	sub ecx, eax
	jg .poll
	neg ecx
	mov [late], ecx
	ret
late:	dd 0
notes:	dw 2712, 2280, 1810, 1356, 0	; 440, 523.3, 659.2, 879.9 Hz
	finish
