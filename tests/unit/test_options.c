/* Tests of options.c: the lines people type, and what is refused. */
#include "options.h"

#include <string.h>

#include "tests/support/test.h"

static char *parse(struct options *o, const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    options_init(o);
    bool ok = options_parse(o, (int)g_strv_length(argv), argv, NULL, &error);
    g_assert_true(ok == (error == NULL));
    return error != NULL ? g_strdup(error->message) : NULL;
}

static void test_article(void)
{
    struct options o;
    g_assert_null(parse(&o, "kvm -no-acpi -m 384 -cdrom guestos.iso -hda vm-disk.img -boot d"));
    g_assert_cmpuint(o.ram, ==, 384ull << 20);
    g_assert_true(o.no_acpi);
    g_assert_cmpstr(o.boot_order, ==, "d");
    g_assert_cmpuint(o.drives->len, ==, 2);
    const struct option_drive *cd = g_ptr_array_index(o.drives, 0), *hd = g_ptr_array_index(o.drives, 1);
    g_assert_true(cd->cdrom);
    g_assert_cmpint(cd->index, ==, 2);
    g_assert_cmpstr(hd->file, ==, "vm-disk.img");
    g_assert_cmpint(hd->index, ==, 0);
    options_finish(&o);
}

static void test_drive(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -drive file=a,,b.img,index=3,format=qcow,cache=none,snapshot=on,id=x"));
    const struct option_drive *d = g_ptr_array_index(o.drives, 0);
    g_assert_cmpstr(d->file, ==, "a,b.img");
    g_assert_cmpint(d->index, ==, 3);
    g_assert_cmpstr(d->format, ==, "qcow");
    g_assert_cmpstr(d->cache, ==, "none");
    g_assert_true(d->snapshot);
    options_finish(&o);
    g_assert_null(parse(&o, "vmm -boot order=dc,once=n,menu=on -accel kvm -accel tcg"));
    g_assert_cmpstr(o.boot_order, ==, "dc");
    g_assert_cmpstr(o.boot_once, ==, "n");
    g_assert_true(o.boot_menu);
    g_assert_cmpstr(o.accel, ==, "kvm:tcg");
    options_finish(&o);
}

static void test_refused(void)
{
    static const char *const rows[][2] = {
        { "vmm -m 0", "-m: 0: guest memory must be between 1M and 512G" },
        { "vmm -m 9999G", "-m: 9999G: guest memory must be between 1M and 512G" },
        { "vmm -m lots", "-m: 'lots' is no size; write a number with an optional suffix k, M, G or T" },
        { "vmm -boot x", "-boot: 'x': up to three of a (floppy), c (disk), d (CD-ROM), n (network)" },
        { "vmm -drive index=1", "-drive: file= is missing" },
        { "vmm -drive file=a,index=9", "-drive: index=9: must be a number from 0 to 3" },
        { "vmm -cdrm x", "-cdrm: unknown option; did you mean -cdrom?" },
        { "vmm -usb", "-usb: not supported yet" },
        { "vmm -vnc password=on", "-vnc: 'password=on': must begin with [HOST]:N, unix:PATH or none" },
        { "vmm -vnc :1,share=x", "-vnc: share=x: there is allow-exclusive, force-shared and ignore" },
        { "vmm -vnc :1,to=x", "-vnc: to=x: must be a number up to 59635" },
        { "vmm -vnc :1,sasl=on", "-vnc: sasl is not supported; for a safe way over the network use ssh -L, or password=on" },
        { "vmm -vga cirrus", "-vga: 'cirrus' is not supported; there is std and none" },
        { "vmm -M q35", "-M: unknown machine 'q35'; there is pc (i440FX + PIIX3)" },
        { "vmm -smp 65", "-smp: 65 CPUs: at most 64 are supported" },
        { "vmm -smp 4,sockets=3", "-smp: sockets * dies * cores * threads must be the number of CPUs" },
        { "vmm -smp 2,maxcpus=4",
          "-smp: maxcpus must be the number of CPUs: they cannot be plugged in later" },
        { "vmm -smp 2,cores=x", "-smp: cores=x: must be a number from 1 to 64" },
        { "vmm -smp x", "-smp: 'x' is no number of CPUs" },
        { "vmm -kernel", "-kernel: needs an argument: -kernel FILE" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct options o;
        g_autofree char *message = parse(&o, rows[i][0]);
        g_assert_cmpstr(message, ==, rows[i][1]);
        options_finish(&o);
    }
}

static void test_help(void)
{
    g_autofree char *help = options_help();
    g_assert_nonnull(strstr(help, "-cdrom FILE"));
    g_assert_null(strstr(help, "-usbdevice"));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/options/article", test_article);
    g_test_add_func("/options/drive", test_drive);
    g_test_add_func("/options/refused", test_refused);
    g_test_add_func("/options/help", test_help);
    return g_test_run();
}
