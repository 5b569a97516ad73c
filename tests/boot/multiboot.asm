; A Multiboot kernel that says on the first serial port what its loader has told it. With FLAT a plain file whose header has
; the addresses, else an ELF object.
bits 32
MAGIC   equ 0x1badb002
%ifdef FLAT
FLAGS   equ 0x10003
        org 0x200000
%else
FLAGS   equ 3
global _start
section .text
%endif

header: dd MAGIC, FLAGS, -(MAGIC + FLAGS)
%ifdef FLAT
        dd header, header, 0, bss_end, _start
%endif

_start: mov esp, stack
        mov edi, ebx
        cmp eax, 0x2badb002
        jne stop
        mov esi, t_magic
        call text
        test dword [edi], 1
        jz .no_memory
        mov esi, t_upper
        call text
        mov eax, [edi + 8]
        call hex
.no_memory:
        mov esi, t_line
        call text
        mov esi, [edi + 16]
        call text
        mov esi, t_loader
        call text
        mov esi, [edi + 64]
        call text
        test dword [edi], 8
        jz .no_modules
        mov ecx, [edi + 20]
        mov ebp, [edi + 24]
.module:
        jecxz .no_modules
        mov esi, t_module
        call text
        mov eax, [ebp + 4]
        sub eax, [ebp]
        call hex
        mov esi, [ebp + 8]
        call text
        mov esi, t_first
        call text
        mov esi, [ebp]
        mov al, [esi]
        call put
        add ebp, 16
        dec ecx
        jmp .module
.no_modules:
        ; The memory map: all entries that are RAM.
        mov ebp, [edi + 48]
        mov ecx, [edi + 44]
        add ecx, ebp
.map:   cmp ebp, ecx
        jae .bss
        cmp dword [ebp + 20], 1
        jne .next
        mov esi, t_ram
        call text
        mov eax, [ebp + 4]
        call hex
        mov eax, [ebp + 12]
        call hex
.next:  add ebp, [ebp]
        add ebp, 4
        jmp .map
.bss:   mov esi, t_bss
        cmp dword [bss_end - 4], 0
        jne stop
        call text
stop:   mov esi, t_end
        call text
        cli
        hlt

put:    push edx
        push eax
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 0x20
        jz .wait
        pop eax
        mov dx, 0x3f8
        out dx, al
        pop edx
        ret
text:   lodsb
        test al, al
        jz .done
        call put
        jmp text
.done:  ret
hex:    push ecx
        mov ecx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .put
        add al, 'a' - '9' - 1
.put:   call put
        pop eax
        loop .digit
        mov al, ' '
        call put
        pop ecx
        ret

t_magic:  db "MAGIC", 10, 0
t_upper:  db "UPPER ", 0
t_line:   db 10, "LINE ", 0
t_loader: db 10, "LOADER ", 0
t_module: db 10, "MODULE ", 0
t_first:  db " FIRST ", 0
t_ram:    db 10, "RAM ", 0
t_bss:    db 10, "BSS", 0
t_end:    db 10, "END", 10, 0

%ifdef FLAT
        align 4
        absolute $
%else
section .bss
%endif
        resb 8192
stack:  resb 65536
bss_end:
