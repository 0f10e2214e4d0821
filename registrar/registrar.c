#include "registrar/registrar.h"

DEFINE_PROBLEMS(registrar_problems, REGISTRAR_PROBLEMS)

/* RFC 8995 5.6: one status for each cause; what is not here is 500. */
const struct problem_status registrar_statuses[] = {
    /* The request. */
    {E_VOUCHER_MALFORMED, 400},
    {E_VOUCHER_PRIOR_OBJECT, 400},
    {E_VOUCHER_CREATED_ON_DATE, 400},
    {E_VOUCHER_COSE_UNTAGGED, 400},
    {E_CMS_MALFORMED, 400},
    {E_JWS_MALFORMED, 400},
    {E_COSE_MALFORMED, 400},
    {E_CERT_MALFORMED, 400},
    {E_NONCE_MISSING, 400},
    {E_REQUEST_CONTAINER, 400},
    {E_REQUEST_BASE64, 400},
    {E_EMPTY_REQUEST, 400},
    {E_TELEMETRY, 400},
    /* Somebody in between. */
    {E_PROXIMITY, 401},
    {E_PREVIOUS_CERTIFICATE, 401},
    {E_ASSERTION_MISSING, 401},
    /* The request, by whom it is; or what an operator can set right. */
    {E_REQUEST_SIGNATURE, 403},
    {E_REQUEST_SIGNER, 403},
    {E_REQUEST_STALE, 403},
    {E_NONCE_REUSED, 403},
    {E_SERIAL_MISMATCH, 403},
    {E_SERIAL_MISSING, 403},
    {E_MASA_URL, 403},
    {E_MASA_URL_ENCODING, 403},
    {E_MASA_URL_OLD_OID, 403},
    {E_MASA_REFUSED, 403},
    {E_ORDER_DECLINED, 403},
    {E_ONBOARDING_ENDED, 403},
    {E_DEVICE_DECLINED, 403},
    /* The caller, or what is known of it. */
    {E_NO_CERTIFICATE, 404},
    {E_UNKNOWN_MAKER, 404},
    {E_REVOKED_CERTIFICATE, 404},
    {E_CERT_EXPIRED, 404},
    {E_NO_SERIAL, 404},
    {E_IDEVID_EXPIRED, 404},
    {E_IDEVID_REVOKED, 404},
    {E_DEVICE_UNEXPECTED, 404},
    {E_DEVICE_OTHER_KEY, 404},
    {E_DEVICE_GONE, 404},
    {E_TOO_MANY_DEVICES, 404},
    {E_MASA_UNKNOWN, 404},
    {E_NO_EPISODE, 404},
    /* No voucher that can be handed out. */
    {E_MASA_FORM, 406},
    {E_VOUCHER_UNTRUSTED, 406},
    {E_VOUCHER_SIGNATURE, 406},
    {E_VOUCHER_SERIAL, 406},
    {E_VOUCHER_NONCE, 406},
    {E_VOUCHER_ISSUER, 406},
    {E_VOUCHER_EXPIRED, 406},
    {E_VOUCHER_PIN, 406},
    {E_VOUCHER_NOT_VERIFIED, 406},
    {E_VOUCHER_UNREADABLE, 406},
    /* The form. */
    {E_VOUCHER_FORM, 415},
    {E_MEDIA_TYPE_ALIAS, 415},
    {E_MASA_MEDIA_TYPE, 415},
    /* The MASA answered nonsense, or not to us. */
    {E_MASA_CREDENTIALS, 502},
    {E_MASA_ANSWER, 502},
    {E_MASA_BASE64, 502},
    {E_MASA_ALIAS, 502},
    {E_MASA_TEXT_PLAIN, 502},
    /* We ourselves. */
    {E_TOO_MANY_ATTEMPTS, 503},
    {E_TOO_MANY_HELD, 503},
    {E_ORDERS_FULL, 503},
    {E_STORE_FULL, 503},
    {E_STORE_CLOSING, 503},
    {E_CRYPTO, 503},
    /* Nobody, in time. */
    {E_ORDER_EXPIRED, 504},
    {NULL, 0},
};
