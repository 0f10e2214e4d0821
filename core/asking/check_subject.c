/* The subject: as the template has it, or as the IDevID does. */
#include "core/asking/checking.h"

#include "core/store/records/certificate.h"

#include <string.h>

#include <openssl/err.h>

#define FILLED_MAX 128 /* octets of an attribute that the client fills */

const char *asked_string_text(struct task *t, const ASN1_STRING *string)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, string);
    ERR_clear_error();
    if (len <= 0)
        return NULL;
    const char *text = bytes_to_text(t->arena, bytes_make(utf8, (size_t)len));
    OPENSSL_free(utf8);
    return text;
}

static const char *entry_oid(struct task *t, const X509_NAME_ENTRY *entry)
{
    char *text = arena_alloc(t->arena, 128);
    (void)OBJ_obj2txt(text, 128, X509_NAME_ENTRY_get_object(entry), 1);
    return text;
}

/* Characters that stand for themselves: not a type whose octets merely look like a name. */
static bool is_plain_string(const ASN1_STRING *value)
{
    int type = ASN1_STRING_type(value);
    return type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING;
}

/* NULL: no text. */
static const char *entry_text(struct task *t, const X509_NAME_ENTRY *entry)
{
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    return is_plain_string(value) ? asked_string_text(t, value) : NULL;
}

static bool same_attribute(const X509_NAME_ENTRY *a, const X509_NAME_ENTRY *b)
{
    return OBJ_cmp(X509_NAME_ENTRY_get_object(a), X509_NAME_ENTRY_get_object(b)) == 0 &&
           ASN1_STRING_cmp(X509_NAME_ENTRY_get_data(a), X509_NAME_ENTRY_get_data(b)) == 0;
}

/* How often the name has this attribute with this value. */
static int count_attribute(const X509_NAME *name, const X509_NAME_ENTRY *entry)
{
    int count = 0;
    for (int i = 0; name != NULL && i < X509_NAME_entry_count(name); i++)
        count += same_attribute(X509_NAME_get_entry(name, i), entry);
    return count;
}

static const X509_NAME *stated_by(const struct cert *idevid)
{
    return idevid == NULL ? NULL : X509_get_subject_name(idevid->x509);
}

static bool check_length(struct task *t, const struct checking *c)
{
    ENSURE(t, strlen(csr_wanted_subject_text(t, c->csr)) <= CERTIFICATE_SUBJECT_MAX,
           E_CSR_NOT_AS_ASKED, "the subject is longer than %d characters", CERTIFICATE_SUBJECT_MAX);
    return true;
}

/* ---- By the template ---- */

/* A value that was given, whatever kind of string it came back as. */
static bool check_given(struct task *t, const struct name_attribute *want,
                        const X509_NAME_ENTRY *entry)
{
    const char *given = name_attribute_text(t, want);
    const char *got = entry_text(t, entry);
    ENSURE(t, given != NULL && got != NULL && strcmp(given, got) == 0, E_CSR_NOT_AS_ASKED,
           "the subject's %s is %s, asked for is %s", asked_oid_text(t, want->oid),
           got == NULL ? "no text" : bytes_to_printable(t->arena, bytes_of_text(got), FILLED_MAX),
           given == NULL ? "no text" : given);
    return true;
}

/* The device's own: of the IDevID, its serial number, or a name that was given. */
static bool is_own(struct task *t, const struct checking *c, const X509_NAME_ENTRY *entry,
                   const char *text, bool *ret)
{
    const X509_NAME *stated = stated_by(c->sender->idevid);
    const ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(entry);
    int nid = OBJ_obj2nid(oid);
    bool named = nid == NID_commonName || nid == NID_serialNumber;
    bool own =
        count_attribute(stated, entry) > 0 || (named && strcmp(text, c->sender->serial) == 0);
    if (!own && nid == NID_commonName)
        TRY(check_repeats_name(t, c, text, &own));
    /* What the IDevID says nothing of, and tells no devices apart, is for the device to say. */
    if (!own && !named)
        own = stated == NULL || X509_NAME_get_index_by_OBJ(stated, oid, -1) < 0;
    *ret = own;
    return true;
}

static bool check_filled_in(struct task *t, const struct checking *c, const char *oid,
                            const X509_NAME_ENTRY *entry)
{
    const char *text = entry_text(t, entry);
    bool own = true;
    ENSURE(t, text != NULL && *text != '\0' && strlen(text) <= FILLED_MAX, E_CSR_NOT_AS_ASKED,
           "the subject's %s is to be filled; it is no text of at most %d octets",
           asked_oid_text(t, oid), FILLED_MAX);
    if (c->sender->serial != NULL)
        TRY(is_own(t, c, entry, text, &own));
    ENSURE(t, own, E_CSR_NOT_AS_ASKED,
           "the subject's %s is to be filled with what the IDevID states; it is %s",
           asked_oid_text(t, oid), bytes_to_printable(t->arena, bytes_of_text(text), FILLED_MAX));
    return true;
}

static bool is_of_type(struct task *t, const X509_NAME_ENTRY *entry, const char *oid)
{
    return strcmp(entry_oid(t, entry), oid) == 0;
}

/* RFC 9908 3.4: what is listed, in that order, and nothing else. */
static bool check_in_order(struct task *t, const struct checking *c,
                           const struct csr_template *template)
{
    const X509_NAME *subject = csr_wanted_subject(c->csr);
    int at = 0;
    for (size_t i = 0; i < template->rdn_count; i++) {
        for (size_t j = 0; j < template->rdns[i].count; j++, at++) {
            const struct name_attribute *want = &template->rdns[i].items[j];
            const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
            ENSURE(t,
                   entry != NULL && X509_NAME_ENTRY_set(entry) == (int)i &&
                       is_of_type(t, entry, want->oid),
                   E_CSR_NOT_AS_ASKED, "RDN %zu of the subject is to be %s; the subject is %s",
                   i + 1, asked_oid_text(t, want->oid), csr_wanted_subject_text(t, c->csr));
            TRY(bytes_present(want->value) ? check_given(t, want, entry)
                                           : check_filled_in(t, c, want->oid, entry));
        }
    }
    ENSURE(t, at == X509_NAME_entry_count(subject), E_CSR_NOT_AS_ASKED,
           "the subject %s has more than the %d attributes that are asked for",
           csr_wanted_subject_text(t, c->csr), at);
    return true;
}

/* Somebody else's: each of them is somewhere in it. */
static bool check_anywhere(struct task *t, const struct checking *c,
                           const struct name_attribute *want)
{
    const X509_NAME *subject = csr_wanted_subject(c->csr);
    bool found = false;
    for (int i = 0; !found && i < X509_NAME_entry_count(subject); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        if (!is_of_type(t, entry, want->oid))
            continue;
        found = bytes_present(want->value) ? check_given(t, want, entry)
                                           : check_filled_in(t, c, want->oid, entry);
        task_forgive(t);
    }
    ENSURE(t, found, E_CSR_NOT_AS_ASKED,
           "%s with the value that is asked for is missing in the "
           "subject %s",
           asked_oid_text(t, want->oid), csr_wanted_subject_text(t, c->csr));
    return true;
}

bool check_subject_by_template(struct task *t, const struct checking *c,
                               const struct csr_template *template)
{
    if (c->sender->serial != NULL) {
        TRY(check_in_order(t, c, template));
        return check_length(t, c);
    }
    for (size_t i = 0; i < template->rdn_count; i++) {
        for (size_t j = 0; j < template->rdns[i].count; j++)
            TRY(check_anywhere(t, c, &template->rdns[i].items[j]));
    }
    return check_length(t, c);
}

/* ---- By the IDevID ---- */

/* The draft's privacy: with an opaque identifier the serial number is told to nobody. */
static bool check_hidden(struct task *t, const struct checking *c, const X509_NAME_ENTRY *entry)
{
    const char *text = entry_text(t, entry);
    ENSURE(t,
           text == NULL || !wishes_use(c->sender->profile, "opaque") ||
               strcasestr(text, c->sender->serial) == NULL,
           E_CSR_NOT_AS_ASKED,
           "the subject %s tells the serial number, in place of which profile %s gives an opaque "
           "identifier",
           csr_wanted_subject_text(t, c->csr), c->sender->profile->name);
    return true;
}

bool check_subject_of_device(struct task *t, const struct checking *c)
{
    const X509_NAME *subject = csr_wanted_subject(c->csr);
    const struct cert *idevid = c->sender->idevid;
    if (c->sender->serial == NULL)
        return true;
    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        const char *text = entry_text(t, entry);
        bool given = false;
        if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_commonName && text != NULL)
            TRY(check_repeats_name(t, c, text, &given));
        int allowed = count_attribute(stated_by(idevid), entry) + given;
        /* Each attribute as often as the IDevID has it, and the given name once besides. */
        ENSURE(t, idevid == NULL || count_attribute(subject, entry) <= allowed, E_CSR_NOT_AS_ASKED,
               "the subject %s states what neither the IDevID (%s) nor the CSR attributes do, or "
               "more often",
               csr_wanted_subject_text(t, c->csr), cert_subject(t, idevid));
        TRY(check_hidden(t, c, entry));
    }
    return check_length(t, c);
}

/* ---- What was named bare ---- */

static bool has_attribute(const struct csr *csr, const char *oid)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    bool has =
        object != NULL && (X509_NAME_get_index_by_OBJ(csr_wanted_subject(csr), object, -1) >= 0 ||
                           X509_REQ_get_attr_by_OBJ(csr->request, object, -1) >= 0);
    ASN1_OBJECT_free(object);
    ERR_clear_error();
    return has;
}

bool check_filled(struct task *t, const struct checking *c, const struct text_list *fill)
{
    for (size_t i = 0; i < fill->count; i++)
        ENSURE(t, has_attribute(c->csr, fill->items[i]), E_CSR_NOT_AS_ASKED,
               "%s is to be filled, and stands neither in the subject %s nor beside it",
               asked_oid_text(t, fill->items[i]), csr_wanted_subject_text(t, c->csr));
    return true;
}

bool asked_gives_attribute(struct task *t, const struct csrattrs *asked,
                           const X509_NAME_ENTRY *entry, bool *ret)
{
    const struct csr_template *template = asked->template;
    bool gives = false;
    for (size_t i = 0; template != NULL && i < template->rdn_count; i++) {
        for (size_t j = 0; j < template->rdns[i].count; j++) {
            const struct name_attribute *item = &template->rdns[i].items[j];
            if (!is_of_type(t, entry, item->oid))
                continue;
            /* A common name is a name: the label's domains say whose it is. */
            gives = gives || (bytes_present(item->value) ? check_given(t, item, entry)
                                                         : strcmp(item->oid, "2.5.4.3") != 0);
            task_forgive(t);
        }
    }
    *ret = gives;
    return true;
}
