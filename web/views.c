#include "web/views.h"

#include "core/pki/revocations.h"
#include "core/store/records/certificate.h"

/* ---- Devices ---- */

static const char *const admission_names[] = {
    "expected", "unexpected", "admitted", "held", "declined", "decommissioned", "sold", NULL,
};

static const struct field device_line_fields[] = {
    FIELD(1, struct device_line, id, "id", FIELD_HEX,
          .help = "Identifies the device; absent while it has not been seen."),
    FIELD(2, struct device_line, serial, "serial-number", FIELD_TEXT,
          .help = "Serial number as its IDevID states it, or is expected to."),
    FIELD(3, struct device_line, manufacturer, "manufacturer", FIELD_TEXT,
          .help = "Name of its manufacturer."),
    FIELD(4, struct device_line, admission, "admission", FIELD_ENUM, .names = admission_names,
          .help = "expected: not seen yet; what else it may be is said of the device."),
    FIELD(5, struct device_line, stage, "stage", FIELD_TEXT,
          .help = "How far its current onboarding has come."),
    FIELD(6, struct device_line, first_seen, "first-seen", FIELD_TIME, .help = "First knock."),
    FIELD(7, struct device_line, last_seen, "last-seen", FIELD_TIME, .help = "Latest request."),
    FIELD(8, struct device_line, last_address, "last-address", FIELD_TEXT,
          .help = "Where that came from."),
    FIELD(9, struct device_line, last_problem, "last-problem", FIELD_TEXT,
          .help = "Name of the latest problem, when it is among the latest events."),
    FIELD(10, struct device_line, last_problem_at, "last-problem-at", FIELD_TIME,
          .help = "When that was."),
    FIELD(11, struct device_line, note, "note", FIELD_TEXT,
          .help = "Remark from the list of expected devices."),
    FIELD(12, struct device_line, waits_for, "waits-for", FIELD_TEXT,
          .help = "Whom its latest open order waits for: approval, or a MASA or CA, with the "
                  "problem that the last attempt met."),
};
const struct record_type device_line_type =
    RECORD_TYPE("device-line", 1, struct device_line, device_line_fields);

static const struct field device_action_fields[] = {
    FIELD(1, struct device_action, action, "action", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "remove: its place on the list is taken away; readmit: the next that comes with "
                  "its serial number is admitted, whatever its key; approve: it is let in although "
                  "it was on no list; decline: it is turned away; revoke: its onboarding is ended "
                  "and its certificates are revoked; decommission, sell: it leaves."),
    FIELD(2, struct device_action, manufacturer, "manufacturer", FIELD_TEXT,
          .help = "Name of the manufacturer whose device is meant; the path then names it by its "
                  "serial number, not by its id."),
    FIELD(3, struct device_action, reason, "reason", FIELD_TEXT, .max = 256,
          .help = "Why, for the device's timeline; not of remove and readmit."),
    FIELD(4, struct device_action, to, "to", FIELD_TEXT, .max = 256, .help = "Of sell: to whom."),
    FIELD(5, struct device_action, erase, "erase", FIELD_TEXT, .max = 16,
          .help = "Of decommission and sell: personal, names or nothing is erased, whatever the "
                  "manufacturer's record says."),
};
const struct record_type device_action_type =
    RECORD_TYPE("device-action", 1, struct device_action, device_action_fields);

/* ---- Configurations ---- */

static const struct field configuration_upload_fields[] = {
    FIELD(1, struct configuration_upload, manufacturer, "manufacturer", FIELD_TEXT,
          .help = "For one device: name of its manufacturer."),
    FIELD(2, struct configuration_upload, serial, "serial-number", FIELD_TEXT,
          .help = "For one device: its serial number."),
    FIELD(3, struct configuration_upload, profile, "profile", FIELD_TEXT,
          .help = "For all devices of an enrolment profile: its name."),
    FIELD(4, struct configuration_upload, file, "file", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .preset = "default", .help = "Name under which devices ask for it."),
    FIELD(5, struct configuration_upload, media_type, "media-type", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .preset = "application/octet-stream",
          .help = "Content-Type that devices are told."),
    FIELD(6, struct configuration_upload, is_template, "template", FIELD_BOOL, .preset = "false",
          .help = "Whether {serial} and the like in it are filled in."),
    FIELD(7, struct configuration_upload, content, "content", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .help = "The file itself."),
};
const struct record_type configuration_upload_type = RECORD_TYPE(
    "configuration-upload", 1, struct configuration_upload, configuration_upload_fields);

/* ---- Certificates ---- */

static const struct field certificate_action_fields[] = {
    FIELD(1, struct certificate_action, action, "action", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "revoke, suspend or resume."),
    FIELD(2, struct certificate_action, reason, "reason", FIELD_TEXT,
          .help = "Of a revocation: key-compromise, affiliation-changed, superseded, "
                  "cessation-of-operation, privilege-withdrawn or unspecified."),
    FIELD(3, struct certificate_action, because, "because", FIELD_TEXT,
          .max = CERTIFICATE_REASON_MAX, .help = "Why, for the record."),
};
const struct record_type certificate_action_type =
    RECORD_TYPE("certificate-action", 1, struct certificate_action, certificate_action_fields);

static const struct field authority_action_fields[] = {
    FIELD(1, struct authority_action, action, "action", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "rollover."),
};
const struct record_type authority_action_type =
    RECORD_TYPE("authority-action", 1, struct authority_action, authority_action_fields);

/* ---- Manufacturers ---- */

static const struct field crl_lists_fields[] = {
    FIELD(1, struct crl_lists, crls, "crls", FIELD_OCTETS_LIST, .max = CRL_COUNT_MAX,
          .help = "Certificate revocation lists (DER), each signed by one of the IDevID anchors; "
                  "they take the place of all that were there."),
};
const struct record_type crl_lists_type =
    RECORD_TYPE("crl-lists", 1, struct crl_lists, crl_lists_fields);

/* ---- Enrolment secrets ---- */

static const struct field secret_wish_fields[] = {
    FIELD(1, struct secret_wish, user, "user", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "User name that goes with it."),
    FIELD(2, struct secret_wish, labels, "labels", FIELD_TEXTS, .flags = FIELD_REQUIRED, .min = 1,
          .help = "EST labels under which it is taken."),
    FIELD(3, struct secret_wish, name, "name", FIELD_TEXT,
          .help = "The one name that may be asked for with it, or *.domain."),
    FIELD(4, struct secret_wish, uses, "uses", FIELD_UINT, .preset = "1",
          .help = "How many certificates it is good for."),
    FIELD(5, struct secret_wish, unlimited, "unlimited", FIELD_BOOL, .preset = "false",
          .help = "Whether it is good for any number of certificates."),
    FIELD(6, struct secret_wish, expires, "expires", FIELD_TIME, .help = "When it ends."),
    FIELD(7, struct secret_wish, password, "password", FIELD_TEXT,
          .help = "The password, of 8 characters or more; without it one is made and is in the "
                  "answer, this once."),
    FIELD(8, struct secret_wish, digest, "digest", FIELD_BOOL, .preset = "false",
          .help = "Whether it can be used with HTTP Digest by SHA-256."),
    FIELD(9, struct secret_wish, digest_md5, "digest-md5", FIELD_BOOL, .preset = "false",
          .help = "Whether it can be used with HTTP Digest by MD5, and SHA-256."),
    FIELD(110, struct secret_wish, decrypt_key, "decrypt-key", FIELD_OCTETS,
          .help = "A key of AES (16, 24 or 32 octets, in base64) that clients share: it encrypts "
                  "the keys that are made for them."),
    FIELD(120, struct secret_wish, cmc, "cmc", FIELD_BOOL, .preset = "false",
          .help = "Whether it can be used for identity proofs of Full CMC."),
};
const struct record_type secret_wish_type =
    RECORD_TYPE("secret-wish", 1, struct secret_wish, secret_wish_fields);

/* ---- Devices that leave ---- */

static const struct field departure_fields[] = {
    FIELD(1, struct departure_view, device, "device", FIELD_RECORD, .sub = &device_type,
          .help = "The device as it is now."),
    FIELD(2, struct departure_view, certificates, "certificates", FIELD_UINT,
          .help = "How many certificates were revoked."),
    FIELD(3, struct departure_view, orders, "orders", FIELD_UINT,
          .help = "How many open orders were cancelled."),
    FIELD(4, struct departure_view, belongings, "belongings", FIELD_UINT,
          .help = "How many names, stored vouchers and configurations were deleted."),
    FIELD(5, struct departure_view, erasure, "erasure", FIELD_HEX, .min = ID_LEN, .max = ID_LEN,
          .help = "The order that erases what was personal; absent when nothing is to be erased."),
};
const struct record_type departure_type =
    RECORD_TYPE("departure", 1, struct departure_view, departure_fields);

/* ---- Vouchers fetched ahead ---- */

static const struct field wish_fields[] = {
    FIELD(1, struct voucher_wish, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Name of the device's manufacturer."),
    FIELD(2, struct voucher_wish, serial, "serial-number", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "The device's serial number; it must be on the list of expected devices."),
    FIELD(3, struct voucher_wish, form, "form", FIELD_TEXT,
          .help = "cms, jws or cose; without it, that of the manufacturer's record."),
    FIELD(4, struct voucher_wish, idevid, "idevid", FIELD_OCTETS,
          .help = "The device's IDevID (DER); not needed for one that has come before."),
    FIELD(5, struct voucher_wish, idevid_issuer, "idevid-issuer", FIELD_OCTETS,
          .help = "The CA (DER) that signed it; instead of it, or beside it."),
};
const struct record_type voucher_wish_type =
    RECORD_TYPE("voucher-wish", 1, struct voucher_wish, wish_fields);

/* ---- Orders ---- */

static const struct field decision_fields[] = {
    FIELD(1, struct decision, decision, "decision", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "approve or decline."),
};
const struct record_type decision_type =
    RECORD_TYPE("decision", 1, struct decision, decision_fields);

/* ---- Status ---- */

static const struct field store_fields[] = {
    FIELD(1, struct status_store, commits, "commits", FIELD_UINT,
          .help = "Transactions made durable since the start."),
    FIELD(2, struct status_store, updates, "updates", FIELD_UINT,
          .help = "Changes that took effect in them."),
    FIELD(3, struct status_store, used, "used", FIELD_SIZE, .help = "Space in use."),
    FIELD(4, struct status_store, size, "size", FIELD_SIZE, .help = "The most it may use."),
    FIELD(5, struct status_store, alarm, "alarm", FIELD_BOOL,
          .help = "Whether it has filled beyond store.alarm-percent."),
};
static const struct record_type store_type =
    RECORD_TYPE("status-store", 1, struct status_store, store_fields);

static const struct field orders_fields[] = {
    FIELD(1, struct status_orders, open, "open", FIELD_UINT,
          .help = "Orders that are ready, running or waiting."),
    FIELD(2, struct status_orders, running, "running", FIELD_UINT,
          .help = "Orders being carried out."),
    FIELD(3, struct status_orders, threads, "threads", FIELD_UINT,
          .help = "Threads that carry orders out."),
    FIELD(4, struct status_orders, oldest_due, "oldest-due", FIELD_TIME,
          .help = "Since when the longest overdue order is due."),
};
static const struct record_type orders_type =
    RECORD_TYPE("status-orders", 1, struct status_orders, orders_fields);

static const struct field pledges_fields[] = {
    FIELD(1, struct status_pledges, connections, "connections", FIELD_UINT,
          .help = "Connections open now."),
    FIELD(2, struct status_pledges, requests, "requests", FIELD_UINT,
          .help = "Requests being handled now."),
    FIELD(3, struct status_pledges, accepted, "accepted", FIELD_UINT,
          .help = "Connections accepted since the start."),
    FIELD(4, struct status_pledges, turned_away, "turned-away", FIELD_UINT,
          .help = "Connections turned away by a limit."),
    FIELD(5, struct status_pledges, swept, "swept", FIELD_UINT,
          .help = "Connections closed because they were overdue."),
    FIELD(6, struct status_pledges, served, "served", FIELD_UINT, .help = "Requests answered."),
    FIELD(7, struct status_pledges, busy, "busy", FIELD_UINT,
          .help = "Requests answered with 503 because of limits.requests."),
};
static const struct record_type pledges_type =
    RECORD_TYPE("status-pledges", 1, struct status_pledges, pledges_fields);

static const char *const announced_names[] = {"off", "starting", "announced", "failing", NULL};

static const struct field announcement_fields[] = {
    FIELD(1, struct status_announcement, state, "state", FIELD_ENUM, .names = announced_names,
          .help = "off: the node file does not ask for it; failing: tried again by itself."),
    FIELD(2, struct status_announcement, since, "since", FIELD_TIME,
          .help = "Since when it is so."),
    FIELD(3, struct status_announcement, name, "name", FIELD_TEXT,
          .help = "The DNS-SD service instance, as it was accepted."),
    FIELD(4, struct status_announcement, sent, "sent", FIELD_UINT,
          .help = "Floods sent, each interface and peer counted."),
    FIELD(5, struct status_announcement, problem, "problem", FIELD_TEXT,
          .help = "Name of the problem that is in the way."),
    FIELD(6, struct status_announcement, detail, "detail", FIELD_TEXT, .help = "What it is."),
    FIELD(7, struct status_announcement, hint, "hint", FIELD_TEXT,
          .help = "What the administrator can do about it."),
};
static const struct record_type announcement_type =
    RECORD_TYPE("status-announcement", 1, struct status_announcement, announcement_fields);

static const struct field discovery_fields[] = {
    FIELD(1, struct status_discovery, mdns, "mdns", FIELD_RECORD, .sub = &announcement_type,
          .help = "mDNS and DNS-SD through Avahi."),
    FIELD(2, struct status_discovery, grasp, "grasp", FIELD_RECORD, .sub = &announcement_type,
          .help = "GRASP floods."),
};
static const struct record_type discovery_type =
    RECORD_TYPE("status-discovery", 1, struct status_discovery, discovery_fields);
static const struct field devices_fields[] = {
    FIELD(1, struct status_devices, counts[DEVICE_ADMITTED], "admitted", FIELD_UINT,
          .help = "Devices that are let in."),
    FIELD(2, struct status_devices, counts[DEVICE_HELD], "held", FIELD_UINT,
          .help = "Devices that wait for an administrator's decision."),
    FIELD(3, struct status_devices, counts[DEVICE_UNEXPECTED], "unexpected", FIELD_UINT,
          .help = "Devices that came and are on nobody's list."),
    FIELD(4, struct status_devices, counts[DEVICE_DECLINED], "declined", FIELD_UINT,
          .help = "Devices that an administrator turned away."),
    FIELD(5, struct status_devices, counts[DEVICE_DECOMMISSIONED], "decommissioned", FIELD_UINT,
          .help = "Devices that were taken out of service."),
    FIELD(6, struct status_devices, counts[DEVICE_SOLD], "sold", FIELD_UINT,
          .help = "Devices that were sold."),
};
static const struct record_type devices_type =
    RECORD_TYPE("status-devices", 1, struct status_devices, devices_fields);

static const struct field status_fields[] = {
    FIELD(1, struct status, version, "version", FIELD_TEXT, .help = "Gatehouse's version."),
    FIELD(2, struct status, libraries, "libraries", FIELD_TEXTS,
          .help = "Versions of the libraries it runs with."),
    FIELD(3, struct status, started, "started", FIELD_TIME, .help = "When it was started."),
    FIELD(4, struct status, uptime, "uptime", FIELD_DURATION, .help = "How long that is ago."),
    FIELD(5, struct status, store, "store", FIELD_RECORD, .sub = &store_type, .help = "The store."),
    FIELD(6, struct status, orders, "orders", FIELD_RECORD, .sub = &orders_type,
          .help = "The orders."),
    FIELD(7, struct status, pledges, "pledges", FIELD_RECORD, .sub = &pledges_type,
          .help = "The HTTP server that pledges talk to."),
    FIELD(8, struct status, discovery, "discovery", FIELD_RECORD, .sub = &discovery_type,
          .help = "How the registrar is announced on the owner's own networks."),
    FIELD(20, struct status, alarms, "alarms", FIELD_RECORDS, .sub = &alarm_type,
          .help = "What is wrong and stays so until somebody sees to it."),
    FIELD(30, struct status, devices, "devices", FIELD_RECORD, .sub = &devices_type,
          .help = "The devices, by what they are admitted as."),
};
const struct record_type status_type = RECORD_TYPE("status", 1, struct status, status_fields);
