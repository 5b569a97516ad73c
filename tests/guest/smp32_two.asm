; smp32.asm with two CPUs.
; vmm: -smp 2
; qemu: -smp 2
; flat skip: one CPU, and no APIC
%define CPUS 2
%include "tests/guest/smp32.asm"
