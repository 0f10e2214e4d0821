#include "est/server_key.h"

#include "core/base/failpoint.h"
#include "core/store/records/event.h"
#include "est/profile.h"
#include "est/wire.h"

#define DEFAULT_KEY KEY_P256 /* where the profile leaves the choice */

static const struct field work_fields[] = {
    FIELD(1, struct server_key_work, csr, "csr", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = CSR_SIZE_MAX, .help = "Request for the key that was made."),
    FIELD(2, struct server_key_work, sealed, "sealed", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .help = "The key as it leaves, sealed by the token."),
    FIELD(3, struct server_key_work, state, "state", FIELD_OCTETS,
          .help = "What the CA connector keeps."),
};
static const struct record_type work_type =
    RECORD_TYPE("server-key-work", 1, struct server_key_work, work_fields);

/* ---- Making ---- */

static bool read_shared(struct task *t, const struct est *est, const char *user,
                        struct cms_recipient *recipient)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct est_secret secret;
    bool found;
    TRY(view_open(t, est->store, &view));
    TRY(table_find(t, view_reader(view), &est_secrets, bytes_of_text(user), &secret, &found));
    ENSURE(t, found && est_secret_is_key(secret.decrypt_key), E_KEY_WISH,
           "the secret %s was taken away meanwhile", user);
    recipient->key = secret.decrypt_key;
    return true;
}

/* RFC 7030 4.4.2: the part that holds the key, as it leaves. */
static bool make_part(struct task *t, const struct est *est, const struct enrolment *enrolment,
                      const struct csr *csr, EVP_PKEY *key, struct bytes *ret)
{
    struct cms_recipient recipient = {.cert = NULL};
    struct key_wish wish;
    struct key_maker maker;
    unsigned bits;
    if (!bytes_present(enrolment->recipient) && enrolment->secret == NULL)
        return key_to_pkcs8(t, key, ret);
    TRY(key_wish_read(t, csr, &wish));
    TRY(key_wish_algorithms(t, &wish, &recipient, &bits));
    recipient.key_id = wish.shared_key;
    TRY(enrolment->secret != NULL ? read_shared(t, est, enrolment->secret, &recipient)
                                  : cert_parse(t, enrolment->recipient, &recipient.cert));
    est->maker(est->maker_context, &maker);
    return key_package(t, key, &maker, bits, &recipient, ret);
}

/* What the client has asked for, for the key that was made, and signed with it. */
static bool make_request(struct task *t, const struct csr *asked, EVP_PKEY *key, struct bytes *ret)
{
    const struct csr_content content = {
        .subject = X509_REQ_get_subject_name(asked->request),
        .extensions = asked->extensions,
    };
    return csr_write(t, key, &content, ret);
}

bool server_key_save(struct task *t, struct order_run *run, const struct server_key_work *work)
{
    struct bytes octets;
    TRY(record_encode(t, &work_type, work, &octets));
    return order_save_work(t, run, octets, NULL, NULL);
}

bool server_key_make(struct task *t, struct order_run *run, const struct enrolment *enrolment,
                     const struct profile *profile, struct server_key_work *ret)
{
    const struct est *est = run->context;
    struct server_key_work work;
    struct csr asked;
    struct bytes part;
    EVP_PKEY *key;
    unsigned bits;
    if (bytes_present(run->work))
        return record_decode(t, &work_type, run->work, ret);
    record_init(t, &work_type, &work);
    TRY(csr_parse_keyless(t, enrolment->csr, &asked));
    enum key_kind kind = wishes_key(profile, &bits);
    TRY(key_generate(t, kind == KEY_OTHER ? DEFAULT_KEY : kind, bits, &key));
    TRY(make_request(t, &asked, key, &work.csr));
    TRY(make_part(t, est, enrolment, &asked, key, &part));
    TRY(keystore_seal(t, est->keys, part, run->order->id, &work.sealed));
    failpoint(FP_SERVER_KEY_BEFORE_SEALED);
    TRY(server_key_save(t, run, &work));
    failpoint(FP_SERVER_KEY_AFTER_SEALED);
    *ret = work;
    return true;
}

bool server_key_drop(struct task *t, struct tx *tx, struct bytes order)
{
    return blob_put(t, tx, &order_table, order, ORDER_BLOB_WORK, BYTES_ABSENT);
}

/* ---- Handing over ---- */

/* An answer on its way, until it has arrived. */
struct delivery {
    const struct est *est;
    struct bytes order;
    const char *actor;
    const char *address;
    const char *subject;
};

static bool note_delivered(struct task *t, struct tx *tx, void *arg)
{
    const struct delivery *d = arg;
    struct order order;
    struct event event;
    struct bytes work;
    TRY(table_get(t, tx_reader(tx), &order_table, d->order, &order));
    TRY(blob_get(t, tx_reader(tx), &order_table, d->order, ORDER_BLOB_WORK, &work));
    if (!bytes_present(work)) /* another answer has arrived before */
        return true;
    TRY(server_key_drop(t, tx, d->order));
    record_init(t, &event_type, &event);
    event.name = "server-key-delivered";
    event.actor = d->actor;
    event.device = order.device;
    event.episode = order.episode;
    event.address = d->address;
    event.detail = arena_printf(t->arena, "subject %s; the key was deleted here", d->subject);
    return event_add(t, tx, &event);
}

static bool forget_key(struct task *t, void *arg)
{
    const struct delivery *d = arg;
    failpoint(FP_SERVER_KEY_BEFORE_GONE);
    TRY(store_update(t, d->est->store, note_delivered, arg));
    failpoint(FP_SERVER_KEY_AFTER_GONE);
    return true;
}

static bool read_part(struct task *t, const struct est *est, struct bytes order, struct bytes *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct server_key_work work;
    struct bytes octets;
    TRY(view_open(t, est->store, &view));
    TRY(blob_get(t, view_reader(view), &order_table, order, ORDER_BLOB_WORK, &octets));
    ENSURE(t, bytes_present(octets), E_SERVER_KEY_GONE,
           "the key of order %s was delivered before, and deleted", bytes_to_hex(t->arena, order));
    TRY(record_decode(t, &work_type, octets, &work));
    return keystore_unseal(t, est->keys, work.sealed, order, ret);
}

bool server_key_reply(struct task *t, const struct est *est, struct bytes order,
                      const struct est_client *client, const struct enrol_request *request,
                      struct http_reply *reply)
{
    const struct server_key *key = request->server_key;
    bool plain = !bytes_present(key->recipient) && key->secret == NULL;
    struct est_part parts[] = {
        {plain ? "application/pkcs8" : "application/pkcs7-mime; smime-type=server-generated-key",
         BYTES_ABSENT},
        {reply->media_type, reply->body},
    };
    struct delivery *delivery = arena_alloc(t->arena, sizeof(*delivery));
    TRY(read_part(t, est, order, &parts[0].octets));
    *delivery = (struct delivery){
        .est = est,
        .order = order,
        .actor = client->name == NULL ? "pledge" : client->name,
        .address = request->address,
        .subject = csr_subject(t, request->csr),
    };
    est_write_parts(t, parts, ARRAY_SIZE(parts), request->label->line_length, reply);
    reply->arrived = forget_key;
    reply->arrived_arg = delivery;
    return true;
}
