/* What a request is told to hold, and what is held against one. */
#include "web/views.h"

#include "core/pki/csrattrs.h"

static const struct field question_fields[] = {
    FIELD(1, struct csrattrs_question, device, "device", FIELD_TEXT,
          .help = "Serial number or id of the device, which may be an expected one."),
    FIELD(2, struct csrattrs_question, manufacturer, "manufacturer", FIELD_TEXT,
          .help = "Name of its manufacturer, where several have that serial number."),
    FIELD(3, struct csrattrs_question, profile, "profile", FIELD_TEXT,
          .help = "Instead of a device: what this profile asks of anybody."),
    FIELD(4, struct csrattrs_question, csr, "csr", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = CSR_SIZE_MAX, .help = "The PKCS#10 request (DER) that is to be judged."),
};
const struct record_type csrattrs_question_type =
    RECORD_TYPE("csrattrs-question", 1, struct csrattrs_question, question_fields);

static const struct field report_fields[] = {
    FIELD(1, struct csrattrs_report, profile, "profile", FIELD_TEXT,
          .help = "The enrolment profile that asks."),
    FIELD(2, struct csrattrs_report, serial, "serial-number", FIELD_TEXT, .help = "Of the device."),
    FIELD(3, struct csrattrs_report, manufacturer, "manufacturer", FIELD_TEXT,
          .help = "Of the device."),
    FIELD(4, struct csrattrs_report, attributes, "attributes", FIELD_OCTETS,
          .help = "CSR attributes (DER) as they would be told now."),
    FIELD(5, struct csrattrs_report, told, "told", FIELD_OCTETS,
          .help = "What the device was told in its current onboarding: its request is held against "
                  "that."),
    FIELD(6, struct csrattrs_report, names, "names", FIELD_TEXTS,
          .help = "Names among them that would be this device's alone."),
    FIELD(7, struct csrattrs_report, provisional, "provisional", FIELD_BOOL,
          .help =
              "Whether zeros stand for the opaque identifier, which the device does not have yet: "
              "it gets one when it first asks, and no request can be judged before."),
};
const struct record_type csrattrs_report_type =
    RECORD_TYPE("csrattrs-report", 1, struct csrattrs_report, report_fields);

static const struct field verdict_fields[] = {
    FIELD(1, struct csrattrs_verdict, profile, "profile", FIELD_TEXT,
          .help =
              "The enrolment profile that asks now; absent where it is not what was judged by."),
    FIELD(2, struct csrattrs_verdict, accepted, "accepted", FIELD_BOOL,
          .help = "Whether the request is as asked; what else stands before a certificate is not "
                  "looked at."),
    FIELD(3, struct csrattrs_verdict, problem, "problem", FIELD_TEXT,
          .help = "Name of the problem with it."),
    FIELD(4, struct csrattrs_verdict, detail, "detail", FIELD_TEXT,
          .help = "What was asked and what came."),
    FIELD(100, struct csrattrs_verdict, judged_by, "judged-by", FIELD_TEXT,
          .help = "told: what the device was told in its current onboarding, whatever its profile "
                  "is now; profile: what it would be told now."),
};
const struct record_type csrattrs_verdict_type =
    RECORD_TYPE("csrattrs-verdict", 1, struct csrattrs_verdict, verdict_fields);
