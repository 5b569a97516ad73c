; Code that changes itself: ahead in the same straight line, the instruction right behind, a loop's body, across a
; page, by a string instruction, by another mapping of the page, an instruction that overlaps two pages (SDM vol. 3,
; 11.6: on these CPUs the next instruction sees the write).
%define MODE 32
%include "image.inc"
%include "protected.inc"

%define FAR_CODE (SCRATCH + 0x2ff0)

main:
    CASE "the next instruction:"
    mov ecx, 3
    xor ebx, ebx
.next_again:
    mov eax, ecx
    mov [.next + 1], eax
.next:
    mov eax, 0x99
    add ebx, eax
    dec ecx
    jnz .next_again
    SHOW "sum", ebx
    NEWLINE
    CASE "in the same line, opcode changed:"
    xor eax, eax
    mov byte [.opcode], 0x48          ; DEC EAX
    nop
    nop
.opcode:
    inc eax
    SHOW "eax", eax
    NEWLINE
    CASE "a loop that changes its own step:"
    mov ecx, 100
    xor ebx, ebx
.loop:
    db 0x81, 0xc3                     ; ADD EBX, imm32
.step:
    dd 1
    inc dword [.step]
    dec ecx
    jnz .loop
    SHOW "sum", ebx
    NEWLINE
    CASE "a warm loop changed from outside:"
    mov edx, 3
    xor ebx, ebx
.warm_again:
    mov ecx, 5000
    call .warm
    add byte [.warm + 2], 1
    dec edx
    jnz .warm_again
    SHOW "sum", ebx
    NEWLINE
    CASE "jump's displacement:"
    mov ecx, 2
    xor ebx, ebx
.jump_again:
    jmp short .target1
.target1:
    inc ebx
.target2:
    inc ebx
    mov byte [.jump_again + 1], .target2 - .target1
    dec ecx
    jnz .jump_again
    SHOW "ebx", ebx
    NEWLINE
    CASE "copied by rep movsb over code that ran:"
    mov edx, 4
    xor ebx, ebx
.copy_again:
    mov esi, .routine1
    test dl, 1
    jz .even
    mov esi, .routine2
.even:
    mov edi, FAR_CODE
    mov ecx, .routine2 - .routine1
    rep movsb
    call FAR_CODE
    dec edx
    jnz .copy_again
    SHOW "ebx", ebx
    NEWLINE
    CASE "an instruction across two pages, its second half changed:"
    mov byte [SCRATCH + 0x0ffe], 0xb8 ; MOV EAX, imm32
    mov dword [SCRATCH + 0x0fff], 0x11111111
    mov byte [SCRATCH + 0x1003], 0xc3
    mov edx, SCRATCH + 0xffe
    call edx
    SHOW "first", eax
    mov byte [SCRATCH + 0x1002], 0x22
    call edx
    SHOW "second half", eax
    mov byte [SCRATCH + 0x0fff], 0x33
    call edx
    SHOW "first half", eax
    NEWLINE
    CASE "writes beside code in its page:"
    mov ecx, 1000
    xor ebx, ebx
.beside:
    mov [.data], ecx
    add ebx, [.data]
    dec ecx
    jnz .beside
    SHOW "sum", ebx
    NEWLINE
    jmp .go_on
.data:
    dd 0
.warm:
    add ebx, byte 1
    loop .warm
    ret
.routine1:
    add ebx, 0x100
    ret
    nop
.routine2:
    add ebx, 0x001
    ret
    times 8 nop
.go_on:
    CASE "code written through another linear address:"
    ; paging with linear 400000h+ = 0+
    mov edi, PAGE_TABLES
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [PAGE_TABLES], PAGE_TABLES + 0x1003
    mov dword [PAGE_TABLES + 4], PAGE_TABLES + 0x1003
    mov edi, PAGE_TABLES + 0x1000
    mov ecx, 1024
    mov eax, 3
.page:
    stosd
    add eax, 0x1000
    loop .page
    mov eax, PAGE_TABLES
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    mov ecx, 5
    xor ebx, ebx
.alias:
    add ebx, byte 1
    inc byte [0x400000 + .alias + 2]
    loop .alias
    SHOW "sum", ebx
    NEWLINE
    CASE "the page behind a linear address exchanged:"
    mov dword [SCRATCH + 0x4000], 0xc301b0    ; MOV AL, 1; RET
    mov dword [SCRATCH + 0x5000], 0xc302b0
    xor eax, eax
    mov edx, SCRATCH + 0x4000
    call edx
    SHOW "first", eax
    mov dword [PAGE_TABLES + 0x1000 + (SCRATCH + 0x4000) / 1024], SCRATCH + 0x5003
    invlpg [edx]
    call edx
    SHOW "second", eax
    NEWLINE
    CASE "code across pages, the second page exchanged:"
    mov dword [PAGE_TABLES + 0x1000 + (SCRATCH + 0x4000) / 1024], SCRATCH + 0x4003
    mov eax, cr3
    mov cr3, eax
    mov word [SCRATCH + 0x6ffe], 0x01b8       ; MOV EAX, imm32
    mov dword [SCRATCH + 0x7000], 0xc3111100
    mov dword [SCRATCH + 0x8000], 0xc3222200
    mov edx, SCRATCH + 0x6ffe
    call edx
    SHOW "first", eax
    mov dword [PAGE_TABLES + 0x1000 + (SCRATCH + 0x7000) / 1024], SCRATCH + 0x8003
    invlpg [SCRATCH + 0x7000]
    call edx
    SHOW "second", eax
    NEWLINE
    CASE "the same bytes as 16-bit code:"
    mov word [SCRATCH + 0x9000], 0xb890       ; NOP; MOV (E)AX, imm
    mov dword [SCRATCH + 0x9002], 0xcb000001
    mov byte [SCRATCH + 0x9006], 0xcb
    call C32:SCRATCH + 0x9000
    SHOW "32", eax
    DESCRIPTOR FREE, SCRATCH, 0xffff, 0x9b, 0
    mov word [SCRATCH + 0x9004], 0xcb66
    xor eax, eax
    call FREE:0x9000
    SHOW "16", eax
    NEWLINE
    EXIT
    IMAGE_END
