/* Tests of options_drive.c: drives on the command line. */
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

static void test_floppies(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -fda a.img -drive if=floppy,index=1,file=b.img,readonly=on,cache=none"));
    const struct option_drive *a = g_ptr_array_index(o.drives, 0), *b = g_ptr_array_index(o.drives, 1);
    g_assert_cmpstr(a->interface, ==, "floppy");
    g_assert_cmpint(a->index, ==, 0);
    g_assert_null(a->format);
    g_assert_cmpint(b->index, ==, 1);
    g_assert_true(b->readonly);
    g_assert_cmpstr(b->cache, ==, "none");
    options_finish(&o);
    g_assert_null(parse(&o, "vmm -drive if=floppy"));
    a = g_ptr_array_index(o.drives, 0);
    g_assert_null(a->file);
    options_finish(&o);
}

static void test_settings(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -allow-backing -drive file=a,aio=native,cache=none,discard=unmap,detect-zeroes=unmap"));
    const struct option_drive *d = g_ptr_array_index(o.drives, 0);
    g_assert_cmpstr(d->aio, ==, "native");
    g_assert_true(d->discard);
    g_assert_cmpstr(d->detect_zeroes, ==, "unmap");
    g_assert_true(d->allow_backing);
    options_finish(&o);
    g_assert_null(parse(&o, "vmm -drive file=a,discard=ignore,allow-backing=on -drive file=b"));
    d = g_ptr_array_index(o.drives, 0);
    g_assert_false(d->discard);
    g_assert_true(d->allow_backing);
    d = g_ptr_array_index(o.drives, 1);
    g_assert_false(d->allow_backing);
    options_finish(&o);
}

static void test_devices(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -drive if=none,id=x,file=a -drive if=none,id=y,file=b -drive if=none,id=z,file=c "
                            "-device ide-hd,drive=x,bus=ide.1,unit=1 -device ide-cd,drive=y -device floppy,drive=z"));
    const struct option_drive *x = g_ptr_array_index(o.drives, 0), *y = g_ptr_array_index(o.drives, 1);
    const struct option_drive *z = g_ptr_array_index(o.drives, 2);
    g_assert_cmpint(x->index, ==, 3);
    g_assert_false(x->cdrom);
    g_assert_true(y->cdrom && y->readonly);
    g_assert_cmpstr(y->interface, ==, "ide");
    g_assert_cmpstr(z->interface, ==, "floppy");
    options_finish(&o);
}

/* What -device says of a drive, and empty ones. */
static void test_device_settings(void)
{
    struct options o;
    g_assert_null(parse(&o, "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,id=disk,serial=S1,model=M,ver=V2,wwn=0x5000c500,"
                            "bootindex=0,logical_block_size=512,physical_block_size=4096,cyls=100,heads=16,secs=63,"
                            "bios-chs-trans=large,werror=stop,write-cache=off -device ide-cd -device "
                            "floppy,drive-type=120,bootindex=7"));
    const struct option_drive *x = g_ptr_array_index(o.drives, 0), *cd = g_ptr_array_index(o.drives, 1);
    const struct option_drive *fd = g_ptr_array_index(o.drives, 2);
    g_assert_cmpstr(x->id, ==, "x");
    g_assert_cmpstr(x->serial, ==, "S1");
    g_assert_cmpstr(x->model, ==, "M");
    g_assert_cmpstr(x->version, ==, "V2");
    g_assert_cmpstr(x->translation, ==, "large");
    g_assert_cmpstr(x->werror, ==, "stop");
    g_assert_cmphex(x->wwn, ==, 0x5000c500);
    g_assert_cmpint(x->boot_rank, ==, 1);
    g_assert_cmpuint(x->physical_bytes, ==, 4096);
    g_assert_cmpint(x->cylinders, ==, 100);
    g_assert_cmpint(x->sectors, ==, 63);
    g_assert_true(x->write_cache_off);
    g_assert_true(cd->cdrom && cd->file == NULL);
    g_assert_cmpstr(fd->interface, ==, "floppy");
    g_assert_cmpint(fd->floppy_type, ==, 2);
    g_assert_cmpint(fd->boot_rank, ==, 8);
    options_finish(&o);
}

static void test_pieces(void)
{
    static const struct {
        const char *line, *cache;
    } rows[] = {
        { "vmm -drive file=a,cache.direct=on", "none" },
        { "vmm -drive file=a,cache.direct=on,cache.writeback=off", "directsync" },
        { "vmm -drive file=a,cache.writeback=off", "writethrough" },
        { "vmm -drive file=a,cache.no-flush=on", "unsafe" },
        { "vmm -drive file.filename=a,driver=raw,copy-on-read=off,auto-read-only=on", NULL },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct options o;
        g_assert_null(parse(&o, rows[i].line));
        const struct option_drive *d = g_ptr_array_index(o.drives, 0);
        g_assert_cmpstr(d->cache, ==, rows[i].cache);
        g_assert_cmpstr(d->file, ==, "a");
        options_finish(&o);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        { "vmm -drive if=floppy,index=2,file=a", "floppy drives are 0 and 1" },
        { "vmm -drive if=floppy,media=cdrom,file=a", "takes disks" },
        { "vmm -drive if=pflash,index=2,file=a", "flash chips are 0" },
        { "vmm -drive if=pflash,media=cdrom,file=a", "takes images of firmware" },
        { "vmm -drive if=pflash", "file= is missing" },
        { "vmm -drive if=none,index=1,file=a", "place from -device" },
        { "vmm -drive file=a,aio=io_uring", "must be one of threads, native" },
        { "vmm -drive file=a,detect-zeroes=maybe", "must be one of off, on, unmap" },
        { "vmm -drive file=a,discard=yes", "must be one of" },
        { "vmm -drive file=a,if=scsi", "must be one of ide, floppy, pflash, none" },
        { "vmm -device ide-hd", "drive= is missing" },
        { "vmm -device ide-hd,drive=x", "no free -drive if=none,id=x" },
        { "vmm -drive if=none,id=x,file=a -device ide-cd,drive=x -device ide-hd,drive=x", "no free" },
        { "vmm -drive file=a,bps=100", "bps: drives are not throttled" },
        { "vmm -drive file=a,throttling.iops-total=5", "not throttled" },
        { "vmm -drive file=a,copy-on-read=on", "vmm-img rebase" },
        { "vmm -drive file=a,cache=none,cache.direct=on", "cache=none says already" },
        { "vmm -drive file=a,id=1x", "a letter first" },
        { "vmm -drive file=a,id=x -drive file=b,id=x", "two drives with id=x" },
        { "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,serial=123456789012345678901", "at most 20" },
        { "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,logical_block_size=4096", "one of 512" },
        { "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,physical_block_size=1000", "power of two" },
        { "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,cyls=10", "go together" },
        { "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,heads=17", "from 0 to 16" },
        { "vmm -drive if=none,id=x,file=a -device ide-hd,drive=x,wwn=y", "64 bits" },
        { "vmm -device floppy,drive-type=100", "drive-type=100: must be one of" },
        { "vmm -device floppy,serial=1", "unknown setting 'serial'" },
        { "vmm -device ide-cd,bus=ide.2", "bus=ide.2: must be one of" },
        { "vmm -drive if=none,id=x -device ide-hd,drive=x", "has no file=" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct options o;
        g_autofree char *error = parse(&o, rows[i].line);
        if (error == NULL || strstr(error, rows[i].words) == NULL) {
            g_error("%s: %s", rows[i].line, error);
        }
        options_finish(&o);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/options-drive/floppies", test_floppies);
    g_test_add_func("/options-drive/settings", test_settings);
    g_test_add_func("/options-drive/devices", test_devices);
    g_test_add_func("/options-drive/device-settings", test_device_settings);
    g_test_add_func("/options-drive/pieces", test_pieces);
    g_test_add_func("/options-drive/refused", test_refused);
    return g_test_run();
}
