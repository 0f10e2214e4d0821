#include "lab/pledge_fault.h"

#include "core/base/json.h"
#include "core/pki/issue.h"
#include "lab/pledge.h"
#include "lab/spoil.h"

#include <openssl/rsa.h>
#include <string.h>

#define HUGE_REQUEST  ((size_t)8 * 1024 * 1024)
#define HUGE_BODY     ((size_t)1024 * 1024)
#define GARBAGE_LEN   1000
#define WEAK_BITS     1024
#define HOSTILE_DEPTH 12
#define OTHER_SERIAL  "SOMEBODY-ELSE"
#define OTHER_NAME    "somebody-else.example"

static const struct fault_kind kinds[] = {{NULL, 0},
#define PLEDGE_FAULT_KIND(id, name, fits, help) [id] = {(name), (fits)},
                                          PLEDGE_FAULTS(PLEDGE_FAULT_KIND)
#undef PLEDGE_FAULT_KIND
};

bool pledge_faults_read(struct task *t, const struct text_list *texts, struct faults *ret)
{
    return faults_read(t, kinds, ARRAY_SIZE(kinds), texts, ret);
}

enum pledge_fault pledge_fault(struct task *t, const struct pledge *p,
                               enum pledge_operation operation)
{
    enum pledge_fault fault = (enum pledge_fault)fault_take(p->world->faults, operation);
    if (fault != PF_NONE)
        report_note(t, &p->line, "fault", kinds[fault].name);
    return fault;
}

void fault_spoils_request(const struct pledge *p, enum pledge_fault fault, struct voucher *request)
{
    switch (fault) {
    case PF_WRONG_SERIAL:
        request->serial_number = OTHER_SERIAL;
        break;
    case PF_WRONG_PROXIMITY:
        request->proximity_registrar_cert = p->idevid.cert->der;
        break;
    case PF_NO_PROXIMITY:
        request->proximity_registrar_cert = BYTES_ABSENT;
        break;
    case PF_NO_ASSERTION:
        request->assertion = NULL;
        break;
    case PF_NO_NONCE:
        request->nonce = NULL;
        break;
    default:
        break;
    }
}

bool fault_spoils_octets(struct task *t, const struct pledge *p, enum pledge_fault fault,
                         struct bytes *octets)
{
    switch (fault) {
    case PF_WRONG_SIGNER:
        return voucher_spoil(t, &p->idevid, p->form, SPOIL_SIGNER, octets);
    case PF_BAD_SIGNATURE:
    case PF_CSR_SIGNATURE:
        return voucher_spoil(t, &p->idevid, p->form, SPOIL_SIGNATURE, octets);
    case PF_GARBAGE:
    case PF_CSR_GARBAGE:
        *octets = bytes_random(t->arena, GARBAGE_LEN);
        break;
    case PF_TRUNCATED:
    case PF_CSR_TRUNCATED:
        octets->len /= 2;
        break;
    case PF_EMPTY:
        octets->len = 0;
        break;
    case PF_HUGE:
        *octets = bytes_make(arena_alloc(t->arena, HUGE_REQUEST), HUGE_REQUEST);
        break;
    case PF_CSR_HUGE:
        *octets = bytes_make(arena_alloc(t->arena, HUGE_BODY), HUGE_BODY);
        break;
    default:
        break;
    }
    return true;
}

/* What a terminal, a browser, a log and a parser might stumble over. */
static bool write_hostile_report(struct task *t, struct bytes *ret)
{
    static const char right_to_left[] = {(char)0xE2, (char)0x80, (char)0xAE, '\0'}; /* U+202E */
    const char *reason =
        arena_printf(t->arena,
                     "\x1B[2J\x1B]0;owned\a<script>alert(1)</script>\r\nlevel=error "
                     "message=\"forged\"\t%s' OR 1=1 --",
                     right_to_left);
    json_t *message = json_in_arena(t, json_pack("{s:i, s:b, s:s, s:o, s:{s:b}}", "version", 1,
                                                 "status", 1, "reason", reason, "reason-context",
                                                 json_array(), "__proto__", "admin", 1));
    json_t *inner = json_object_get(message, "reason-context");
    for (int i = 0; i < HOSTILE_DEPTH; i++) {
        (void)json_array_append_new(inner, json_array());
        inner = json_array_get(inner, 0);
    }
    return json_write(t, message, ret);
}

bool fault_spoils_report(struct task *t, enum pledge_fault fault, struct bytes *body)
{
    switch (fault) {
    case PF_HOSTILE_REPORTS:
        return write_hostile_report(t, body);
    case PF_GARBAGE_REPORTS:
        *body = BYTES_LITERAL("{\"version\":1,\"status\":\xFF\x00}");
        break;
    case PF_HUGE_REPORTS: {
        char *reason = arena_alloc(t->arena, HUGE_BODY + 1);
        memset(reason, 'x', HUGE_BODY);
        *body = bytes_of_text(
            arena_printf(t->arena, "{\"version\":1,\"status\":true,\"reason\":\"%s\"}", reason));
        break;
    }
    default:
        break;
    }
    return true;
}

/* In the place of the one that is there, or beside the others. */
static void ask_for(struct task *t, struct csr_content *content, struct extension extension)
{
    const struct extension_list *old = &content->extensions;
    struct extension_list list = {.items =
                                      arena_array(t->arena, old->count + 1, sizeof(*list.items))};
    for (size_t i = 0; i < old->count; i++) {
        if (strcmp(old->items[i].oid, extension.oid) != 0)
            list.items[list.count++] = old->items[i];
    }
    list.items[list.count++] = extension;
    content->extensions = list;
}

bool fault_spoils_csr(struct task *t, enum pledge_fault fault, struct csr_content *content)
{
    static const char *const name = OTHER_NAME;
    static const char *const purpose = "cmcRA";
    struct extension extension = {.oid = OID_CE_SUBJECT_ALT_NAME};
    switch (fault) {
    case PF_CSR_NAME:
        TRY(extension_dns_names(t, &(struct text_list){(const char **)&name, 1}, &extension.value));
        break;
    case PF_CSR_CA:
        extension = (struct extension){.oid = OID_CE_BASIC_CONSTRAINTS,
                                       .critical = true,
                                       .value = BYTES_LITERAL("\x30\x03\x01\x01\xFF")};
        break;
    case PF_CSR_CMC_RA:
        extension.oid = OID_CE_EXT_KEY_USAGE;
        TRY(extension_ext_key_usage(t, &(struct text_list){(const char **)&purpose, 1},
                                    &extension.value));
        break;
    case PF_CSR_SUBJECT:
        return name_from_text(t, "CN=" OTHER_NAME, &content->subject);
    default:
        return true;
    }
    ask_for(t, content, extension);
    return true;
}

bool fault_weak_key(struct task *t, EVP_PKEY **ret)
{
    EVP_PKEY *key = EVP_RSA_gen(WEAK_BITS);
    ENSURE(t, key != NULL, E_CRYPTO, "cannot make a weak key: %s", crypto_error(t));
    ARENA_DEFER(t->arena, EVP_PKEY_free, key);
    *ret = key;
    return true;
}
