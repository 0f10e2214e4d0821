/* Secrets that client and owner share, in CMC's own words (RFC 5272 6.2, 6.3). */
#include "est/fullcmc.h"

#include "est/password.h"

#include <string.h>

#include <sodium.h>

#define OID_SHA256      "2.16.840.1.101.3.4.2.1"
#define OID_HMAC_SHA256 "1.2.840.113549.2.9"

static bool fits(struct bytes key, struct bytes mac, struct bytes over)
{
    return key.len == crypto_auth_hmacsha256_KEYBYTES && mac.len == crypto_auth_hmacsha256_BYTES &&
           crypto_auth_hmacsha256_verify(mac.data, over.data, over.len, key.data) == 0;
}

/* RFC 5272 6.2.1, 6.3.1.1: the key is a hash of the secret, the witness a MAC with it. */
static bool read_witness(struct task *t, struct bytes der, struct bytes *ret_mac)
{
    struct cmc_witness witness;
    TRY(cmc_witness_parse(t, der, &witness));
    ENSURE(t,
           strcmp(witness.hash_oid, OID_SHA256) == 0 &&
               strcmp(witness.mac_oid, OID_HMAC_SHA256) == 0,
           E_CMC_ALGORITHM, "a witness by hash %s and MAC %s", witness.hash_oid, witness.mac_oid);
    *ret_mac = witness.mac;
    return true;
}

/*
 * Over the requests as they stand.  RFC 6402 has the identification hashed along with the secret,
 * RFC 5272 has not: both are known of it, and either will do.
 */
static bool check_proof(struct task *t, const struct est_secret *secret,
                        const struct cmc_data *data)
{
    struct bytes mac;
    TRY(read_witness(t, data->identity_proof, &mac));
    bool named = fits(secret->cmc_identity_key, mac, data->request_sequence);
    bool plain = fits(secret->cmc_key, mac, data->request_sequence);
    ENSURE(t, named || plain, E_CMC_IDENTITY,
           "the proof was not made with this secret, or the secret was not made for Full CMC: %s",
           secret->user);
    return true;
}

/* Without HTTP's password the identity proof stands for it. */
bool fullcmc_secret(struct task *t, const struct est *est, struct http_request *rq,
                    const struct est_label *label, const void *arg, struct est_secret *ret)
{
    const struct cmc_data *data = arg;
    struct est_secret secret;
    bool found;
    if (!bytes_present(data->identity_proof) || http_request_header(rq, "Authorization") != NULL)
        return password_check(t, est, rq, label, ret);
    ENSURE(t, data->identification != NULL, E_CMC_IDENTITY,
           "an identity proof that does not say whose secret it is made with");
    TRY(password_find(t, est, data->identification, &secret, &found));
    if (!found)
        secret = (struct est_secret){
            .user = data->identification,
            .cmc_key = bytes_random(t->arena, SHA256_LEN),
            .cmc_identity_key = bytes_random(t->arena, SHA256_LEN),
        };
    TRY(check_proof(t, &secret, data));
    if (!est_secret_holds(t, &secret, label->name))
        return fail(t, E_CMC_IDENTITY, "%s", t->detail);
    *ret = secret;
    return true;
}

bool fullcmc_check_secret(struct task *t, const struct est_client *client,
                          const struct cmc_data *data)
{
    if (data->identification == NULL && !bytes_present(data->identity_proof))
        return true;
    ENSURE(t, client->has_secret, E_CMC_IDENTITY,
           "the client is known by its certificate, and no secret is asked for");
    ENSURE(t,
           data->identification == NULL || strcmp(data->identification, client->secret.user) == 0,
           E_CMC_IDENTITY, "the password is of %s, the identification says %s", client->secret.user,
           data->identification);
    return !bytes_present(data->identity_proof) || check_proof(t, &client->secret, data);
}

bool fullcmc_check_link(struct task *t, const struct est_client *client,
                        const struct cmc_data *data, struct bytes witness)
{
    struct bytes mac;
    if (!bytes_present(data->link_random) && !bytes_present(witness))
        return true;
    ENSURE(t, bytes_present(data->link_random) && bytes_present(witness), E_CMC_LINK,
           "a POP link random value without a witness, or the other way round");
    ENSURE(t, client->has_secret, E_CMC_LINK, "the client has shown no secret to link with");
    TRY(read_witness(t, witness, &mac));
    ENSURE(t, fits(client->secret.cmc_key, mac, data->link_random), E_CMC_LINK,
           "the witness was not made with the secret %s, or that was not made for Full CMC",
           client->secret.user);
    return true;
}
