/*
 * EST labels (RFC 7030 3.2.2): under each one clients prove who they are in its own way and get
 * certificates by its own rules.  The unlabelled operations go by the one called "default".
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_EST_LABEL_H
#define GATEHOUSE_CORE_STORE_RECORDS_EST_LABEL_H

#include "core/store/table.h"

#define EST_LABEL_DEFAULT "default"

/* How clients may prove who they are. */
enum est_proof {
    EST_PROOF_IDEVID,      /* a device's IDevID, whose onboarding allows it */
    EST_PROOF_CERTIFICATE, /* a certificate that we issued */
    EST_PROOF_THIRD_PARTY, /* one that chains to the label's own anchors */
    EST_PROOF_PASSWORD,    /* an enrolment secret, by HTTP Basic or Digest */
    EST_PROOF_RA,          /* id-kp-cmcRA, under the label's anchors: it asks for others */
    EST_PROOF_COUNT,
};
extern const char *const est_proof_names[];

/* RFC 7030 4.4: whether keys are made for clients, and how they may leave. */
enum est_server_keys {
    EST_SERVER_KEYS_OFF,
    EST_SERVER_KEYS_ENCRYPTED, /* in CMS, to a key of the client's */
    EST_SERVER_KEYS_PLAIN,     /* also with nothing but TLS around them */
};

enum est_binding { EST_BINDING_OPTIONAL, EST_BINDING_REQUIRED };

struct est_label {
    const char *name; /* slug, and no operation's name; the key */
    const char *title;
    const char *profile;       /* of clients that are no devices */
    struct text_list proofs;   /* est_proof_names: any of them */
    struct bytes_list anchors; /* DER; of third parties and RAs */
    struct text_list domains;  /* names that may be asked for: these, and what is below them */
    unsigned int binding;      /* enum est_binding: RFC 7030 3.5 */
    unsigned int server_keys;  /* enum est_server_keys */
    uint64_t line_length;      /* characters of base64 in a line; 0: one line */
    int64_t renew_before;      /* ms before the end from which on it is renewed; 0: at any time */
    int64_t renew_after;       /* ms after the end until which it is renewed */
    bool password_too;         /* a password besides the certificate */
    bool digest_md5;           /* HTTP Digest by MD5, for clients that know no better */
    bool approval;             /* an administrator decides on each request */
    bool change_subject_name;  /* clients that are no devices may, at a renewal */
    bool full_cmc;             /* fullcmc is served */
    bool other_labels;         /* certificates that were given under other labels are taken */
    uint64_t per_day;          /* certificates for one name */
    int64_t created;
    struct record_rest rest;
};

extern const struct record_type est_label_type;
extern const struct table est_labels;

/* Every rule for a label, those of the field table included; fails with E_INVALID. */
MUST_USE bool est_label_check(struct task *t, const struct est_label *label);
bool est_label_takes(const struct est_label *label, enum est_proof proof);
/*
 * The label of that name; NULL: the default one, which is as its presets say when there is no
 * record of it.  *ret_found is false when there is none.
 */
MUST_USE bool est_label_get(struct task *t, struct reader *r, const char *name,
                            struct est_label *ret, bool *ret_found);

#endif
