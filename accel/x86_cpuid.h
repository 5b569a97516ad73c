/*
 * One CPUID and feature policy for both engines: what the guest's CPU says it can do, by `-cpu`
 * MODEL[,+feature,-feature]. A feature bit that is not in the model's set is neither reported nor executed
 * (the interpreter raises #UD). The engine's own abilities are the upper bound.
 */
#ifndef ACCEL_X86_CPUID_H
#define ACCEL_X86_CPUID_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum x86_feature {
    X86_BASE, /* 8086..386 instructions: always there */
#define FEATURE(id, name, leaf, subleaf, reg, bit) X86_##id,
#include "accel/x86_features.def"
#undef FEATURE
    X86_FEATURE_COUNT
};

struct x86_cpuid {
    const char *model;     /* -cpu name; static */
    char vendor[13];       /* 12 characters */
    char brand[49];
    char hypervisor[13];   /* 12 characters of leaf 40000000h */
    uint8_t family, stepping;
    uint8_t cpu_model;
    uint64_t features[(X86_FEATURE_COUNT + 63) / 64]; /* bit = enum x86_feature */
    uint32_t tsc_khz;
    uint8_t physical_bits; /* MAXPHYADDR: 32, 36 or 40 */
    unsigned cpu_count;
};

/* Parses "qemu64,+avx2,-sse3,hypervisor=kvm". False and error (with the nearest name) if model or feature is unknown or
 * one of the features needs one that is off. */
bool x86_cpuid_parse(struct x86_cpuid *cpuid, const char *text, GError **error);
/* Turns off every feature for which host_supports() says no: the engine executes SIMD, AES and the like with
 * the host's own instructions. For the named model too, so that CPUID tells only what works. */
void x86_cpuid_mask(struct x86_cpuid *cpuid, bool (*supports)(enum x86_feature feature));
/* After features were taken out: takes out those too that need them. */
void x86_cpuid_settle(struct x86_cpuid *cpuid);
/* What turns one set of features into another, as for -cpu: ",+avx,-cx16". Empty if nothing does. */
void x86_cpuid_difference(GString *out, const uint64_t *from, const uint64_t *to);
/* Lists models and features for `-cpu help`. */
void x86_cpuid_help(GString *out);

static inline bool x86_has(const struct x86_cpuid *cpuid, enum x86_feature feature)
{
    return (cpuid->features[feature / 64] >> (feature % 64)) & 1;
}

struct x86_cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};
/* The CPUID instruction. Dynamic bits (OSXSAVE, APIC enabled, XCR0 sizes) come from the arguments. */
struct x86_cpuid_result x86_cpuid_query(const struct x86_cpuid *cpuid, unsigned cpu_index,
                                        uint32_t leaf, uint32_t subleaf, uint64_t cr4, uint64_t xcr0,
                                        uint64_t apic_base);
/* Family, model and stepping as in CPUID leaf 1 EAX, and in EDX after a reset. */
uint32_t x86_cpuid_signature(const struct x86_cpuid *cpuid);
/* CR4 and XCR0 bits that may be set with this model. */
uint64_t x86_cpuid_cr4_mask(const struct x86_cpuid *cpuid);
uint64_t x86_cpuid_xcr0_mask(const struct x86_cpuid *cpuid);

#endif
