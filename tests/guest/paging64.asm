; The paging matrix in 64-bit mode: each combination of P, R/W, U/S and XD of a page with a read, a write and a
; fetch at levels 0 and 3, for WP, SMEP, SMAP (with and without AC); error codes, A and D bits, reserved bits, upper
; levels (SDM vol. 3, 4.6 to 4.8). One line for each page and mode; "-" stands for no fault, else the error code.
; limited kvm skip: needs SMEP and SMAP, which is hidden there
; vmm: -cpu max
; qemu: -cpu max
%define MODE 64
%include "image.inc"
%include "protected.inc"

%define PAGE 0x100000
%define PTE (PAGE_TABLES + 0x3000 + PAGE / 4096 * 8)
%define PDE (PAGE_TABLES + 0x2000)

; Bits of r12: what to do.
%define DO_WRITE 1
%define DO_FETCH 2
%define AT_LEVEL3 4

; The handler of #PF: prints the error code, skips the rest.
page_fault:
    mov eax, [rsp]
    call hex2
    mov rsp, [try_sp]
    mov ecx, D32
    mov ds, ecx
    mov es, ecx
    jmp [try_resume]

; One access as r12 says, to r13; prints " -" or the error code, and the A and D bits of the entry after it.
access:
    SAY " "
    mov qword [try_resume], .end
    mov [try_sp], rsp
    test r12d, AT_LEVEL3
    jz .level0
    push UD
    push STACK3
    push r14
    push U64
    push .body
    iretq
.level0:
    push r14
    popfq
.body:
    test r12d, DO_FETCH
    jnz .fetch
    test r12d, DO_WRITE
    jnz .write
    mov al, [r13]
    jmp .fine
.write:
    mov al, 0xc3                      ; RET, for the fetch
    mov [r13], al
    jmp .fine
.fetch:
    call r13
.fine:
    int 0x80
.fine_handler:
    mov rsp, [try_sp]
    SAY "- "
.end:
    push 2
    popfq
    mov qword [try_resume], 0
    ret

; Six accesses to the page with the entry r15; prints A and D after each.
six:
    mov r14d, 0x2
    call .three
    SAY " |"
    call .three_at_3
    NEWLINE
    ret
.three_at_3:
    mov r12d, AT_LEVEL3
    jmp .go
.three:
    xor r12d, r12d
.go:
    call .one
    inc r12d
    call .one
    inc r12d
.one:
    mov [PTE], r15
    invlpg [PAGE]
    call access
    mov eax, [PTE]
    shr eax, 5
    and eax, 3
    SAY "/"
    add al, '0'
    out 0xe9, al
    ret

; All eight combinations of XD, U/S and R/W.
matrix:
    xor ebx, ebx
.again:
    mov rax, rbx
    xor r15d, r15d
    test al, 1
    jz .no_write
    or r15d, 2
.no_write:
    test al, 2
    jz .no_user
    or r15d, 4
.no_user:
    or r15, PAGE + 1
    test al, 4
    jz .no_xd
    bts r15, 63
.no_xd:
    SAY " "
    test bl, 4
    jz .s1
    SAY "xd"
.s1:
    SAY "/"
    test bl, 2
    jz .s2
    SAY "us"
.s2:
    SAY "/"
    test bl, 1
    jz .s3
    SAY "rw"
.s3:
    SAY ":"
    call six
    inc ebx
    cmp ebx, 8
    jne .again
    ret

%macro CR4_SET 1
    mov rax, cr4
    bts eax, %1
    mov cr4, rax
%endmacro
%macro CR4_CLEAR 1
    mov rax, cr4
    btr eax, %1
    mov cr4, rax
%endmacro

main:
    IDT_GATE 14, C64, page_fault, 0x8e
    IDT_GATE 0x80, C64, access.fine_handler, 0xee
    mov byte [PAGE], 0xc3                     ; RET
    mov r13d, PAGE
    SAY "level 0: read write fetch | level 3: read write fetch; /A + 2 D", 10
    SAY "WP 0", 10
    call matrix
    SAY "WP 1", 10
    mov rax, cr0
    bts eax, 16
    mov cr0, rax
    call matrix
    SAY "not present", 10
    xor ebx, ebx
    mov r15d, PAGE + 6
    call six
    SAY "reserved bit", 10
    mov r15, (1 << 51) | (PAGE + 7)
    call six
    SAY "reserved bit, not present", 10
    mov r15, (1 << 51) | (PAGE + 6)
    call six
    SAY "EFER.NXE 0: XD is reserved", 10
    mov ecx, 0xc0000080
    rdmsr
    and eax, ~0x800
    wrmsr
    mov r15, (1 << 63) | (PAGE + 7)
    call six
    mov r15, PAGE + 7
    call six
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x800
    wrmsr

    SAY "image of the supervisor; SMEP", 10
    mov edi, PAGE_TABLES + 0x3000
    mov ecx, 0x100
.supervisor:
    and dword [rdi], ~4
    add edi, 8
    dec ecx
    jnz .supervisor
    mov rax, cr3
    mov cr3, rax
    CR4_SET 20
    call supervisor_only
    SAY "SMAP", 10
    CR4_CLEAR 20
    CR4_SET 21
    call supervisor_only
    SAY "SMAP, AC 1", 10
    mov r14d, 0x40002
    call supervisor_only
    SAY "SMAP and SMEP, WP 0", 10
    mov r14d, 2
    CR4_SET 20
    mov rax, cr0
    btr eax, 16
    mov cr0, rax
    call supervisor_only
    CASE "stac and clac"
    TRY
    mov qword [PTE], PAGE + 7
    invlpg [PAGE]
    stac
    mov al, [PAGE]
    clac
    TRYEND
    IDT_GATE 14, C64, stubs + 14 * 5, 0x8e
    CASE "after clac"
    TRY
    mov al, [PAGE]
    TRYEND
    CASE "push to a page of the user"
    TRY
    mov rsp, PAGE + 0x800
    mov qword [try_sp], STACK0
    mov byte [IDT + 14 * 16 + 4], 1
    mov qword [TSS + 0x24], STACK0 - 0x2000
    push rax
    TRYEND
    mov byte [IDT + 14 * 16 + 4], 0
    CR4_CLEAR 20
    CR4_CLEAR 21
    mov rax, cr0
    bts eax, 16
    mov cr0, rax

    ; stale entries and their flush
    CASE "flush by invlpg"
    mov qword [PTE], PAGE + 3
    invlpg [PAGE]
    mov al, [PAGE]
    mov qword [PTE], 0
    invlpg [PAGE]
    TRY
    mov al, [PAGE]
    TRYEND
    CASE "flush by cr3"
    mov qword [PTE], PAGE + 3
    mov al, [PAGE]
    mov qword [PTE], 0
    mov rax, cr3
    mov cr3, rax
    TRY
    mov al, [PAGE]
    TRYEND
    CASE "global entries and CR4.PGE"
    CR4_SET 7
    mov qword [PTE], PAGE + 0x103
    mov al, [PAGE]
    mov qword [PTE], 0
    CR4_CLEAR 7
    TRY
    mov al, [PAGE]
    TRYEND
    CASE "D is set by the first write only, after reads"
    mov qword [PTE], PAGE + 3
    invlpg [PAGE]
    mov al, [PAGE]
    mov eax, [PTE]
    SHOW "read", eax
    mov byte [PAGE], 0xc3
    mov eax, [PTE]
    SHOW "write", eax
    NEWLINE
    CASE "a failed write sets neither"
    mov qword [PTE], PAGE + 1
    invlpg [PAGE]
    TRY
    mov [PAGE], al
    TRYEND
    mov eax, [PTE]
    SHOW "entry", eax
    NEWLINE
    CASE "a failed locked compare writes all the same"
    mov qword [PTE], PAGE + 3
    invlpg [PAGE]
    mov dword [PAGE + 16], 5
    mov qword [PTE], PAGE + 3
    invlpg [PAGE]
    xor eax, eax
    mov ecx, 7
    lock cmpxchg [PAGE + 16], ecx
    mov eax, [PTE]
    SHOW "entry", eax
    NEWLINE
    CASE "cmpxchg that fails on a page that is read-only"
    mov qword [PTE], PAGE + 1
    invlpg [PAGE]
    xor eax, eax
    TRY
    cmpxchg [PAGE + 16], ecx
    TRYEND

    ; operands across two pages
    mov qword [PTE], PAGE + 3
    mov qword [PTE + 8], PAGE + 0x1000
    mov rax, cr3
    mov cr3, rax
    CASE "read across: CR2 is in the second page"
    TRY
    mov rax, [PAGE + 0xffd]
    TRYEND
    CASE "write across changes nothing"
    mov dword [PAGE + 0xffc], 0x11111111
    mov rax, -1
    TRY
    mov [PAGE + 0xffc], rax
    TRYEND
    SHOW "first", [PAGE + 0xffc]
    NEWLINE
    CASE "write across, second page read-only"
    mov qword [PTE + 8], PAGE + 0x1001
    TRY
    mov [PAGE + 0xffc], rax
    TRYEND
    CASE "both fail: the first is reported"
    mov qword [PTE], PAGE
    mov qword [PTE + 8], PAGE + 0x1000
    mov rax, cr3
    mov cr3, rax
    TRY
    mov rax, [PAGE + 0xffd]
    TRYEND
    CASE "fetch across: at the second page"
    mov qword [PTE], PAGE + 3
    mov rax, cr3
    mov cr3, rax
    mov word [PAGE + 0xffe], 0x12b8
    mov eax, PAGE + 0xffe
    TRY
    jmp rax
    TRYEND

    ; upper levels
    CASE "PDE without P"
    mov rax, [PDE + 8]
    mov qword [PDE + 8], 0
    mov rcx, cr3
    mov cr3, rcx
    TRY
    mov al, [0x200000]
    TRYEND
    CASE "2 MiB page, reserved bit 13"
    mov qword [PDE + 8], 0x202087
    mov rcx, cr3
    mov cr3, rcx
    TRY
    mov al, [0x200000]
    TRYEND
    CASE "2 MiB page, PAT at bit 12"
    mov qword [PDE + 8], 0x201087
    mov rcx, cr3
    mov cr3, rcx
    TRY
    mov al, [0x200000]
    TRYEND
    CASE "2 MiB page of the supervisor read at 3"
    mov qword [PDE + 8], 0x200083
    mov rcx, cr3
    mov cr3, rcx
    mov edi, PAGE_TABLES + 0x3000
    mov ecx, 0x100
.user:
    or dword [rdi], 4
    add edi, 8
    dec ecx
    jnz .user
    mov rcx, cr3
    mov cr3, rcx
    TRY3
    mov al, [0x200000]
    TRYEND3
    CASE "2 MiB page: A and D"
    mov al, [0x200000]
    SHOW "read", [PDE + 8]
    mov [0x200000], al
    SHOW "write", [PDE + 8]
    NEWLINE
    CASE "1 GiB page"
    mov qword [PAGE_TABLES + 0x1008], 0x83
    mov rcx, cr3
    mov cr3, rcx
    TRY
    mov eax, [0x40000000 + PAGE + 0x10]
    TRYEND
    SHOW "read", [0x40000000 + PAGE + 0x10]
    SHOW "entry", [PAGE_TABLES + 0x1008]
    NEWLINE
    CASE "1 GiB page, reserved bit 13"
    mov qword [PAGE_TABLES + 0x1008], 0x2083
    mov rcx, cr3
    mov cr3, rcx
    TRY
    mov eax, [0x40000000]
    TRYEND
    CASE "PML4E with bit 7"
    mov qword [PAGE_TABLES + 8], PAGE_TABLES + 0x1087
    mov r8, 1 << 39
    TRY
    mov al, [r8]
    TRYEND
    CASE "PML4E read-only, PTE writable: write at level 0 with WP"
    mov qword [PAGE_TABLES + 8], PAGE_TABLES + 0x1005
    mov r8, (1 << 39) | STACK0
    mov rcx, cr3
    mov cr3, rcx
    TRY
    mov [r8], al
    TRYEND
    CASE "PML4E with XD: fetch"
    mov rax, (1 << 63) | (PAGE_TABLES + 0x1007)
    mov [PAGE_TABLES + 8], rax
    mov rcx, cr3
    mov cr3, rcx
    mov r8, (1 << 39) | STACK0
    TRY
    call r8
    TRYEND
    EXIT

supervisor_only:
    mov rbx, 3
.again:
    SAY " "
    mov r15, rbx
    and r15d, 6
    or r15, PAGE + 1
    test bl, 4
    jz .s2
    SAY "us"
.s2:
    SAY "/"
    test bl, 2
    jz .s3
    SAY "rw"
.s3:
    SAY ":"
    xor r12d, r12d
    call six.one
    inc r12d
    call six.one
    inc r12d
    call six.one
    NEWLINE
    add ebx, 2
    cmp ebx, 9
    jb .again
    ret
    IMAGE_END
