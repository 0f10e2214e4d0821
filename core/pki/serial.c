#include "core/pki/serial.h"

#include "core/pki/library.h"

#include <regex.h>
#include <string.h>

#include <openssl/err.h>

#define COST_MAX   512 /* places of a pattern when its repetitions are written out */
#define GROUPS_MAX 16  /* open at once; one is the most that passes */

const char *const serial_source_names[] = {"subject", "common-name", "hardware-module-name", NULL};

/* ---- The value ---- */

/* The one attribute of that type in the subject; NULL: there is none. */
static bool read_attribute(struct task *t, const struct cert *cert, int nid, const char *name,
                           const char **ret)
{
    const X509_NAME *subject = X509_get_subject_name(cert->x509);
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    if (at < 0) {
        *ret = NULL;
        return true;
    }
    ENSURE(t, X509_NAME_get_index_by_NID(subject, nid, at) < 0, E_CERT_MALFORMED,
           "more than one %s in the subject %s", name, name_text(t, subject));
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    ENSURE(t, string_text(t, value, ret), E_CERT_MALFORMED, "the %s in the subject %s is no text",
           name, name_text(t, subject));
    return true;
}

static void release_items(void *items)
{
    sk_ASN1_TYPE_pop_free(items, ASN1_TYPE_free);
}

/* RFC 4108 5: HardwareModuleName ::= SEQUENCE { hwType OID, hwSerialNum OCTET STRING } */
static bool read_hardware_serial(struct task *t, const ASN1_TYPE *value, struct bytes *ret)
{
    static const char broken[] = "the HardwareModuleName in the subjectAltName cannot be read";
    ENSURE(t, value->type == V_ASN1_SEQUENCE, E_CERT_MALFORMED, broken);
    struct bytes der = octets_of(value->value.sequence);
    const unsigned char *at = der.data;
    STACK_OF(ASN1_TYPE) *items = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)der.len);
    ERR_clear_error();
    ENSURE(t, items != NULL, E_CERT_MALFORMED, broken);
    arena_defer(t->arena, release_items, items);
    const ASN1_TYPE *number = sk_ASN1_TYPE_value(items, 1);
    ENSURE(t,
           sk_ASN1_TYPE_num(items) == 2 && number->type == V_ASN1_OCTET_STRING &&
               sk_ASN1_TYPE_value(items, 0)->type == V_ASN1_OBJECT,
           E_CERT_MALFORMED, broken);
    *ret = octets_of(number->value.octet_string);
    return true;
}

static bool is_hardware_name(struct task *t, const GENERAL_NAME *name)
{
    return name->type == GEN_OTHERNAME &&
           strcmp(oid_text(t, name->d.otherName->type_id), OID_ON_HARDWARE_MODULE) == 0;
}

static const char *text_of(struct task *t, struct bytes number)
{
    if (is_plain(number) && bytes_are_utf8(number))
        return bytes_to_text(t->arena, number);
    return number.len == 0 ? NULL : bytes_to_hex(t->arena, number);
}

static bool read_hardware_name(struct task *t, const struct cert *cert, const char **ret)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert->x509, NID_subject_alt_name, NULL, NULL);
    const char *found = NULL;
    ERR_clear_error();
    if (names != NULL)
        ARENA_DEFER(t->arena, GENERAL_NAMES_free, names);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct bytes number;
        if (!is_hardware_name(t, name))
            continue;
        ENSURE(t, found == NULL, E_CERT_MALFORMED, "more than one HardwareModuleName");
        TRY(read_hardware_serial(t, name->d.otherName->value, &number));
        found = text_of(t, number);
        ENSURE(t, found != NULL, E_CERT_MALFORMED, "a HardwareModuleName without hwSerialNum");
    }
    *ret = found;
    return true;
}

static bool read_value(struct task *t, const struct cert *cert, unsigned source, const char **ret)
{
    switch ((enum serial_source)source) {
    case SERIAL_FROM_SUBJECT:
        return read_attribute(t, cert, NID_serialNumber, "serialNumber", ret);
    case SERIAL_FROM_COMMON_NAME:
        return read_attribute(t, cert, NID_commonName, "commonName", ret);
    case SERIAL_FROM_HARDWARE_MODULE_NAME:
        return read_hardware_name(t, cert, ret);
    }
    return fail(t, E_INTERNAL, "serial numbers from source %u", source);
}

/* ---- The pattern ---- */

static void release_regex(void *regex)
{
    regfree(regex);
}

static bool compile(struct task *t, const char *pattern, regex_t **ret)
{
    char reason[128];
    regex_t *regex = arena_alloc(t->arena, sizeof(*regex));
    int error = regcomp(regex, pattern, REG_EXTENDED);
    if (error != 0) {
        (void)regerror(error, NULL, reason, sizeof(reason));
        return fail(t, E_INVALID, "the pattern is no extended regular expression: %s", reason);
    }
    arena_defer(t->arena, release_regex, regex);
    *ret = regex;
    return true;
}

/* "[...]", seen from its "[": its length.  A "]" that comes first in it stands for itself. */
static size_t bracket_length(const char *at)
{
    size_t len = at[1] == '^' ? 2 : 1;
    if (at[len] == ']')
        len++;
    for (; at[len] != '\0' && at[len] != ']'; len++) {
        if (at[len] != '[' || strchr(":.=", at[len + 1]) == NULL || at[len + 1] == '\0')
            continue;
        const char *end = strstr(at + len + 2, (char[]){at[len + 1], ']', '\0'});
        len = end == NULL ? strlen(at) - 1 : (size_t)(end - at) + 1;
    }
    return at[len] == '\0' ? len : len + 1;
}

/* "{2,9}", seen from its "{": the greater of its numbers; *ret_len is how far they go. */
static size_t repetitions_of(const char *at, size_t *ret_len)
{
    size_t most = 1;
    size_t len = 1;
    for (size_t number = 0; (at[len] >= '0' && at[len] <= '9') || at[len] == ','; len++) {
        number = at[len] == ',' ? 0 : number * 10 + (size_t)(at[len] - '0');
        if (number > most)
            most = number > COST_MAX ? COST_MAX + 1 : number;
        if (number > COST_MAX)
            number = COST_MAX;
    }
    *ret_len = at[len] == '}' ? len + 1 : len;
    return most;
}

/* How many places a pattern has, repetitions written out: in each group that is open, and all. */
struct cost {
    size_t open[GROUPS_MAX];
    size_t depth;
    size_t last;   /* of what a repetition behind it repeats */
    bool repeated; /* it has been repeated */
};

static void add_cost(struct cost *cost, size_t more)
{
    size_t *sum = &cost->open[cost->depth];
    *sum = *sum + more > COST_MAX ? COST_MAX + 1 : *sum + more;
}

static bool open_group(struct task *t, struct cost *cost)
{
    ENSURE(t, cost->depth + 1 < GROUPS_MAX, E_INVALID, "the pattern's groups are nested too deep");
    cost->open[++cost->depth] = 0;
    return true;
}

static void close_group(struct cost *cost)
{
    cost->last = cost->open[cost->depth];
    cost->repeated = false;
    if (cost->depth > 0)
        cost->depth--;
    add_cost(cost, cost->last);
}

/* "{2,9}", "+" (once, and then any number), "*" or "?" behind what is repeated; its length. */
static size_t repeat(struct cost *cost, const char *at)
{
    size_t len = 1;
    size_t times = *at == '{' ? repetitions_of(at, &len) : *at == '+' ? 2 : 1;
    add_cost(cost, cost->last * (times - 1));
    cost->last *= times;
    if (cost->last > COST_MAX)
        cost->last = COST_MAX + 1;
    return len;
}

static bool one_more(struct task *t, struct cost *cost, const char *at, size_t *ret_len)
{
    *ret_len = 1;
    switch (*at) {
    case '(':
        return open_group(t, cost);
    case ')':
        close_group(cost);
        return true;
    case '{':
    case '+':
    case '*':
    case '?':
        /* POSIX leaves open what it means, and the library takes its time over it. */
        ENSURE(t, !cost->repeated, E_INVALID, "the pattern repeats a repetition");
        *ret_len = repeat(cost, at);
        cost->repeated = true;
        return true;
    case '[':
        *ret_len = bracket_length(at);
        break;
    case '\\':
        ENSURE(t, at[1] < '0' || at[1] > '9', E_INVALID,
               "the pattern refers to a group with \\%c, which is not possible here", at[1]);
        *ret_len = at[1] == '\0' ? 1 : 2;
        break;
    default:
        break;
    }
    cost->last = 1;
    cost->repeated = false;
    add_cost(cost, 1);
    return true;
}

/*
 * What the library cannot bear: references to groups are not regular, and repetitions of
 * repetitions are written out when a pattern is compiled; both may take as long as they like.
 */
static bool check_cost(struct task *t, const char *pattern)
{
    struct cost cost = {.last = 1};
    size_t len;
    for (const char *at = pattern; *at != '\0'; at += len)
        TRY(one_more(t, &cost, at, &len));
    ENSURE(t, cost.depth == 0, E_INVALID, "a group of the pattern does not end");
    ENSURE(t, cost.open[0] <= COST_MAX, E_INVALID,
           "the pattern has more than %d places when its repetitions are written out", COST_MAX);
    return true;
}

bool serial_rule_check(struct task *t, const struct serial_rule *rule)
{
    regex_t *regex;
    if (rule->pattern == NULL)
        return true;
    size_t len = strlen(rule->pattern);
    ENSURE(t, len > 0 && len <= SERIAL_PATTERN_MAX, E_INVALID,
           "the pattern has %zu octets; 1 to %d are possible", len, SERIAL_PATTERN_MAX);
    TRY(check_cost(t, rule->pattern));
    TRY(compile(t, rule->pattern, &regex));
    ENSURE(t, regex->re_nsub == 1, E_INVALID,
           "the pattern has %zu groups in parentheses; it must have one, around the serial number",
           regex->re_nsub);
    return true;
}

/* The part of the value that is in the pattern's group. */
static bool apply(struct task *t, const char *pattern, const char *value, const char **ret)
{
    regmatch_t groups[2];
    regex_t *regex;
    TRY(serial_rule_check(t, &(struct serial_rule){.pattern = pattern}));
    TRY(compile(t, pattern, &regex));
    const char *shown = text_printable(t, bytes_of_text(value));
    ENSURE(t, regexec(regex, value, ARRAY_SIZE(groups), groups, 0) == 0, E_SERIAL_PATTERN,
           "\"%s\" does not match the pattern %s", shown, pattern);
    ENSURE(t, groups[1].rm_so >= 0 && groups[1].rm_eo > groups[1].rm_so, E_SERIAL_PATTERN,
           "the group of the pattern %s holds nothing of \"%s\"", pattern, shown);
    *ret = arena_strndup(t->arena, value + groups[1].rm_so,
                         (size_t)(groups[1].rm_eo - groups[1].rm_so));
    return true;
}

bool cert_device_serial(struct task *t, const struct cert *cert, const struct serial_rule *rule,
                        const char **ret)
{
    const char *value;
    TRY(read_value(t, cert, rule->source, &value));
    ENSURE(t, value == NULL || strlen(value) <= SERIAL_VALUE_MAX, E_CERT_MALFORMED,
           "the %s has more than %d octets", serial_source_names[rule->source], SERIAL_VALUE_MAX);
    if (value == NULL || rule->pattern == NULL) {
        *ret = value;
        return true;
    }
    return apply(t, rule->pattern, value, ret);
}

bool cert_subject_serial(struct task *t, const struct cert *cert, const char **ret)
{
    return cert_device_serial(t, cert, &(struct serial_rule){.source = SERIAL_FROM_SUBJECT}, ret);
}
