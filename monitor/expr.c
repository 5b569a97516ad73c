/* See the header. Precedence climbing over one table of operators; nesting is bounded. */
#include "monitor/expr.h"

#include <string.h>

#define EXPR_DEPTH_MAX 64
#define EXPR_NAME_MAX  31

enum operation {
    OP_LOGICAL_OR,
    OP_LOGICAL_AND,
    OP_OR,
    OP_XOR,
    OP_AND,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS_EQUAL,
    OP_GREATER_EQUAL,
    OP_SHIFT_LEFT,
    OP_SHIFT_RIGHT,
    OP_LESS,
    OP_GREATER,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MODULO,
};

/* Two-character spellings before their first characters. */
static const struct operator
{
    const char *text;
    enum operation operation;
    unsigned precedence;
}
operators[] = {
    {"||", OP_LOGICAL_OR, 1}, {"&&", OP_LOGICAL_AND, 2}, {"==", OP_EQUAL, 6},
    {"!=", OP_NOT_EQUAL, 6},  {"<=", OP_LESS_EQUAL, 7},  {">=", OP_GREATER_EQUAL, 7},
    {"<<", OP_SHIFT_LEFT, 8}, {">>", OP_SHIFT_RIGHT, 8}, {"|", OP_OR, 3},
    {"^", OP_XOR, 4},         {"&", OP_AND, 5},          {"<", OP_LESS, 7},
    {">", OP_GREATER, 7},     {"+", OP_ADD, 9},          {"-", OP_SUBTRACT, 9},
    {"*", OP_MULTIPLY, 10},   {"/", OP_DIVIDE, 10},      {"%", OP_MODULO, 10},
};

struct parser {
    const struct expr_env *env;
    const char *p;
    unsigned depth;
    GError **error;
};

static bool binary(struct parser *parser, unsigned least, uint64_t *value);

static bool fail(struct parser *parser, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(struct parser *parser, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(parser->error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
    return false;
}

static void skip_blanks(struct parser *parser)
{
    while (*parser->p == ' ' || *parser->p == '\t') {
        parser->p++;
    }
}

static bool number(struct parser *parser, uint64_t *value)
{
    const char *p = parser->p;
    unsigned base = 10;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && g_ascii_isxdigit(p[2])) {
        base = 16;
        p += 2;
    } else if (p[0] == '0') {
        base = 8;
    }
    *value = 0;
    while (g_ascii_isxdigit(*p) && (unsigned)g_ascii_xdigit_value(*p) < base) {
        unsigned digit = (unsigned)g_ascii_xdigit_value(*p++);
        if (*value > (UINT64_MAX - digit) / base) {
            return fail(parser, "number too large");
        }
        *value = *value * base + digit;
    }
    if (g_ascii_isalnum(*p) || *p == '_') {
        return fail(parser, "invalid char '%c' in expression", *p);
    }
    parser->p = p;
    return true;
}

static bool character(struct parser *parser, uint64_t *value)
{
    static const char escapes[] = "n\nr\rt\t0\0\\\\''";
    const char *p = parser->p + 1;
    if (*p == '\0' || *p == '\'') {
        return fail(parser, "unexpected end of character constant");
    }
    *value = (uint8_t)*p;
    if (*p == '\\') {
        p++;
        unsigned i = 0;
        while (i < sizeof(escapes) - 1 && escapes[i] != *p) {
            i += 2;
        }
        if (*p == '\0' || i >= sizeof(escapes) - 1) {
            return fail(parser, "unknown escape in character constant");
        }
        *value = (uint8_t)escapes[i + 1];
    }
    if (p[1] != '\'') {
        return fail(parser, "missing terminating ' character");
    }
    parser->p = p + 2;
    return true;
}

static bool reg(struct parser *parser, uint64_t *value)
{
    char name[EXPR_NAME_MAX + 1];
    unsigned n = 0;
    const char *p = parser->p + 1;
    while (g_ascii_isalnum(*p) || *p == '_' || *p == '.') {
        if (n == EXPR_NAME_MAX) {
            return fail(parser, "unknown register");
        }
        name[n++] = g_ascii_tolower(*p++);
    }
    name[n] = '\0';
    if (parser->env == NULL || parser->env->reg == NULL ||
        !parser->env->reg(parser->env->arg, name, value)) {
        return fail(parser, "unknown register '%s'", name);
    }
    parser->p = p;
    return true;
}

static bool symbol(struct parser *parser, uint64_t *value)
{
    const char *p = parser->p;
    while (g_ascii_isalnum(*p) || *p == '_' || *p == '.' || *p == '$' || *p == '@') {
        p++;
    }
    g_autofree char *name = g_strndup(parser->p, (gsize)(p - parser->p));
    if (parser->env == NULL || parser->env->symbol == NULL ||
        !parser->env->symbol(parser->env->arg, name, value)) {
        return fail(parser, "unknown symbol '%.80s'; registers are written $%.8s", name, name);
    }
    parser->p = p;
    return true;
}

static bool memory(struct parser *parser, uint64_t address, unsigned size, uint64_t *value)
{
    if (parser->env == NULL || parser->env->memory == NULL ||
        !parser->env->memory(parser->env->arg, address, size, value)) {
        return fail(parser, "no memory at 0x%" G_GINT64_MODIFIER "x", address);
    }
    return true;
}

/* [address], [address].b and so on. */
static bool bracket(struct parser *parser, uint64_t *value)
{
    static const char letters[] = "bhwg";
    uint64_t address;
    unsigned size = 0;
    parser->p++;
    if (!binary(parser, 1, &address)) {
        return false;
    }
    skip_blanks(parser);
    if (*parser->p != ']') {
        return fail(parser, "']' expected");
    }
    parser->p++;
    if (*parser->p == '.') {
        const char *letter = parser->p[1] != '\0' ? strchr(letters, parser->p[1]) : NULL;
        if (letter == NULL) {
            return fail(parser, "a size after '].' is b, h, w or g");
        }
        size = 1u << (letter - letters);
        parser->p += 2;
    }
    return memory(parser, address, size, value);
}

static bool primary(struct parser *parser, uint64_t *value)
{
    char c = *parser->p;
    if (c == '[') {
        return bracket(parser, value);
    }
    if (g_ascii_isalpha(c) || c == '_' || c == '.') {
        return symbol(parser, value);
    }
    if (c == '(') {
        parser->p++;
        if (!binary(parser, 1, value)) {
            return false;
        }
        skip_blanks(parser);
        if (*parser->p != ')') {
            return fail(parser, "')' expected");
        }
        parser->p++;
        return true;
    }
    if (c == '$' || c == '%') {
        return reg(parser, value);
    }
    if (c == '\'') {
        return character(parser, value);
    }
    if (c >= '0' && c <= '9') {
        return number(parser, value);
    }
    if (c == '\0') {
        return fail(parser, "unexpected end of expression");
    }
    if (g_ascii_isprint(c)) {
        return fail(parser, "invalid char '%c' in expression", c);
    }
    return fail(parser, "invalid char 0x%02x in expression", (uint8_t)c);
}

static bool unary(struct parser *parser, uint64_t *value)
{
    skip_blanks(parser);
    char c = *parser->p;
    if (c != '-' && c != '+' && c != '~' && c != '!' && c != '*') {
        return primary(parser, value);
    }
    if (++parser->depth > EXPR_DEPTH_MAX) {
        return fail(parser, "expression is nested too deeply");
    }
    parser->p++;
    if (!unary(parser, value)) {
        return false;
    }
    parser->depth--;
    if (c == '*') {
        return memory(parser, *value, 0, value);
    }
    *value = c == '-' ? -*value : c == '~' ? ~*value : c == '!' ? !*value : *value;
    return true;
}

/* A slash right before a letter or a dot divides by nothing that exists: it begins a path, the next
 * argument. */
static bool is_path(const char *p)
{
    return p[0] == '/' && (g_ascii_isalpha(p[1]) || p[1] == '.' || p[1] == '_');
}

static const struct operator* next_operator(struct parser *parser)
{
    skip_blanks(parser);
    if (is_path(parser->p)) {
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (strncmp(parser->p, operators[i].text, strlen(operators[i].text)) == 0) {
            return &operators[i];
        }
    }
    return NULL;
}

/* Returns left OPERATION right; divisors are not 0. */
static uint64_t apply(enum operation operation, uint64_t left, uint64_t right)
{
    switch (operation) {
    case OP_LOGICAL_OR:
        return left || right;
    case OP_LOGICAL_AND:
        return left && right;
    case OP_OR:
        return left | right;
    case OP_XOR:
        return left ^ right;
    case OP_AND:
        return left & right;
    case OP_EQUAL:
        return left == right;
    case OP_NOT_EQUAL:
        return left != right;
    case OP_LESS_EQUAL:
        return left <= right;
    case OP_GREATER_EQUAL:
        return left >= right;
    case OP_SHIFT_LEFT:
        return right < 64 ? left << right : 0;
    case OP_SHIFT_RIGHT:
        return right < 64 ? left >> right : 0;
    case OP_LESS:
        return left < right;
    case OP_GREATER:
        return left > right;
    case OP_ADD:
        return left + right;
    case OP_SUBTRACT:
        return left - right;
    case OP_MULTIPLY:
        return left * right;
    case OP_DIVIDE:
        return left / right;
    case OP_MODULO:
        return left % right;
    }
    return 0;
}

/* Operands joined by operators of at least this precedence. */
static bool binary(struct parser *parser, unsigned least, uint64_t *value)
{
    if (++parser->depth > EXPR_DEPTH_MAX) {
        return fail(parser, "expression is nested too deeply");
    }
    if (!unary(parser, value)) {
        return false;
    }
    const struct operator* op;
    while ((op = next_operator(parser)) != NULL && op->precedence >= least) {
        uint64_t right;
        parser->p += strlen(op->text);
        if (!binary(parser, op->precedence + 1, &right)) {
            return false;
        }
        if ((op->operation == OP_DIVIDE || op->operation == OP_MODULO) && right == 0) {
            return fail(parser, "division by zero");
        }
        *value = apply(op->operation, *value, right);
    }
    parser->depth--;
    return true;
}

bool expr_parse(const struct expr_env *env, const char **text, uint64_t *value, GError **error)
{
    struct parser parser = {.env = env, .p = *text, .error = error};
    if (!binary(&parser, 1, value)) {
        return false;
    }
    skip_blanks(&parser);
    *text = parser.p;
    return true;
}
