#include "core/store/records/all.h"

#include "core/store/records/admission_rule.h"
#include "core/store/records/authority.h"
#include "core/store/records/certificate.h"
#include "core/store/records/cloud.h"
#include "core/store/records/configuration.h"
#include "core/store/records/crl.h"
#include "core/store/records/device.h"
#include "core/store/records/device_name.h"
#include "core/store/records/episode.h"
#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "core/store/records/log_watch.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "core/store/records/setting.h"
#include "core/store/records/shown_certificate.h"
#include "core/store/records/stored_voucher.h"

const struct table *const record_tables[] = {
    &admission_rules,
    &anchor_keys,
    &authorities,
    &cas,
    &crls,
    &certificate_names,
    &certificates,
    &clouds,
    &configurations,
    &devices,
    &device_names,
    &episodes,
    &expected_devices,
    &log_watches,
    &manufacturers,
    &own_domains,
    &profiles,
    &settings,
    &shown_certificates,
    &stored_vouchers,
    &used_nonces,
    &est_labels,
    &est_secrets,
    NULL,
};
