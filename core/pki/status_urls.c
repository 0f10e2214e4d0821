#include "core/pki/status_urls.h"

#include "core/pki/library.h"
#include "core/pki/oids.h"

#include <string.h>
#include <strings.h>

#define URL_MAX 512

bool status_url_check(struct task *t, const char *url)
{
    size_t len = strlen(url);
    ENSURE(t, len <= URL_MAX, E_INVALID, "a URL of more than %d characters", URL_MAX);
    /* RFC 5280 8: a list behind TLS would need itself to be fetched. */
    ENSURE(t, strncmp(url, "http://", 7) == 0 && len > 7, E_INVALID, "%s is no http URL",
           text_printable(t, bytes_of_text(url)));
    for (const char *at = url; *at != '\0'; at++)
        ENSURE(t, *at > ' ' && *at < 0x7F, E_INVALID, "%s has characters that no URL has",
               text_printable(t, bytes_of_text(url)));
    return true;
}

/* A name that owns its string; NULL without memory. */
static GENERAL_NAME *url_name(const char *url)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (name == NULL || text == NULL || ASN1_STRING_set(text, url, -1) != 1) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    return name;
}

static void release_points(void *points)
{
    CRL_DIST_POINTS_free(points);
}

/* The point is the list's before it is filled, so that it is released with it. */
static bool add_point(CRL_DIST_POINTS *points, const char *url)
{
    DIST_POINT *point = DIST_POINT_new();
    if (point == NULL || sk_DIST_POINT_push(points, point) <= 0) {
        DIST_POINT_free(point);
        return false;
    }
    point->distpoint = DIST_POINT_NAME_new();
    if (point->distpoint == NULL)
        return false;
    point->distpoint->type = 0; /* fullName */
    point->distpoint->name.fullname = GENERAL_NAMES_new();
    GENERAL_NAME *name = url_name(url);
    if (point->distpoint->name.fullname == NULL || name == NULL ||
        sk_GENERAL_NAME_push(point->distpoint->name.fullname, name) <= 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

bool extension_crl_url(struct task *t, const char *url, struct bytes *ret)
{
    TRY(status_url_check(t, url));
    CRL_DIST_POINTS *points = in_arena(t, release_points, CRL_DIST_POINTS_new());
    ENSURE(t, add_point(points, url), E_CRYPTO, "CRL distribution point: %s", crypto_error(t));
    *ret = ENCODE(t, i2d_CRL_DIST_POINTS, points);
    return true;
}

static void release_access(void *access)
{
    AUTHORITY_INFO_ACCESS_free(access);
}

static bool add_access(struct task *t, AUTHORITY_INFO_ACCESS *access, const char *method,
                       const char *url)
{
    ASN1_OBJECT *borrowed;
    TRY(status_url_check(t, url));
    TRY(oid_object(t, method, &borrowed));
    ACCESS_DESCRIPTION *description = ACCESS_DESCRIPTION_new();
    if (description == NULL || sk_ACCESS_DESCRIPTION_push(access, description) <= 0) {
        ACCESS_DESCRIPTION_free(description);
        return fail(t, E_CRYPTO, "authority information: %s", crypto_error(t));
    }
    ASN1_OBJECT_free(description->method);
    GENERAL_NAME_free(description->location);
    description->method = OBJ_dup(borrowed);
    description->location = url_name(url);
    ENSURE(t, description->method != NULL && description->location != NULL, E_CRYPTO,
           "authority information: %s", crypto_error(t));
    return true;
}

bool extension_authority_info(struct task *t, const char *ocsp_url, const char *issuer_url,
                              struct bytes *ret)
{
    AUTHORITY_INFO_ACCESS *access = in_arena(t, release_access, AUTHORITY_INFO_ACCESS_new());
    ENSURE(t, ocsp_url != NULL || issuer_url != NULL, E_INVALID, "neither URL");
    if (ocsp_url != NULL)
        TRY(add_access(t, access, OID_AD_OCSP, ocsp_url));
    if (issuer_url != NULL)
        TRY(add_access(t, access, OID_AD_CA_ISSUERS, issuer_url));
    *ret = ENCODE(t, i2d_AUTHORITY_INFO_ACCESS, access);
    return true;
}

/* The http URLs of one point, whose full name may be several. */
static void add_urls(struct task *t, const DIST_POINT *point, struct text_list *urls)
{
    const GENERAL_NAMES *names = point->distpoint != NULL && point->distpoint->type == 0
                                     ? point->distpoint->name.fullname
                                     : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && urls->count < STATUS_URLS_MAX; i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        const char *url = type == GEN_URI ? bytes_to_text(t->arena, octets_of(value)) : NULL;
        if (url != NULL && strncasecmp(url, "http://", strlen("http://")) == 0)
            urls->items[urls->count++] = url;
    }
}

bool cert_crl_urls(struct task *t, const struct cert *cert, struct text_list *ret)
{
    int found;
    struct text_list urls = {.items = arena_array(t->arena, STATUS_URLS_MAX, sizeof(char *))};
    CRL_DIST_POINTS *points =
        X509_get_ext_d2i(cert->x509, NID_crl_distribution_points, &found, NULL);
    /* -1: there is no such extension. */
    ENSURE(t, points != NULL || found == -1, E_CERT_MALFORMED,
           "cRLDistributionPoints that cannot be read: %s", crypto_error(t));
    if (points != NULL)
        arena_defer(t->arena, release_points, points);
    for (int i = 0; points != NULL && i < sk_DIST_POINT_num(points); i++)
        add_urls(t, sk_DIST_POINT_value(points, i), &urls);
    *ret = urls;
    return true;
}
