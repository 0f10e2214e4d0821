#include "core/store/records/all.h"

#include "core/store/records/authority.h"
#include "core/store/records/certificate.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "core/store/records/setting.h"

const struct table *const record_tables[] = {
    &authorities,   &cas,      &certificates, &devices,     &episodes, &expected_devices,
    &manufacturers, &profiles, &settings,     &used_nonces, NULL,
};
