/* See the header. */
#include "chardev/telnet.h"

enum telnet_command {
    TELNET_SE = 240,
    TELNET_BREAK = 243,
    TELNET_INTERRUPT = 244,
    TELNET_SB = 250,
    TELNET_WILL = 251,
    TELNET_WONT = 252,
    TELNET_DO = 253,
    TELNET_DONT = 254,
};

enum telnet_option { TELNET_BINARY = 0, TELNET_ECHO = 1, TELNET_SGA = 3 };

enum { STATE_DATA, STATE_IAC, STATE_OPTION, STATE_SB, STATE_SB_IAC };

const uint8_t telnet_hello[] = {
    TELNET_IAC, TELNET_WILL, TELNET_ECHO,   TELNET_IAC, TELNET_WILL, TELNET_SGA,
    TELNET_IAC, TELNET_WILL, TELNET_BINARY, TELNET_IAC, TELNET_DO,   TELNET_BINARY,
};
const size_t telnet_hello_size = sizeof(telnet_hello);

/* A byte after IAC. Returns true if it stands for itself in the data. */
static bool command(struct telnet *telnet, uint8_t byte, unsigned *breaks)
{
    telnet->state = STATE_DATA;
    switch (byte) {
    case TELNET_IAC:
        return true;
    case TELNET_BREAK:
    case TELNET_INTERRUPT:
        ++*breaks;
        return false;
    case TELNET_SB:
        telnet->state = STATE_SB;
        return false;
    case TELNET_WILL:
    case TELNET_WONT:
    case TELNET_DO:
    case TELNET_DONT:
        telnet->state = STATE_OPTION;
        return false;
    default:
        return false;
    }
}

/* One received byte; true if it is data. */
static bool decode_byte(struct telnet *telnet, uint8_t byte, unsigned *breaks)
{
    switch (telnet->state) {
    case STATE_IAC:
        return command(telnet, byte, breaks);
    case STATE_OPTION:
        telnet->state = STATE_DATA;
        return false;
    case STATE_SB:
        telnet->state = byte == TELNET_IAC ? STATE_SB_IAC : STATE_SB;
        return false;
    case STATE_SB_IAC:
        telnet->state = byte == TELNET_SE ? STATE_DATA : STATE_SB;
        return false;
    default:
        break;
    }
    if (byte == TELNET_IAC) {
        telnet->state = STATE_IAC;
        return false;
    }
    if (telnet->after_cr && (byte == '\n' || byte == 0)) {
        telnet->after_cr = false;
        return false;
    }
    telnet->after_cr = byte == '\r';
    return true;
}

size_t telnet_decode(struct telnet *telnet, uint8_t *data, size_t n, unsigned *breaks)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = data[i];
        if (decode_byte(telnet, byte, breaks)) {
            data[left++] = byte;
        }
    }
    return left;
}
