#include "tests/unit/asking_fixture.h"

#include "core/base/json.h"

bool read_profile(struct task *t, const char *json, struct profile *ret)
{
    json_t *object;
    struct profile profile;
    record_init(t, &profile_type, &profile);
    profile.name = "test";
    TRY(json_parse(t, bytes_of_text(json), &object));
    TRY(record_from_json(t, &profile_type, object, &profile));
    TRY(profile_check(t, &profile));
    TRY(wishes_check(t, &profile));
    *ret = profile;
    return true;
}

struct profile profile_of(struct task *t, const char *json)
{
    struct profile profile;
    assert_ok(t, read_profile(t, json, &profile));
    return profile;
}

const struct asking_device *router(void)
{
    static struct expected_column columns[] = {
        {.name = "ip", .value = "192.0.2.7"},
        {.name = "rack", .value = "R 12, left+right"},
        {.name = "acp", .value = "fd89b714f3db00000200000064000000+area51"},
    };
    static const struct asking_device device = {
        .serial = "R/1",
        .manufacturer = "acme",
        .id = "00112233445566778899aabbccddeeff",
        .opaque = OPAQUE,
        .columns = {columns, 3},
    };
    return &device;
}

struct wishes wishes_of(struct task *t, const struct profile *profile,
                        const struct asking_device *device)
{
    struct wishes wishes = {.claims = {NULL, 0}};
    assert_ok(t, wishes_compile(t, profile, device, false, &wishes));
    return wishes;
}
