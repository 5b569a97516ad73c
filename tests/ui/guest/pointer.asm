; The driver of the absolute pointer (VMware's backdoor port) as a program: sets mode 12h, 640 x 480, polls, and writes
; each report to the debug console as a line "buttons x y wheel" in hexadecimal.
	%include "boot.inc"
main:
	mov ax, 0x12
	int 0x10
	; Reports are only made while the mouse sends its own.
	mov al, 0xa8
	out 0x64, al
	call wait_input
	mov al, 0xd4
	out 0x64, al
	call wait_input
	mov al, 0xf4
	out 0x60, al
	mov ebx, 0x45414552	; enable: its version is the first word
	mov ecx, 41
	call backdoor
	mov ebx, 1
	mov ecx, 39
	call backdoor
	cmp eax, 0x3442554a
	jne .bad
	mov ebx, 0x53424152	; absolute
	mov ecx, 41
	call backdoor
	say 'R'
	say 10
.poll:	in al, 0x64
	test al, 1
	jz .status
	in al, 0x60
.status:
	mov ecx, 40
	call backdoor
	test eax, 0xffff0000
	jnz .bad
	cmp ax, 4
	jb .poll
	mov ebx, 4
	mov ecx, 39
	call backdoor
	push edx
	push ecx
	push ebx
	call hex
	pop eax
	call hex
	pop eax
	call hex
	pop eax
	call hex
	say 10
	jmp .poll
.bad:	say '!'
	say 10
.end:	hlt
	jmp .end

backdoor:
	mov eax, 0x564d5868
	mov edx, 0x5658
	in eax, dx
	ret

wait_input:
	in al, 0x64
	test al, 2
	jnz wait_input
	ret

; The low half of EAX and a blank.
hex:	mov cx, 4
	mov dx, ax
.next:	rol dx, 4
	mov al, dl
	and al, 15
	add al, '0'
	cmp al, '9'
	jbe .put
	add al, 'a' - '0' - 10
.put:	out 0xe9, al
	loop .next
	say ' '
	ret
	finish
