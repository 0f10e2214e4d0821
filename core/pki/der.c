#include "core/pki/der.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

#define TAG_HIGHEST     30 /* in one octet */
#define FORM_MALFORMED  0x80
#define FORM_INDEFINITE 0x01
#define NUMBER_OCTETS   5 /* of 2^32 - 1, with its sign */

bool der_is(const struct der *element, int tag)
{
    bool constructed = tag == V_ASN1_SEQUENCE || tag == V_ASN1_SET;
    return !element->contextual && element->tag == tag && element->constructed == constructed;
}

bool der_is_tagged(const struct der *element, int number)
{
    return element->contextual && element->tag == number;
}

/* Takes the first element off what is left. */
static bool next(struct task *t, struct bytes *left, const struct problem_kind *kind,
                 struct der *ret)
{
    const unsigned char *at = left->data;
    long len = 0;
    int tag = 0;
    int class = 0;
    int form = ASN1_get_object(&at, &len, &tag, &class, (long)left->len);
    ERR_clear_error();
    ENSURE(t, (form & (FORM_MALFORMED | FORM_INDEFINITE)) == 0, kind,
           "no DER element where one should be, %zu octets before the end", left->len);
    ENSURE(t, tag <= TAG_HIGHEST && (class == V_ASN1_UNIVERSAL || class == V_ASN1_CONTEXT_SPECIFIC),
           kind, "a DER element with tag %d of class %d", tag, class);
    size_t whole = (size_t)(at - left->data) + (size_t)len;
    /* X.690 10.1: the length has as few octets as it can have. */
    ENSURE(t, (size_t)ASN1_object_size(1, (int)len, tag) == whole, kind,
           "a length that is not written as DER has it");
    *ret = (struct der){
        .tag = tag,
        .contextual = class == V_ASN1_CONTEXT_SPECIFIC,
        .constructed = (form & V_ASN1_CONSTRUCTED) != 0,
        .whole = bytes_make(left->data, whole),
        .content = bytes_make(at, (size_t)len),
    };
    *left = bytes_make(left->data + whole, left->len - whole);
    return true;
}

bool der_elements(struct task *t, struct bytes octets, size_t most, const struct problem_kind *kind,
                  struct der_list *ret)
{
    struct der *items = arena_array(t->arena, most, sizeof(*items));
    struct bytes left = octets;
    size_t count = 0;
    while (left.len > 0) {
        ENSURE(t, count < most, kind, "more than %zu elements where there should not be", most);
        TRY(next(t, &left, kind, &items[count]));
        count++;
    }
    *ret = (struct der_list){items, count};
    return true;
}

bool der_only(struct task *t, struct bytes octets, int tag, const struct problem_kind *kind,
              struct der *ret)
{
    struct der_list list;
    TRY(der_elements(t, octets, 1, kind, &list));
    ENSURE(t, list.count == 1 && der_is(&list.items[0], tag), kind,
           "something else where a %s should be", ASN1_tag2str(tag));
    *ret = list.items[0];
    return true;
}

bool der_in_sequence(struct task *t, struct bytes octets, size_t most,
                     const struct problem_kind *kind, struct der_list *ret)
{
    struct der sequence;
    TRY(der_only(t, octets, V_ASN1_SEQUENCE, kind, &sequence));
    return der_elements(t, sequence.content, most, kind, ret);
}

bool der_number(struct task *t, const struct der *element, const struct problem_kind *kind,
                uint32_t *ret)
{
    struct bytes octets = element->content;
    uint64_t value = 0;
    ENSURE(t,
           der_is(element, V_ASN1_INTEGER) && octets.len > 0 && octets.len <= NUMBER_OCTETS &&
               octets.data[0] < 0x80,
           kind, "no number from 0 to 2^32 - 1 where one should be");
    for (size_t i = 0; i < octets.len; i++)
        value = value << 8 | octets.data[i];
    ENSURE(t, value <= UINT32_MAX, kind, "a number beyond 2^32 - 1");
    *ret = (uint32_t)value;
    return true;
}

bool der_object(struct task *t, const struct der *element, const struct problem_kind *kind,
                const char **ret)
{
    const unsigned char *at = element->whole.data;
    CLEANUP(object_cleanup)
    ASN1_OBJECT *oid = der_is(element, V_ASN1_OBJECT)
                           ? d2i_ASN1_OBJECT(NULL, &at, (long)element->whole.len)
                           : NULL;
    ERR_clear_error();
    ENSURE(t, oid != NULL, kind, "no object identifier where one should be");
    const char *text = oid_text(t, oid);
    ENSURE(t, strlen(text) <= OID_TEXT_MAX && *text != '\0', kind,
           "an OID of more than %d characters", OID_TEXT_MAX);
    *ret = text;
    return true;
}

struct bytes der_retagged(struct task *t, const struct der *element, int tag)
{
    uint8_t *octets = arena_alloc(t->arena, element->whole.len);
    memcpy(octets, element->whole.data, element->whole.len);
    octets[0] = (uint8_t)(tag | V_ASN1_CONSTRUCTED);
    return bytes_make(octets, element->whole.len);
}
