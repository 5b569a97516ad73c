; Paging of 32-bit mode: two levels with 4 MiB pages and PSE-36, and PAE with its page-directory-pointer registers
; (SDM vol. 3, 4.3 and 4.4).
; vmm: -cpu max
; qemu: -cpu max
%define MODE 32
%include "image.inc"
%include "protected.inc"

%define PT (PAGE_TABLES + 0x1000)
%define PAGE 0x100000
%define PTE (PT + PAGE / 1024)
%define PDPT (PAGE_TABLES + 0x4000)
%define PAE_PD (PAGE_TABLES + 0x5000)

%macro FLUSH 0
    mov eax, cr3
    mov cr3, eax
%endmacro
%macro READ3 1
    CASE %1
    TRY3
    mov al, [PAGE]
    TRYEND3
%endmacro
%macro WRITE3 1
    CASE %1
    TRY3
    mov [PAGE], al
    TRYEND3
%endmacro

main:
    mov edi, PT
    mov ecx, 1024
    mov eax, 7
.page:
    mov [edi], eax
    add edi, 4
    add eax, 0x1000
    loop .page
    mov dword [PAGE_TABLES], PT + 7
    mov eax, PAGE_TABLES
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    READ3 "plain read"
    mov dword [PTE], PAGE + 3
    FLUSH
    READ3 "supervisor page read at 3"
    WRITE3 "supervisor page written at 3"
    mov dword [PTE], PAGE + 5
    FLUSH
    READ3 "read-only page read at 3"
    WRITE3 "read-only page written at 3"
    CASE "read-only page written at 0 without WP"
    TRY
    mov [PAGE], al
    TRYEND
    SHOW "  entry", [PTE]
    NEWLINE
    CASE "and with WP"
    mov eax, cr0
    or eax, 0x10000
    mov cr0, eax
    TRY
    mov [PAGE], al
    TRYEND
    mov dword [PTE], PAGE
    FLUSH
    READ3 "not present"
    CASE "fetch without NX has no I/D in the code"
    TRY
    mov eax, PAGE
    call eax
    TRYEND
    CASE "PDE read-only, PTE writable, at 3"
    mov dword [PTE], PAGE + 7
    mov dword [PAGE_TABLES + 4], PT + 5
    FLUSH
    TRY3
    mov [0x400000 + PAGE], al
    TRYEND3
    CASE "PDE of the supervisor, PTE of the user, at 3"
    mov dword [PAGE_TABLES + 4], PT + 3
    FLUSH
    TRY3
    mov al, [0x400000 + PAGE]
    TRYEND3
    CASE "bit 7 of a PDE without PSE is no page size"
    mov dword [PAGE_TABLES + 4], PT + 0x87
    FLUSH
    mov dword [PAGE + 0x10], 0x600dc0de
    TRY
    mov eax, [0x400000 + PAGE + 0x10]
    mov [SCRATCH], eax
    TRYEND
    SHOW "  read", [SCRATCH]
    NEWLINE
    CASE "4 MiB page"
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    mov dword [PAGE_TABLES + 4], 0x000087
    FLUSH
    TRY
    mov eax, [0x400000 + PAGE + 0x10]
    mov [SCRATCH], eax
    TRYEND
    SHOW "  read", [SCRATCH]
    SHOW "entry", [PAGE_TABLES + 4]
    NEWLINE
    CASE "4 MiB page, reserved bit 21"
    mov dword [PAGE_TABLES + 4], 0x200087
    FLUSH
    TRY
    mov al, [0x400000]
    TRYEND
    CASE "GDT in a page of the supervisor, load at 3"
    and dword [PT + (gdt - $$) / 4096 * 4], ~4
    FLUSH
    TRY3
    mov eax, UD
    mov es, eax
    TRYEND3
    SAY "PAE", 10
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    mov edi, PAE_PD
    mov ecx, 512
    mov eax, 0x87
    xor edx, edx
.pae:
    mov [edi], eax
    mov [edi + 4], edx
    add edi, 8
    add eax, 0x200000
    loop .pae
    mov dword [PDPT], PAE_PD + 1
    mov eax, cr4
    or eax, 0x20
    mov cr4, eax
    mov eax, PDPT
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x800
    wrmsr
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    READ3 "2 MiB page read at 3"
    SHOW "  entry", [PAE_PD]
    NEWLINE
    mov dword [PDPT + 8], PAE_PD + 1
    mov eax, PDPT
    mov cr3, eax
    mov dword [PDPT + 8], 0
    invlpg [0x40000000 + PAGE]
    CASE "PDPTE changed in memory: the register stays"
    TRY
    mov eax, [0x40000000 + PAGE + 0x10]
    mov [SCRATCH], eax
    TRYEND
    SHOW "  read", [SCRATCH]
    NEWLINE
    CASE "gp: mov cr3 with a reserved bit in a PDPTE"
    mov dword [PDPT + 8], PAE_PD + 3
    TRY
    mov eax, PDPT
    mov cr3, eax
    TRYEND
    CASE "reserved bits of a PDPTE that is not present"
    mov dword [PDPT + 8], PAE_PD + 2
    TRY
    mov eax, PDPT
    mov cr3, eax
    TRYEND
    CASE "access through a PDPTE that is not present"
    TRY
    mov al, [0x40000000]
    TRYEND
    CASE "XD: fetch"
    mov dword [PAE_PD + 12], 0x80000000
    FLUSH
    mov eax, 0x200000 + PAGE
    TRY
    call eax
    TRYEND
    CASE "XD: read"
    TRY
    mov al, [0x200000]
    TRYEND
    EXIT
    IMAGE_END
