#include "lab/masa_private.h"

#define MEDIA_TYPE_MAX  128
#define REQUEST_MAX     (64 * 1024L)
#define CERTIFICATE_MAX (16 * 1024L)
#define URL_MAX         2048

static const struct field fields[] = {
    FIELD(1, struct masa_commission, media_type, "media-type", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = MEDIA_TYPE_MAX,
          .help = "Media type of the voucher request, and of the voucher that is wanted."),
    FIELD(2, struct masa_commission, voucher_request, "voucher-request", FIELD_OCTETS,
          .flags = FIELD_REQUIRED, .max = REQUEST_MAX, .help = "The pledge's voucher request."),
    FIELD(3, struct masa_commission, pinned_domain_cert, "pinned-domain-cert", FIELD_OCTETS,
          .flags = FIELD_REQUIRED, .max = CERTIFICATE_MAX,
          .help = "What the voucher is to pin, DER."),
    FIELD(4, struct masa_commission, est_domain, "est-domain", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = URL_MAX, .help = "Where the owner's EST server is."),
    FIELD(5, struct masa_commission, additional_configuration_url, "additional-configuration-url",
          FIELD_TEXT, .max = URL_MAX, .help = "Where the device's configuration is."),
    FIELD(6, struct masa_commission, idevid, "idevid", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = CERTIFICATE_MAX, .help = "The pledge's certificate in TLS, DER."),
};
const struct record_type masa_commission_type =
    RECORD_TYPE("commission", 1, struct masa_commission, fields);

bool masa_commission_write(struct task *t, const struct masa_commission *commission,
                           struct bytes *ret)
{
    json_t *json;
    TRY(record_check(t, &masa_commission_type, commission));
    TRY(record_to_json(t, &masa_commission_type, commission, &json));
    return json_write(t, json, ret);
}

bool masa_commission_read(struct task *t, struct bytes json, struct masa_commission *ret)
{
    json_t *object;
    TRY(json_parse(t, json, &object));
    record_init(t, &masa_commission_type, ret);
    return record_from_json(t, &masa_commission_type, object, ret);
}
