/*
 * CPU models and the CPUID instruction (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E). The table
 * x86_features.def says where each feature bit is reported; a model is a list of features in text form, built
 * on another model, so that the levels read like their definitions in the x86-64 psABI.
 */
#include "accel/x86_cpuid.h"

#include <string.h>

#include "accel/x86_state.h"

struct feature_row {
    const char *name;
    uint32_t leaf, subleaf;
    uint8_t reg, bit;
};

static const struct feature_row feature_rows[X86_FEATURE_COUNT] = {
#define FEATURE(id, name, leaf, subleaf, reg, bit) [X86_##id] = { name, leaf, subleaf, reg, bit },
#include "accel/x86_features.def"
#undef FEATURE
};

/* Spellings people use for the same bit. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    { "pni", "sse3" }, { "sse4_1", "sse4.1" }, { "sse4_2", "sse4.2" }, { "cmpxchg16b", "cx16" },
    { "cx8", "cx8" }, { "lzcnt", "abm" }, { "lahf_lm", "lahf-lm" }, { "nxe", "nx" }, { "sha_ni", "sha-ni" },
    { "tsc_deadline", "tsc-deadline" }, { "x64", "lm" }, { "xd", "nx" },
};

struct model {
    const char *name, *help, *base, *add;
    const char *vendor, *brand;
    uint8_t family, model, stepping, physical_bits;
};

/* Bases come before those built on them. */
static const struct model models[] = {
    { "486", "Intel 486 DX", NULL, "fpu", "GenuineIntel", "", 4, 8, 0, 32 },
    { "pentium", "Intel Pentium", "486", "de pse tsc msr mce cx8 apic", "GenuineIntel", "", 5, 4, 3, 32 },
    { "pentium3", "Intel Pentium III", "pentium",
      "vme pae sep mtrr pge mca cmov pat pse36 mmx fxsr sse", "GenuineIntel", "", 6, 8, 3, 36 },
    { "qemu32", "32-bit CPU with SSE3", "pentium3", "sse2 clflush sse3 nx cx16 hypervisor", "GenuineIntel",
      "vmm Virtual CPU", 6, 6, 3, 36 },
    { "qemu64", "x86-64 with SSE3 and CMPXCHG16B", "qemu32", "lm syscall lahf-lm", "AuthenticAMD",
      "vmm Virtual CPU", 15, 107, 1, 40 },
    { "x86-64-v2", "psABI level 2: SSE4.2, POPCNT", "qemu64", "ssse3 sse4.1 sse4.2 popcnt", "AuthenticAMD",
      "vmm Virtual CPU", 15, 107, 1, 40 },
    { "x86-64-v3", "psABI level 3: AVX2, FMA, BMI, MOVBE", "x86-64-v2",
      "xsave avx avx2 bmi1 bmi2 f16c fma abm movbe", "AuthenticAMD", "vmm Virtual CPU", 15, 107, 1, 40 },
    { "max", "everything the engine can execute", "x86-64-v3",
      "aes pclmulqdq sha-ni rdrand rdseed fsgsbase smep smap umip pcid invpcid pdpe1gb rdtscp adx erms fsrm "
      "x2apic tsc-deadline invtsc xsaveopt xsavec xgetbv1 clflushopt clwb 3dnowprefetch rdpid",
      "AuthenticAMD", "vmm Virtual CPU", 15, 107, 1, 40 },
};
#define DEFAULT_MODEL "x86-64-v2"
/* What the default model has beyond its psABI level. */
#define DEFAULT_EXTRA "rdtscp pdpe1gb erms 3dnowprefetch rdrand rdseed x2apic tsc-deadline invtsc"

/* A feature that makes no sense without another. */
static const struct {
    enum x86_feature feature, needs;
} needs[] = {
    { X86_SSE, X86_FXSR }, { X86_SSE2, X86_SSE }, { X86_SSE3, X86_SSE2 }, { X86_SSSE3, X86_SSE3 },
    { X86_SSE4_1, X86_SSSE3 }, { X86_SSE4_2, X86_SSE4_1 }, { X86_AES, X86_SSE2 }, { X86_SHA, X86_SSE2 },
    { X86_PCLMULQDQ, X86_SSE2 }, { X86_AVX, X86_XSAVE }, { X86_AVX, X86_SSE4_2 }, { X86_AVX2, X86_AVX },
    { X86_FMA, X86_AVX }, { X86_F16C, X86_AVX }, { X86_XSAVEOPT, X86_XSAVE }, { X86_XSAVEC, X86_XSAVE },
    { X86_XGETBV1, X86_XSAVE }, { X86_LM, X86_PAE }, { X86_LM, X86_SSE2 }, { X86_NX, X86_PAE },
    { X86_PCID, X86_LM }, { X86_PDPE1GB, X86_LM }, { X86_CX16, X86_CX8 }, { X86_MMX, X86_FPU },
    { X86_X2APIC, X86_APIC }, { X86_TSC_DEADLINE, X86_APIC }, { X86_RDTSCP, X86_TSC },
};

static void feature_set(struct x86_cpuid *cpuid, unsigned feature, bool on)
{
    uint64_t bit = 1ull << feature % 64;
    if (on) {
        cpuid->features[feature / 64] |= bit;
    } else {
        cpuid->features[feature / 64] &= ~bit;
    }
}

static int feature_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (g_ascii_strcasecmp(name, aliases[i].alias) == 0) {
            name = aliases[i].name;
        }
    }
    for (unsigned i = X86_BASE + 1; i < X86_FEATURE_COUNT; i++) {
        if (g_ascii_strcasecmp(name, feature_rows[i].name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void features_add_words(struct x86_cpuid *cpuid, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);
    for (char **word = list; *word != NULL; word++) {
        int feature = feature_find(*word);
        g_assert(feature > 0);
        feature_set(cpuid, (unsigned)feature, true);
    }
}

static const struct model *model_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (g_ascii_strcasecmp(name, models[i].name) == 0) {
            return &models[i];
        }
    }
    return NULL;
}

static void model_apply(struct x86_cpuid *cpuid, const struct model *model)
{
    if (model->base != NULL) {
        model_apply(cpuid, model_find(model->base));
    }
    features_add_words(cpuid, model->add);
    cpuid->model = model->name;
    g_strlcpy(cpuid->vendor, model->vendor, sizeof(cpuid->vendor));
    g_strlcpy(cpuid->brand, model->brand, sizeof(cpuid->brand));
    cpuid->family = model->family;
    cpuid->cpu_model = model->model;
    cpuid->stepping = model->stepping;
    cpuid->physical_bits = model->physical_bits;
}

static bool features_check(const struct x86_cpuid *cpuid, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (x86_has(cpuid, needs[i].feature) && !x86_has(cpuid, needs[i].needs)) {
            const char *f = feature_rows[needs[i].feature].name, *n = feature_rows[needs[i].needs].name;
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "-cpu: feature '%s' needs '%s'; add +%s or remove %s", f, n, n, f);
            return false;
        }
    }
    return true;
}

static bool option_apply(struct x86_cpuid *cpuid, const char *text, GError **error)
{
    bool on = true;
    g_autofree char *name = NULL;
    const char *equals = strchr(text, '=');
    if (strcmp(text, "hypervisor=kvm") == 0) {
        /* Linux has drivers that look for some hypervisors' names only. No paravirtual feature comes with it. */
        memcpy(cpuid->hypervisor, "KVMKVMKVM\0\0", 12);
        name = g_strdup("hypervisor");
    } else if (text[0] == '+' || text[0] == '-') {
        on = text[0] == '+';
        name = g_strdup(text + 1);
    } else if (equals != NULL && (strcmp(equals, "=on") == 0 || strcmp(equals, "=off") == 0)) {
        on = equals[2] == 'n';
        name = g_strndup(text, (gsize)(equals - text));
    } else {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-cpu: '%s' is no feature setting; write +NAME, -NAME, NAME=on or NAME=off", text);
        return false;
    }
    int feature = feature_find(name);
    if (feature < 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-cpu: unknown feature '%s'; see -cpu help", name);
        return false;
    }
    feature_set(cpuid, (unsigned)feature, on);
    return true;
}

bool x86_cpuid_parse(struct x86_cpuid *cpuid, const char *text, GError **error)
{
    memset(cpuid, 0, sizeof(*cpuid));
    cpuid->cpu_count = 1;
    memcpy(cpuid->hypervisor, "vmmvmmvmmvmm", 12);
    g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", ",", -1);
    const char *name = words[0] != NULL && words[0][0] != '\0' ? words[0] : "default";
    bool is_default = strcmp(name, "default") == 0 || strcmp(name, "kvm64") == 0;
    const struct model *model = model_find(is_default                     ? DEFAULT_MODEL
                                           : strcmp(name, "host") == 0 ? "max"
                                                                          : name);
    if (model == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-cpu: unknown model '%s'; see -cpu help", name);
        return false;
    }
    model_apply(cpuid, model);
    if (is_default) {
        features_add_words(cpuid, DEFAULT_EXTRA);
    }
    for (unsigned i = 1; words[0] != NULL && words[i] != NULL; i++) {
        if (!option_apply(cpuid, words[i], error)) {
            return false;
        }
    }
    return features_check(cpuid, error);
}

void x86_cpuid_mask(struct x86_cpuid *cpuid, bool (*supports)(enum x86_feature feature))
{
    for (unsigned i = X86_BASE + 1; i < X86_FEATURE_COUNT; i++) {
        if (x86_has(cpuid, i) && !supports(i)) {
            feature_set(cpuid, i, false);
        }
    }
}

void x86_cpuid_settle(struct x86_cpuid *cpuid)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
            if (x86_has(cpuid, needs[i].feature) && !x86_has(cpuid, needs[i].needs)) {
                feature_set(cpuid, needs[i].feature, false);
                changed = true;
            }
        }
    }
}

void x86_cpuid_difference(GString *out, const uint64_t *from, const uint64_t *to)
{
    for (unsigned i = X86_BASE + 1; i < X86_FEATURE_COUNT; i++) {
        bool had = (from[i / 64] >> i % 64 & 1) != 0, has = (to[i / 64] >> i % 64 & 1) != 0;
        if (had != has) {
            g_string_append_printf(out, ",%c%s", has ? '+' : '-', feature_rows[i].name);
        }
    }
}

void x86_cpuid_help(GString *out)
{
    g_string_append(out, "Available CPUs:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        g_string_append_printf(out, "  %-12s %s%s\n", models[i].name, models[i].help,
                               strcmp(models[i].name, DEFAULT_MODEL) == 0 ? " (default)" : "");
    }
    g_string_append(out, "  host         same as max\n\nFeatures (+NAME, -NAME; hypervisor=kvm gives that name to the guest):\n");
    size_t column = 0;
    for (unsigned i = X86_BASE + 1; i < X86_FEATURE_COUNT; i++) {
        size_t length = strlen(feature_rows[i].name) + 1;
        if (column + length > 76) {
            g_string_append_c(out, '\n');
            column = 0;
        }
        g_string_append_printf(out, "%s%s", column == 0 ? "  " : " ", feature_rows[i].name);
        column += length;
    }
    g_string_append_c(out, '\n');
}

/* ---- the instruction ---- */

static uint32_t feature_word(const struct x86_cpuid *cpuid, uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    uint32_t word = 0;
    for (unsigned i = X86_BASE + 1; i < X86_FEATURE_COUNT; i++) {
        const struct feature_row *row = &feature_rows[i];
        if (row->leaf == leaf && row->subleaf == subleaf && row->reg == reg && x86_has(cpuid, i)) {
            word |= 1u << row->bit;
        }
    }
    return word;
}

uint32_t x86_cpuid_signature(const struct x86_cpuid *c)
{
    unsigned family = c->family < 15 ? c->family : 15;
    unsigned extended = c->family < 15 ? 0 : c->family - 15u;
    return extended << 20 | (uint32_t)(c->cpu_model >> 4) << 16 | family << 8 | (c->cpu_model & 15u) << 4 |
           c->stepping;
}

static struct x86_cpuid_result leaf_text(const char *text)
{
    struct x86_cpuid_result r;
    memcpy(&r, text, sizeof(r));
    return r;
}

static struct x86_cpuid_result leaf_xsave(const struct x86_cpuid *c, uint32_t subleaf, uint64_t xcr0)
{
    struct x86_cpuid_result r = { 0 };
    uint64_t mask = x86_cpuid_xcr0_mask(c);
    if (!x86_has(c, X86_XSAVE)) {
        return r;
    }
    if (subleaf == 0) {
        r.eax = (uint32_t)mask;
        r.ebx = xcr0 & 4 ? 832 : 576;
        r.ecx = mask & 4 ? 832 : 576;
    } else if (subleaf == 1) {
        r.eax = feature_word(c, 0xd, 1, 0);
        r.ebx = xcr0 & 4 ? 832 : 576;
    } else if (subleaf == 2 && mask & 4) {
        r.eax = 256;
        r.ebx = 576;
    }
    return r;
}

/* Extended topology: every CPU is a package of its own. Firmware lists only the first CPU of a package in the MP
 * table, so that cores would be lost to guests without ACPI. */
static struct x86_cpuid_result leaf_topology(unsigned cpu, uint32_t subleaf)
{
    enum { LEVEL_THREAD = 1, LEVEL_CORE = 2 };
    struct x86_cpuid_result r = { .ecx = subleaf & 0xff, .edx = cpu };
    if (subleaf < 2) {
        r.ebx = 1;
        r.ecx |= (subleaf == 0 ? LEVEL_THREAD : LEVEL_CORE) << 8;
    }
    return r;
}

static struct x86_cpuid_result leaf_1(const struct x86_cpuid *c, unsigned cpu, uint64_t cr4, uint64_t apic_base)
{
    struct x86_cpuid_result r;
    r.eax = x86_cpuid_signature(c);
    r.ebx = cpu << 24 | 1 << 16 | 8 << 8;
    r.ecx = feature_word(c, 1, 0, 2);
    r.edx = feature_word(c, 1, 0, 3);
    if (x86_has(c, X86_XSAVE) && cr4 & CR4_OSXSAVE) {
        r.ecx |= 1u << 27;
    }
    if (!(apic_base & 0x800)) {
        r.edx &= ~(1u << 9);
    }
    return r;
}

static struct x86_cpuid_result leaf_extended(const struct x86_cpuid *c, uint32_t leaf)
{
    struct x86_cpuid_result r = { 0 };
    char brand[48] = "";
    switch (leaf) {
    case 0x80000000:
        r.eax = 0x80000008;
        memcpy(&r.ebx, c->vendor, 4);
        memcpy(&r.edx, c->vendor + 4, 4);
        memcpy(&r.ecx, c->vendor + 8, 4);
        break;
    case 0x80000001:
        r.eax = x86_cpuid_signature(c);
        r.ecx = feature_word(c, leaf, 0, 2);
        r.edx = feature_word(c, leaf, 0, 3);
        if (strcmp(c->vendor, "AuthenticAMD") == 0) {
            /* AMD repeats the leaf 1 bits 0-9, 12-17, 23 and 24 here. */
            r.edx |= feature_word(c, 1, 0, 3) & 0x0183f3ff;
        }
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        memcpy(brand, c->brand, MIN(strlen(c->brand), sizeof(brand)));
        r = leaf_text(brand + (leaf - 0x80000002) * 16);
        break;
    case 0x80000007:
        r.edx = feature_word(c, leaf, 0, 3);
        break;
    case 0x80000008:
        r.eax = x86_has(c, X86_LM) ? 48u << 8 | c->physical_bits : c->physical_bits;
        break;
    }
    return r;
}

struct x86_cpuid_result x86_cpuid_query(const struct x86_cpuid *c, unsigned cpu_index, uint32_t leaf,
                                        uint32_t subleaf, uint64_t cr4, uint64_t xcr0, uint64_t apic_base)
{
    struct x86_cpuid_result r = { 0 };
    bool extended = leaf >> 31 && c->brand[0] != '\0';
    uint32_t last = x86_has(c, X86_XSAVE) ? 0xd : x86_has(c, X86_X2APIC) ? 0xb : c->family >= 6 && x86_has(c, X86_LM) ? 7 : c->family >= 6 ? 2 : 1;
    if (extended) {
        return leaf_extended(c, leaf);
    }
    if (leaf >> 28 == 4) {
        /* The hypervisor range: a signature and nothing more. */
        if (leaf == 0x40000000 && x86_has(c, X86_HYPERVISOR)) {
            r.eax = leaf;
            memcpy(&r.ebx, c->hypervisor, 4);
            memcpy(&r.ecx, c->hypervisor + 4, 4);
            memcpy(&r.edx, c->hypervisor + 8, 4);
        }
        return r;
    }
    if (leaf > last) {
        /* Intel's rule: beyond the last basic leaf the last one is reported; ours are zero there. */
        return r;
    }
    switch (leaf) {
    case 0:
        r.eax = last;
        memcpy(&r.ebx, c->vendor, 4);
        memcpy(&r.edx, c->vendor + 4, 4);
        memcpy(&r.ecx, c->vendor + 8, 4);
        break;
    case 1:
        r = leaf_1(c, cpu_index, cr4, apic_base);
        break;
    case 2:
        r.eax = 1; /* no descriptors */
        break;
    case 6:
        r.eax = 4; /* APIC timer always running */
        break;
    case 7:
        if (subleaf == 0) {
            r.ebx = feature_word(c, 7, 0, 1);
            r.ecx = feature_word(c, 7, 0, 2);
            r.edx = feature_word(c, 7, 0, 3);
        }
        break;
    case 0xb:
        if (x86_has(c, X86_X2APIC)) {
            r = leaf_topology(cpu_index, subleaf);
        }
        break;
    case 0xd:
        r = leaf_xsave(c, subleaf, xcr0);
        break;
    }
    return r;
}

uint64_t x86_cpuid_cr4_mask(const struct x86_cpuid *c)
{
    static const struct {
        uint32_t bit;
        enum x86_feature feature;
    } rows[] = {
        { CR4_VME | CR4_PVI, X86_VME }, { CR4_TSD, X86_TSC }, { CR4_DE, X86_DE }, { CR4_PSE, X86_PSE },
        { CR4_PAE, X86_PAE }, { CR4_MCE, X86_MCE }, { CR4_PGE, X86_PGE }, { CR4_PCE, X86_MMX },
        { CR4_OSFXSR, X86_FXSR }, { CR4_OSXMMEXCPT, X86_SSE }, { CR4_UMIP, X86_UMIP },
        { CR4_FSGSBASE, X86_FSGSBASE }, { CR4_PCIDE, X86_PCID }, { CR4_OSXSAVE, X86_XSAVE },
        { CR4_SMEP, X86_SMEP }, { CR4_SMAP, X86_SMAP },
    };
    uint64_t mask = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (x86_has(c, rows[i].feature)) {
            mask |= rows[i].bit;
        }
    }
    return mask;
}

uint64_t x86_cpuid_xcr0_mask(const struct x86_cpuid *c)
{
    return 1 | (x86_has(c, X86_SSE) ? 2u : 0) | (x86_has(c, X86_AVX) ? 4u : 0);
}
