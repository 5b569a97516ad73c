/* See mac.h. */
#include "net/mac.h"

#include <string.h>

static bool parse(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++) {
        int value = 0;
        unsigned digits = 0;
        while (digits < 2 && g_ascii_isxdigit(*text)) {
            value = value << 4 | g_ascii_xdigit_value(*text++);
            digits++;
        }
        if (digits == 0 || (i < 5 ? *text != ':' && *text != '-' : *text != '\0')) {
            return false;
        }
        mac[i] = (uint8_t)value;
        text++;
    }
    return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

bool net_mac_parse(const char *text, uint8_t mac[6], GError **error)
{
    if (!parse(text, mac)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "mac=%s: must be six hexadecimal bytes such as 52:54:00:12:34:56, not a group address", text);
        return false;
    }
    return true;
}
