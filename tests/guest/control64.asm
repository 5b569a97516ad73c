; Loads of control registers and EFER that the CPU refuses in 64-bit mode (SDM vol. 2, MOV CR and WRMSR; vol. 3, 2.5).
; limited kvm skip: needs PCID, which is hidden there
; vmm: -cpu max
; qemu skip: its TCG accepts most of these values and is lost
%define MODE 64
%include "image.inc"
%include "protected.inc"

main:
    CASE "gp: mov cr3 reserved bits"
    mov rax, 1 << 62
    TRY
    mov cr3, rax
    TRYEND
    CASE "gp: mov cr0 PG without PE"
    mov rax, 0x80000000
    TRY
    mov cr0, rax
    TRYEND
    CASE "gp: mov cr0 high half"
    mov rax, cr0
    bts rax, 40
    TRY
    mov cr0, rax
    TRYEND
    CASE "gp: mov cr4 clears PAE"
    mov rax, cr4
    and eax, ~0x20
    TRY
    mov cr4, rax
    TRYEND
    CASE "gp: wrmsr EFER reserved"
    mov ecx, 0xc0000080
    mov eax, 0xd02
    xor edx, edx
    TRY
    wrmsr
    TRYEND
    CASE "gp: wrmsr EFER.LME off with paging"
    mov ecx, 0xc0000080
    mov eax, 0x801
    xor edx, edx
    TRY
    wrmsr
    TRYEND
    CASE "gp: mov cr0 NW without CD"
    mov rax, cr0
    bts eax, 29
    btr eax, 30
    TRY
    mov cr0, rax
    TRYEND
    CASE "gp: mov cr0 clears PG in 64-bit code"
    mov rax, cr0
    btr eax, 31
    TRY
    mov cr0, rax
    TRYEND
    CASE "mov cr0 reserved bits of the low half are ignored"
    mov rax, cr0
    bts eax, 6
    TRY
    mov cr0, rax
    TRYEND
    mov rax, cr0
    SHOW "cr0", eax
    NEWLINE
    CASE "mov cr0: ET stays"
    mov rax, cr0
    and eax, ~0x10
    TRY
    mov cr0, rax
    TRYEND
    mov rax, cr0
    and eax, 0x10
    SHOW "ET", eax
    NEWLINE
    CASE "gp: mov cr4 reserved bit"
    mov rax, cr4
    bts eax, 31
    TRY
    mov cr4, rax
    TRYEND
    CASE "gp: mov cr4 PCIDE with a PCID in CR3"
    mov rax, cr3
    or eax, 1
    mov cr3, rax
    mov rax, cr4
    bts eax, 17
    TRY
    mov cr4, rax
    TRYEND
    CASE "mov cr4 PCIDE"
    mov rax, cr3
    and eax, ~1
    mov cr3, rax
    mov rax, cr4
    bts eax, 17
    TRY
    mov cr4, rax
    TRYEND
    CASE "mov cr3 with bit 63 and PCIDE"
    mov rax, cr3
    bts rax, 63
    TRY
    mov cr3, rax
    TRYEND
    mov rax, cr3
    shr rax, 32
    SHOW "cr3 high", eax
    NEWLINE
    CASE "gp: mov dr7 high half"
    mov rax, 1 << 32
    TRY
    mov dr7, rax
    TRYEND
    CASE "gp: mov dr6 high half"
    mov rax, 1 << 32
    TRY
    mov dr6, rax
    TRYEND
    CASE "ud: mov dr4 with DE"
    mov rax, cr4
    or eax, 8
    mov cr4, rax
    TRY
    mov rax, dr4
    TRYEND
    CASE "gp: wrmsr PAT of type 2"
    mov ecx, 0x277
    mov eax, 0x00070402
    xor edx, edx
    TRY
    wrmsr
    TRYEND
    CASE "gp: far jump to code with L and D"
    DESCRIPTOR FREE + 16, 0, 0xfffff, 0x9b, 0xe
    TRY
    jmp far dword [.far_ld]
    TRYEND
    EXIT

    align 8
.far_ld:
    dd main
    dw FREE + 16
    IMAGE_END
