/* The EDID block: header, checksum, preferred and largest mode, as a driver reads them. */
#include "tests/support/test.h"

#include <string.h>

#include "hw/display/edid.h"

static void expect_timing(const uint8_t *d, unsigned width, unsigned height, unsigned hz)
{
    unsigned w = d[2] | (d[4] & 0xf0u) << 4, h = d[5] | (d[7] & 0xf0u) << 4;
    unsigned h_total = w + (d[3] | (d[4] & 0x0fu) << 8), v_total = h + (d[6] | (d[7] & 0x0fu) << 8);
    unsigned clock = (d[0] | d[1] << 8) * 10000u;

    g_assert_cmpuint(w, ==, width);
    g_assert_cmpuint(h, ==, height);
    g_assert_cmpuint((clock + h_total * v_total / 2) / (h_total * v_total), ==, hz);
}

static void test_block(void)
{
    static const uint8_t header[8] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    uint8_t edid[EDID_SIZE], sum = 0;

    edid_fill(edid);
    g_assert_cmpmem(edid, 8, header, 8);
    for (unsigned i = 0; i < EDID_SIZE; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    g_assert_cmpuint(sum, ==, 0);
    g_assert_cmpuint(edid[126], ==, 0);
    expect_timing(edid + 54, 1024, 768, 60);
    expect_timing(edid + 72, 2560, 1600, 60);
    g_assert_cmpmem(edid + 113, 4, "vmm\n", 4);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/edid/block", test_block);
    return g_test_run();
}
