#include "registrar/grounds.h"

#include "core/base/clock.h"
#include "core/store/records/standing.h"

/*
 * The device's place on the list.  It is looked for under the manufacturer whose anchor vouches for
 * the IDevID, so a place never serves another's device; it is claimed by the first that comes, and
 * by no other.
 */
static bool find_place(struct task *t, struct reader *r, const struct idevid *idevid,
                       const struct device *device, struct expected *ret, bool *ret_found)
{
    bool found;
    struct bytes key = expected_key(t->arena, idevid->manufacturer->name, idevid->serial);
    TRY(table_find(t, r, &expected_devices, key, ret, &found));
    if (found)
        ENSURE(t, !bytes_present(ret->device) || bytes_equal(ret->device, idevid->device),
               E_DEVICE_OTHER_KEY, "serial number %s was claimed by device %s", idevid->serial,
               bytes_to_hex(t->arena, ret->device));
    *ret_found = found && (device == NULL || standing_outweighed(device, ret));
    return true;
}

static const char *words(const char *text)
{
    return text == NULL ? "no reason given" : text;
}

/* What was decided about the device stays, until somebody decides anew. */
static bool check_decided(struct task *t, const struct device *device)
{
    const char *when = time_to_text(t->arena, device->admission_since);
    switch ((enum device_admission)device->admission) {
    case DEVICE_DECLINED:
        return fail(t, E_DEVICE_DECLINED, "declined at %s by %s: %s", when,
                    device->decided_by == NULL ? "somebody" : device->decided_by,
                    words(device->decided_because));
    case DEVICE_DECOMMISSIONED:
        return fail(t, E_DEVICE_GONE, "decommissioned at %s: %s", when,
                    words(device->decided_because));
    case DEVICE_SOLD:
        return fail(t, E_DEVICE_GONE, "sold at %s%s%s", when, device->sold_to == NULL ? "" : " to ",
                    device->sold_to == NULL ? "" : device->sold_to);
    case DEVICE_UNEXPECTED:
    case DEVICE_ADMITTED:
    case DEVICE_HELD:
        break;
    }
    return true;
}

static struct admission_candidate candidate_of(struct task *t, const struct idevid *idevid)
{
    return (struct admission_candidate){
        .manufacturer = idevid->manufacturer->name,
        .subject = cert_subject(t, idevid->cert),
        .serial = idevid->serial,
    };
}

bool ground_rule(struct task *t, struct view *view, const struct idevid *idevid,
                 const char **ret_rule)
{
    const struct admission_candidate candidate = candidate_of(t, idevid);
    struct admission_rule rule;
    bool found;
    TRY(admission_rule_find(t, view, &candidate, &rule, &found));
    *ret_rule = found ? rule.name : NULL;
    return true;
}

static bool find_rule(struct task *t, struct reader *r, const struct idevid *idevid,
                      const char *name, struct admission_rule *ret, bool *ret_found)
{
    const struct admission_candidate candidate = candidate_of(t, idevid);
    bool found = false;
    if (name != NULL)
        TRY(table_find(t, r, &admission_rules, bytes_of_text(name), ret, &found));
    *ret_found = found && admission_rule_matches(ret, &candidate);
    return true;
}

bool ground_needs_verified(const struct ground *ground)
{
    return ground->kind == GROUND_RULE && !ground->rule.unverified;
}

bool ground_find(struct task *t, struct reader *r, const struct idevid *idevid,
                 const struct device *device, const struct ground_hints *hints, struct ground *ret)
{
    bool found;
    TRY(find_place(t, r, idevid, device, &ret->place, &found));
    ret->kind = GROUND_LIST;
    if (found)
        return true;
    /* RFC 8995 7.3 (2): only expected ones, and no rule or decision by the way stands in for that.
     */
    ENSURE(t, !idevid->unauthenticated, E_DEVICE_UNEXPECTED,
           "serial number %s of manufacturer %s is on no list, and nobody vouches for the device",
           idevid->serial, idevid->manufacturer->name);
    if (device != NULL)
        TRY(check_decided(t, device));
    TRY(find_rule(t, r, idevid, hints->rule, &ret->rule, &found));
    ret->kind = found ? GROUND_RULE : GROUND_HOLD;
    ENSURE(t, found || hints->waits || idevid->manufacturer->unexpected == MANUFACTURER_HOLDS,
           E_DEVICE_UNEXPECTED,
           "serial number %s of manufacturer %s is on no list, and no rule speaks of it",
           idevid->serial, idevid->manufacturer->name);
    return true;
}
